"""``xlm corpus`` on Ray: workers and the run itself are killed, and nothing is lost or done twice."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.processes import find_descendants, find_workers

pytest.importorskip("ray")

NUM_FILES, NUM_TEXTS = 4, 4000
SECONDS = 240.0


@pytest.fixture
def folder(tmp_path: Path, sentences: dict[str, list[str]]) -> Path:
    (tmp_path / "in").mkdir()
    texts = [*sentences["en"], *sentences["fr"]]
    for number in range(NUM_FILES):
        lines = (f"{texts[(row * 7 + number) % len(texts)]} {row}\n" for row in range(NUM_TEXTS))
        (tmp_path / f"in/{number}.txt").write_text("".join(lines))
    (tmp_path / "in/bad.txt").write_bytes(b"Good.\n\xff\n")
    return tmp_path


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def has_begun(out: Path) -> bool:
    """Tells whether records are done of a file that is not complete."""
    with contextlib.suppress(FileNotFoundError):  # It was completed meanwhile.
        return any(b'"num_records": 0' not in path.read_bytes() for path in out.rglob("*.part.json"))
    return False


def test_killed_workers_and_runs_lose_and_double_nothing(folder: Path, tiny_classifier: Path) -> None:
    options = ["--lang", "en", "-m", str(tiny_classifier), "--max-batch-tokens", "64"]
    program = [sys.executable, "-m", "xlmcli"]
    command = [*program, "corpus", "classify", "in", "-o", "out", *options, "--workers", "2"]
    out = folder / "out"
    run = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE)
    wait_for(lambda: has_begun(out) or run.poll() is not None)
    first = find_workers(run.pid)
    assert first, run.stderr and run.stderr.read().decode()
    os.kill(first[0], signal.SIGKILL)
    wait_for(lambda: set(find_workers(run.pid)) - set(first) or run.poll() is not None)
    helpers = find_descendants(run.pid)
    run.kill()
    run.communicate()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in helpers))
    done = {path: path.stat().st_mtime_ns for path in out.glob("*.txt")}

    again = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert again.returncode == 1, again.stderr
    assert again.stdout == ""
    last = f"error: 1 of {NUM_FILES + 1 - len(done)} files could not be done"
    assert last in again.stderr.splitlines(), again.stderr
    assert all(line.startswith(("note: ", "error: ", "hint: ")) for line in again.stderr.splitlines() if line)
    (failed,) = map(json.loads, (out / "failed.jsonl").read_text().splitlines())
    assert failed["output"] == "bad.txt"
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    for number in range(NUM_FILES):
        expected = subprocess.run([*program, "classify", f"in/{number}.txt", *options], cwd=folder, capture_output=True)
        labels = [line.split(b"\t")[0] for line in expected.stdout.splitlines()]
        written = (out / f"{number}.txt").read_bytes().splitlines()
        assert [line.split(b"\t")[0] for line in written] == labels
