"""``python -m benchmarks.corpora``: ``xlm corpus`` against the pipe, and what kills make of it.

The lines of one corpus go through ``xlm classify`` and, in files, through ``xlm corpus classify``. Processor time is
compared too: other work on the machine falsifies it less. With ``--kill`` a worker is killed in the middle and then
the run itself, which is started again; labels must be those of the pipe.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import SHORTEST_SECONDS, XLM, find_workers, spend_process

_WORDS = ("good", "bad", "film", "like", "hate", "house", "very", "is", "not", "great", "boring", "music", "never")
_TICKS = os.sysconf("SC_CLK_TCK")
_SECONDS_BETWEEN_LOOKS = 0.5
_TOO_SHORT = "error: the run was over before anything could be seen; give it more --lines"


@dataclass(slots=True)
class Watched:
    """What was seen of a run.

    Attributes:
        seconds: From its start to its end.
        working_seconds: From when the first piece was begun; None if none was seen.
        processor_seconds: Of each worker, by its process id.
        start_seconds: Of these, before the first piece was begun.
        memory: Megabytes of the workers, as time went by.
    """

    seconds: float = 0.0
    working_seconds: float | None = None
    processor_seconds: dict[int, float] = field(default_factory=dict)
    start_seconds: dict[int, float] = field(default_factory=dict)
    memory: dict[int, list[float]] = field(default_factory=dict)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("classify", nargs="*", help="after --: options of xlm classify")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, options.lines, options.files)
        pipe = [XLM, "classify", *options.classify]
        corpus = [
            XLM,
            "corpus",
            "classify",
            *options.classify,
            str(folder / "in"),
            "-o",
            str(folder / "out"),
            "--workers",
        ]
        corpus.append(str(options.workers))
        os.environ["OMP_NUM_THREADS"] = str(options.workers)
        empty = spend_process(pipe)
        whole = spend_process(pipe, folder / "all.txt", folder / "expected.txt")
        del os.environ["OMP_NUM_THREADS"]
        seconds = max(whole.seconds - empty.seconds, SHORTEST_SECONDS)
        processor_seconds = max(whole.processor_seconds - empty.processor_seconds, SHORTEST_SECONDS)
        _tell("pipe", options.lines, seconds, processor_seconds)
        if options.kill:
            _kill(corpus, folder / "out", options.files)
        else:
            watched = _watch(subprocess.Popen(corpus), folder / "out")
            used = sum(watched.processor_seconds.values()) - sum(watched.start_seconds.values())
            if watched.working_seconds is None or used <= 0:
                sys.exit(_TOO_SHORT)
            _tell("corpus, from its first piece on", options.lines, watched.working_seconds, used)
            _tell("corpus, whole", options.lines, watched.seconds, used)
            print(f"ratio of lines/s: {seconds / watched.working_seconds:.2f}")
            print(f"ratio of lines per processor second of workers: {processor_seconds / used:.2f}")
            for samples in watched.memory.values():
                marks = [samples[len(samples) * part // 8] for part in range(1, 8)]
                print("worker's memory, MB:", *(f"{mark:.0f}" for mark in marks))
        return _compare(folder)


def _write(folder: Path, num_lines: int, num_files: int) -> None:
    words = random.Random(1)
    (folder / "in").mkdir()
    with (folder / "all.txt").open("w") as everything:
        for number in range(num_files):
            with (folder / f"in/{number:04}.txt").open("w") as file:
                for row in range(num_lines * number // num_files, num_lines * (number + 1) // num_files):
                    line = f"{' '.join(words.choice(_WORDS) for _ in range(words.randint(3, 12)))} {row}\n"
                    file.write(line)
                    everything.write(line)


def _tell(name: str, num_lines: int, seconds: float, processor_seconds: float) -> None:
    print(f"{name}: {num_lines / seconds:,.0f} lines/s, {num_lines / processor_seconds:,.0f} a processor second")


def _watch(process: subprocess.Popen[bytes], output: Path) -> Watched:
    """Looks at a run's workers until it ends.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    watched, start = Watched(), time.monotonic()
    first: float | None = None
    while process.poll() is None:
        for pid in find_workers(process.pid):
            seconds, megabytes = _usage(pid)
            if first is None:
                watched.start_seconds[pid] = seconds
            if seconds:
                watched.processor_seconds[pid] = seconds
                watched.memory.setdefault(pid, []).append(megabytes)
        if first is None and any(output.glob(".xlm-corpus/pieces/*/*")):
            first = time.monotonic()
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    _check(process)
    watched.seconds = time.monotonic() - start
    watched.working_seconds = None if first is None else time.monotonic() - first
    return watched


def _kill(command: Sequence[str], output: Path, num_files: int) -> None:
    """Kills a worker once a quarter of the files is done, the run once half is, and starts it again."""
    process = subprocess.Popen(command)
    _wait_for(output, num_files // 4, process)
    workers = find_workers(process.pid)
    if not workers:
        sys.exit(_TOO_SHORT)
    pid = workers[0]
    os.kill(pid, signal.SIGKILL)
    print(f"worker {pid} killed with {_num_done(output)} files done")
    _wait_for(output, num_files // 2, process)
    process.kill()
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in output.glob("*.txt")}
    print(f"the run killed with {len(done)} files done")
    subprocess.run(command, check=True)
    again = sum(path.stat().st_mtime_ns != time for path, time in done.items())
    print(f"{again} of these were done again")


def _wait_for(output: Path, num_files: int, process: subprocess.Popen[bytes]) -> None:
    while _num_done(output) < num_files:
        if process.poll() is not None:
            _check(process)
            sys.exit(_TOO_SHORT)
        time.sleep(_SECONDS_BETWEEN_LOOKS / 10)


def _check(process: subprocess.Popen[bytes]) -> None:
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)


def _num_done(output: Path) -> int:
    return sum(1 for _ in output.glob("*.txt"))


def _compare(folder: Path) -> int:
    """Compares labels; probabilities depend on a batch's other texts in their last digits."""
    with (folder / "written.txt").open("wb") as written:
        for path in sorted((folder / "out").glob("*.txt")):
            with path.open("rb") as file:
                shutil.copyfileobj(file, written)
    labels = []
    for name in ("expected.txt", "written.txt"):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        labels.append([line.split("\t")[0] for line in lines])
    print(f"{len(labels[1]):,} lines written, the labels {'are' if labels[0] == labels[1] else 'are NOT'} the pipe's")
    return 0 if labels[0] == labels[1] else 1


def _usage(pid: int) -> tuple[float, float]:
    """Returns the processor seconds and the megabytes of a process; zeros if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


if __name__ == "__main__":
    sys.exit(main())
