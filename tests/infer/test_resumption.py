"""Runs that are killed at any moment and go on: the file is that of an undisturbed run, and nothing is done twice."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

# `xlm translate` with capitals in place of translations; the texts it is asked for are told in a file.
CAPITALS = """
import json, sys, time
from xlmcli import cli, journal
from xlmcli.infer import directions
from xlmcli.infer.pieces import Piece, Prepared
from xlmcli.infer.hypotheses import Hypothesis, Translations

class Pending:
    def wait(self):
        time.sleep(0.004)
        return [None]

class Capitals:
    num_workers = 1

    def __init__(self, told):
        self.told = open(told, "a", buffering=1)

    def prepare(self, records):
        for record in records:
            self.told.write(json.dumps(record.text) + "\\n")
        return [Prepared([Piece([0] * 8)]) for _ in records]

    def submit(self, batch):
        return Pending()

    def finish(self, record, prepared, results):
        return Translations((Hypothesis(record.text.upper(), 0.0),))

journal.SECONDS_BETWEEN_SAVES = 0.02
journal._FRAME_BYTES = 1000
told = sys.argv.pop(1)
directions.open_translation = lambda *_: Capitals(told)
cli.run(sys.argv[1:])
"""
NUM_RECORDS = 400
NUM_KILLS = 5


@pytest.mark.parametrize("name", ["in.csv", "in.txt.zst"])
def test_a_run_that_is_killed_goes_on(tmp_path: Path, name: str) -> None:
    import zstandard

    texts = [f'text {number}, "quoted"\non {number % 3} lines' for number in range(NUM_RECORDS)]
    source, out, told = tmp_path / name, tmp_path / "out.gz", tmp_path / "told"
    if name == "in.csv":
        rows = (f'{number},"{text.replace(chr(34), chr(34) * 2)}"\r\n' for number, text in enumerate(texts))
        source.write_bytes(("number,text\r\n" + "".join(rows)).encode())
        options = ["--format", "csv", "--column", "text"]
    else:
        texts = [text.replace("\n", " ") for text in texts]
        source.write_bytes(zstandard.compress("".join(f"{text}\n" for text in texts).encode()))
        options = []
    has_header = bool(options)
    command = [sys.executable, "-c", CAPITALS, str(told), "translate", str(source), *options, "--max-batch-tokens", "8"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    undisturbed = tmp_path / "undisturbed.gz"
    subprocess.run([*command, "-o", undisturbed, "--resume"], env=environment, check=True, timeout=120)

    moments, num_done, num_killed = random.Random(3), 0, 0
    part, journal = tmp_path / "out.gz.part", tmp_path / "out.gz.part.json"

    def count_done() -> int:
        return json.loads(journal.read_text())["done"]["num_records"] if journal.exists() else 0

    while not out.exists():
        told.unlink(missing_ok=True)
        process = subprocess.Popen([*command, "-o", out, "--resume"], env=environment)
        if num_killed < NUM_KILLS:
            goal = num_done + moments.randrange(NUM_RECORDS // NUM_KILLS)
            while not (told.exists() and count_done() >= goal) and process.poll() is None:
                time.sleep(0.001)
            process.kill()
            num_killed += 1
        process.wait(120)
        asked = [json.loads(line) for line in told.read_text().splitlines()] if told.exists() else []
        first = max(0, num_done - has_header)
        assert asked == texts[first : first + len(asked)], "it begins behind the last record of the journal"
        if not out.exists():
            assert part.exists()
            num_done = count_done()
    assert out.read_bytes() == undisturbed.read_bytes()
    assert num_done > 0
