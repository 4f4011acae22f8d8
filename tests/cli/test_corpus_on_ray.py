"""``xlm corpus`` on Ray: workers and the run itself are killed, and nothing is lost or done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

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


def parents() -> dict[int, int]:
    """The parent of each process of this machine."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    return found


def descendants(pid: int) -> set[int]:
    tree, found, new = parents(), set(), {pid}
    while new:
        found |= new
        new = {child for child, parent in tree.items() if parent in new} - found
    return found - {pid}


def workers(pid: int) -> list[int]:
    def command(process: int) -> bytes:
        try:
            return Path(f"/proc/{process}/cmdline").read_bytes()
        except OSError:
            return b""

    return sorted(process for process in descendants(pid) if command(process).startswith(b"ray::MapWorker"))


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def num_records(out: Path) -> dict[str, int]:
    """Records that are done of each file that is not complete."""
    found = {}
    for path in out.rglob("*.part.json"):
        try:
            found[path.parent.name] = json.loads(path.read_text())["done"]["num_records"]
        except FileNotFoundError:
            continue
    return found


def test_killed_workers_and_runs_lose_and_double_nothing(folder: Path, tiny_classifier: Path) -> None:
    options = ["--lang", "en", "-m", str(tiny_classifier), "--max-batch-tokens", "64"]
    program = [sys.executable, "-m", "xlmcli"]
    command = [*program, "corpus", "classify", "in", "-o", "out", *options, "--workers", "2"]
    out = folder / "out"
    run = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE)
    wait_for(lambda: any(num_records(out).values()) or run.poll() is not None)
    first = workers(run.pid)
    assert first, run.stderr and run.stderr.read().decode()
    os.kill(first[0], signal.SIGKILL)
    wait_for(lambda: set(workers(run.pid)) - set(first) or run.poll() is not None)
    helpers = descendants(run.pid)
    run.kill()
    run.communicate()
    wait_for(lambda: not helpers & parents().keys())
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
