"""``python -m benchmarks.training_processes``: pretraining by one process and by two, and text that fits no memory.

Two processes of one core each, under ``torchrun``, take a batch each at every step; the figures are tokens/s of all.
With ``--memory`` one process trains from the cache of a small text and of one twenty times as large: the memory that it
has for itself does not follow, since ids are pages of mapped files. With ``--limit-with`` a command stands before all
of it that allows less memory than these files take, such as ``systemd-run --scope --quiet -p MemoryMax=800M``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.processes import XLM

_LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "xlmcli"]
_RUN = ("--precision", "fp32", "--device", "cpu", "--quiet", "--valid-every", "100000", "--warmup", "10")
_NUM_WORDS = 3000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--limit-with", type=shlex.split, default=[], metavar="COMMAND")
    options = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "text.txt", options.lines)
        _write(folder / "small.txt", options.lines // 20)
        subprocess.run(
            [
                XLM,
                "tokenizer",
                "train",
                "--vocab-size",
                "2000",
                "--lang",
                f"en={folder / 'small.txt'}",
                folder / "vocabulary",
            ],
            check=True,
        )
        if options.memory:
            return _compare_memory(folder, options)
        one = _train([XLM], folder, "text.txt", "one", options)
        two = _train(_LAUNCH, folder, "text.txt", "two", options)
        speeds = [_speed(folder / run) for run in ("one", "two")]
        print(f"one process: {speeds[0]:,.0f} tokens/s, {one:,.0f} s in all")
        print(f"two processes: {speeds[1]:,.0f} tokens/s, {two:,.0f} s in all")
        print(f"ratio: {speeds[1] / speeds[0]:.2f}")
    return 0


def _compare_memory(folder: Path, options: argparse.Namespace) -> int:
    program = [*options.limit_with, XLM]
    for text in ("small.txt", "text.txt"):  # Fills the cache.
        _train(program, folder, text, f"first-{text}", options, steps=1)
    ids = sum(path.stat().st_size for path in (folder / "cache").rglob("*.npy"))
    small = _peak(_start(program, folder, "small.txt", "small", options))
    large = _peak(_start(program, folder, "text.txt", "large", options))
    print(f"arrays in the cache: {ids / 1e6:,.0f} MB")
    print(f"own memory: {small:,.0f} MB with the small text, {large:,.0f} MB with the large one")
    speeds = [_speed(folder / run) for run in ("small", "large")]
    print(f"tokens/s: {speeds[0]:,.0f} with the small text, {speeds[1]:,.0f} with the large one")
    return 0


def _write(path: Path, num_lines: int) -> None:
    draw = random.Random(1)
    words = ["".join(draw.choice("abcdefghijklmnop") for _ in range(draw.randint(2, 9))) for _ in range(_NUM_WORDS)]
    with path.open("w") as file:
        for _ in range(num_lines):
            file.write(" ".join(words[int(_NUM_WORDS * draw.random() ** 2)] for _ in range(draw.randint(5, 30))) + "\n")


def _start(
    program: Sequence[str], folder: Path, text: str, run: str, options: argparse.Namespace, steps: int | None = None
) -> subprocess.Popen[bytes]:
    command = [
        *(*program, "pretrain", "--mono", f"en={folder / text}", "--valid", f"en={folder / 'valid.txt'}", *_RUN),
        *("--tokenizer", folder / "vocabulary", "--cache", folder / "cache", "--dim", options.dim),
        *("--layers", options.layers, "--heads", 4, "--batch-tokens", options.batch_tokens, "--log-every", 5),
        *("--max-steps", steps or options.steps, folder / run),
    ]
    if not (folder / "valid.txt").exists():
        _write(folder / "valid.txt", 20)
    return subprocess.Popen(list(map(str, command)))


def _train(
    program: Sequence[str], folder: Path, text: str, run: str, options: argparse.Namespace, steps: int | None = None
) -> float:
    """Returns how many seconds a run takes."""
    start = time.monotonic()
    if code := _start(program, folder, text, run, options, steps).wait():
        raise SystemExit(code)
    return time.monotonic() - start


def _speed(run: Path) -> float:
    """Returns the median tokens/s of a run's second half."""
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    speeds = [record["tokens_per_second"] for record in records if "tokens_per_second" in record]
    return float(statistics.median(speeds[len(speeds) // 2 :]))


def _peak(process: subprocess.Popen[bytes]) -> float:
    """Returns the most megabytes that a process has for itself, without pages of files, until it ends."""
    peak = 0
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))])
        time.sleep(0.05)
    if code := process.wait():
        raise SystemExit(code)
    return peak * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
