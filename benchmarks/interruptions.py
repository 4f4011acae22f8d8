"""``python -m benchmarks.interruptions TEXT -- ARGUMENTS``: what many SIGKILLs make of ``xlm ARGUMENTS --resume``.

The command runs once undisturbed and once killed at random moments and gone on with. Both outputs must be the same byte
for byte, and the journal may never fall back; records beyond it are what each kill costs. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from benchmarks.processes import XLM


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path, help="what is read")
    parser.add_argument("command", nargs="+", help="after --: a command of xlm and its options, without FILE and -o")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=8.0, help="longest time before a kill")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        undisturbed, killed = Path(folder, "undisturbed"), Path(folder, "killed")
        command = [XLM, *options.command, str(options.text), "--quiet", "--resume", "-o"]
        subprocess.run([*command, str(undisturbed)], check=True)
        steps = _kill_often([*command, str(killed)], killed, options)
        is_same = undisturbed.read_bytes() == killed.read_bytes()
    falls = sum(later < earlier for earlier, later in pairwise(steps))
    print(f"{len(steps)} kills, {len(set(steps))} different places in the journal, {falls} times it fell back")
    print("the same bytes" if is_same else "other bytes")
    return 0 if is_same and not falls else 1


def _kill_often(command: Sequence[str], output: Path, options: argparse.Namespace) -> list[int]:
    """Returns how many records the journal said were done after each kill."""
    moments = random.Random(options.seed)
    steps: list[int] = []
    for _ in range(options.kills):
        process = subprocess.Popen(command)
        time.sleep(moments.uniform(0, options.seconds))
        process.kill()
        if process.wait() == 0:
            print("it ended before all kills: take more text", file=sys.stderr)
            return steps
        steps.append(_num_done(output))
    subprocess.run(command, check=True)
    return steps


def _num_done(output: Path) -> int:
    journal = output.with_name(f"{output.name}.part.json")
    return int(json.loads(journal.read_text())["done"]["num_records"]) if journal.exists() else 0


if __name__ == "__main__":
    sys.exit(main())
