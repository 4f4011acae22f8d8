"""Processes as they are measured: what one takes from start to end, its memory, and its answers to single lines."""

from __future__ import annotations

import os
import resource
import select
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

XLM = str(Path(sysconfig.get_path("scripts")) / "xlm")
NOTHING = Path(os.devnull)
ONE_LINE_LIMIT_SECONDS = 0.5
WARM_UP_LINES = 32
SHORTEST_SECONDS = 1e-3
"""What a corpus counts as that is too small to be timed."""

# Without what keeps Python from storing compiled code: an installed package's is stored.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

_PATIENCE_SECONDS = 60
_CHUNK_BYTES = 1 << 16
# A process starts with the peak of the one that starts it: a small one in between keeps torch out of it.
_PEAK_SCRIPT = """\
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"""
_PEAK_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024
# The threads of the engine and of torch spin for a moment after their work; whoever is next must not pay for it.
_SETTLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Spent:
    """What something took.

    Attributes:
        seconds: On the clock.
        processor_seconds: Of all cores together, which other work on the machine falsifies less.
    """

    seconds: float
    processor_seconds: float


def spend_process(command: Sequence[str], stdin: Path = NOTHING, stdout: Path = NOTHING) -> Spent:
    """Returns what a process takes from its start to its end.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    with stdin.open("rb") as source, stdout.open("wb") as sink:
        before, started = _children_seconds(), time.perf_counter()
        subprocess.run(command, stdin=source, stdout=sink, check=True, env=_ENVIRONMENT)
        return Spent(time.perf_counter() - started, _children_seconds() - before)


def time_process(command: Sequence[str], stdin: Path = NOTHING, stdout: Path = NOTHING) -> float:
    """Returns how many seconds a process takes; see `spend_process`."""
    return spend_process(command, stdin, stdout).seconds


def spend_call(function: Callable[[], object]) -> Spent:
    """Returns what a call takes, and lets its threads come to rest."""
    before, started = time.process_time(), time.perf_counter()
    function()
    spent = Spent(time.perf_counter() - started, time.process_time() - before)
    time.sleep(_SETTLE_SECONDS)
    return spent


def time_call(function: Callable[[], object]) -> float:
    """Returns how many seconds a call takes; see `spend_call`."""
    return spend_call(function).seconds


def peak_megabytes(command: Sequence[str], stdin: Path) -> float:
    """Returns the most memory that a process holds."""
    with stdin.open("rb") as source:
        done = subprocess.run(
            [sys.executable, "-c", _PEAK_SCRIPT, *command],
            stdin=source,
            stdout=subprocess.PIPE,
            check=True,
            env=_ENVIRONMENT,
        )
    return int(done.stdout) * _PEAK_UNIT_BYTES / 1e6


def write_text(path: Path, lines: Iterable[str]) -> Path:
    """Writes lines to a file, and returns its path."""
    with path.open("wb") as file:
        file.writelines(f"{line}\n".encode() for line in lines)
    return path


class Pipe:
    """Asks a process that goes on running for one line at a time.

    Args:
        process: With pipes for its input and output, unbuffered.
        lines: What to ask.
    """

    def __init__(self, process: subprocess.Popen[bytes], lines: Iterator[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin: IO[bytes] = process.stdin
        self._stdout: IO[bytes] = process.stdout
        self._lines = lines

    def ask(self) -> None:
        """Writes the next line and waits for the answer.

        Raises:
            TimeoutError: There is none.
            EOFError: The process has ended.
        """
        self._stdin.write(f"{next(self._lines)}\n".encode())
        answer = b""
        while not answer.endswith(b"\n"):
            if not select.select([self._stdout], [], [], _PATIENCE_SECONDS)[0]:
                raise TimeoutError(f"xlm has not answered a line for {_PATIENCE_SECONDS} s")
            answer = os.read(self._stdout.fileno(), _CHUNK_BYTES)
            if not answer:
                raise EOFError("xlm has ended")


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def find_descendants(pid: int) -> set[int]:
    """Returns the processes that a process has started, and those that they have."""
    parents = {
        int(path.name): _read(path / "stat").rpartition(b")")[2].split() for path in Path("/proc").glob("[0-9]*")
    }
    found, new = set[int](), {pid}
    while new:
        found |= new
        new = {child for child, fields in parents.items() if fields and int(fields[1]) in new} - found
    return found - {pid}


def find_workers(pid: int) -> list[int]:
    """Returns those of them that are workers of Ray Data."""
    return sorted(
        process for process in find_descendants(pid) if _read(Path(f"/proc/{process}/cmdline")).startswith(b"ray::MapW")
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # It has ended.
        return b""
