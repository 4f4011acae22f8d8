"""``python -m benchmarks.fuzz BUNDLE…``: what hostile bundles do to ``xlm``.

Every value of a bundle's JSON files is replaced by others, its other files are damaged bit by bit, hashes are made to
fit, and a line is put through each. Whatever is in a bundle, ``xlm`` answers or refuses it (exit 4): what ends
otherwise, dies by a signal, or takes over 2 GB or ten seconds is listed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from xlmcli.bundle.names import MANIFEST_NAME
from xlmcli.bundle.reading import hash_file

_ENDS = frozenset({0, 2, 4})
"""Exit codes: answered, no such direction any more, refused."""

_MAX_BYTES = 2 << 30
_SECONDS = 10
_VALUES: tuple[Any, ...] = (
    None, 0, -1, 1, 2, 3, 12, 100, 1000, 100_000, 10**9, 2**31, 2**32, 2**63, 2**64, 10**400, 0.5, -0.5, 1e308, 1e-320,
    float("nan"), float("inf"), True, False, "", "x", "\ud800", "\0", "\n", "</s>", "é" * 5000, "../x", "/etc/passwd",
    [], {}, [None], [[]], ["x"], ["\ud800"], {"x": "x"}, {"x": 0}, {"\ud800": 0}, {"": ""},
)  # fmt: skip
_FEW: tuple[Any, ...] = (None, -1, 0, 12, 100_000, 2**64, float("nan"), "\ud800", "x", [], {})


@dataclass(frozen=True, slots=True)
class Case:
    """A change of one file.

    Attributes:
        file: Its name.
        path: Keys that lead to the value; of a file that is no JSON, the number of the byte.
        value: What stands there in place of it; None with ``is_removed`` set, nothing.
    """

    file: str
    path: tuple[str | int, ...]
    value: Any
    is_removed: bool = False

    def __str__(self) -> str:
        value = "removed" if self.is_removed else repr(self.value)[:60]
        return f"{self.file}: {'.'.join(map(str, self.path))}: {value}"

    def apply(self, content: bytes) -> bytes:
        if self.file.endswith(".json"):
            document = json.loads(content)
            place = document
            for key in self.path[:-1]:
                place = place[key]
            if self.is_removed:
                del place[self.path[-1]]
            else:
                place[self.path[-1]] = self.value
            return json.dumps(document).encode()
        (index,) = self.path
        assert isinstance(index, int)
        return content[:index] + (
            b"" if self.is_removed else bytes([content[index] ^ self.value]) + content[index + 1 :]
        )


def iter_cases(bundle: Path, values: Sequence[Any], num_flips: int) -> Iterator[Case]:
    """Yields the changes of all files of a bundle but its documents."""
    draw = random.Random(0)
    names = [MANIFEST_NAME, *json.loads((bundle / MANIFEST_NAME).read_bytes())["files"]]
    for name in names:
        content = (bundle / name).read_bytes()
        if name.endswith(".json"):
            for path in _iter_paths(json.loads(content), num_flips):
                yield from (Case(name, path, value) for value in values)
                yield Case(name, path, None, is_removed=True)
        elif not name.endswith((".md", ".toml")):
            # Headers are at the front, and most of the rest is numbers of which any is as good as another.
            places = [draw.randrange(min(len(content), bound)) for bound in (256, 1 << 30) for _ in range(num_flips)]
            yield from (Case(name, (place,), 1 << draw.randrange(8)) for place in places)
            yield Case(name, (draw.choice(places),), None, is_removed=True)


def _iter_paths(document: Any, most: int, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yields the path of every value; of long lists and objects, of some."""
    if path:
        yield path
    items = list(document.items() if isinstance(document, dict) else enumerate(document))
    for key, value in items if len(items) <= 40 else random.Random(0).sample(items, most):
        if isinstance(value, dict | list):
            yield from _iter_paths(value, most, (*path, key))
        else:
            yield (*path, key)


def run_cases(bundle: Path, cases: Sequence[Case], start: int) -> None:
    """Tries changes from one on; writes a line before each and one after it, for who reads what ended the process."""
    import resource
    import signal

    with tempfile.TemporaryDirectory() as folder:
        copy, answer = Path(shutil.copytree(bundle, Path(folder) / "bundle")), Path(folder) / "answer"
        manifest = (bundle / MANIFEST_NAME).read_bytes()
        for number, case in enumerate(cases[start:], start):
            print(json.dumps({"number": number}), flush=True)
            content = (bundle / case.file).read_bytes()
            (copy / case.file).write_bytes(case.apply(content))
            if case.file != MANIFEST_NAME:
                document = json.loads(manifest)
                document["files"][case.file] = hash_file(copy / case.file)
                (copy / MANIFEST_NAME).write_text(json.dumps(document), encoding="utf-8")
            signal.alarm(_SECONDS)
            exit_code, said = _run(copy, json.loads(manifest), answer)
            signal.alarm(0)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            print(json.dumps({"exit": exit_code, "said": said, "bytes": peak}), flush=True)
            (copy / case.file).write_bytes(content)
            (copy / MANIFEST_NAME).write_bytes(manifest)


def _run(bundle: Path, manifest: dict[str, Any], answer: Path) -> tuple[int, str]:
    from xlmcli import cli

    command = manifest["task"]
    languages = list(manifest["languages"])
    options = ["--src", languages[0], "--tgt", languages[1]] if command == "translate" else []
    said = StringIO()
    with redirect_stderr(said):
        try:
            cli.run([command, "-m", str(bundle), "--text", "The cat is on the roof.", "-o", str(answer), *options])
        except SystemExit as end:
            return int(end.code or 0), said.getvalue()


def find_faults(bundle: Path, values: Sequence[Any], num_flips: int) -> tuple[int, list[str]]:
    """Tries all changes of a bundle, in processes of which most live long.

    Returns:
        How many there were, and what went wrong.
    """
    cases, faults, next_case = list(iter_cases(bundle, values, num_flips)), [], 0
    flags = ["--values", "all" if values is _VALUES else "few", "--flips", str(num_flips), "--start"]
    while next_case < len(cases):
        command = [sys.executable, "-m", "benchmarks.fuzz", str(bundle), *flags, str(next_case)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
        said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        for begun, ended in zip(said[::2], said[1::2], strict=False):
            number = begun["number"]
            if ended["exit"] not in _ENDS:
                faults.append(f"{cases[number]}: exit {ended['exit']}: {ended['said'].strip()[:200]}")
            elif ended["bytes"] > _MAX_BYTES:
                faults.append(f"{cases[number]}: {ended['bytes'] >> 20} MB")
                break
        else:
            number = said[-1]["number"] if said and "number" in said[-1] else len(cases)
            if done.returncode != 0:
                faults.append(
                    f"{cases[number] if number < len(cases) else 'at the end'}: {done.returncode} {done.stderr[-300:]}"
                )
        next_case = number + 1
    return len(cases), faults


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("bundles", nargs="+", type=Path)
    parser.add_argument("--values", choices=["all", "few"], default="all")
    parser.add_argument("--flips", type=int, default=200, help="bits of each file that are turned")
    parser.add_argument("--start", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    values = _VALUES if options.values == "all" else _FEW
    if options.start is not None:
        (bundle,) = options.bundles
        run_cases(bundle, list(iter_cases(bundle, values, options.flips)), options.start)
        return
    is_good = True
    for bundle in options.bundles:
        num_cases, faults = find_faults(bundle, values, options.flips)
        print(f"{bundle}: {num_cases} changes, {len(faults)} faults", *faults, sep="\n  ", flush=True)
        is_good = is_good and not faults
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
