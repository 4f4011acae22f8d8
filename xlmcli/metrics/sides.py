"""Files whose lines belong together: reading them, and saying where they stop belonging together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xlmcli.errors import DataError
from xlmcli.facts import format_name
from xlmcli.lines import STDIN, decode_lines, iter_byte_lines, iter_stdin_lines
from xlmcli.metrics.shifts import find_shift

# Reports list it among the files, as a system.
_STDIN_SYSTEM = "stdin"

# Below this much in common on the average, two files are no versions of one text.
_MIN_LIKENESS = 0.12
# Length says little, but it is all that text in two languages has in common.
_LENGTH_WEIGHT = 0.1
_MAX_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Side:
    """The lines of a file.

    Attributes:
        name: For people.
        lines: Without white space at their ends, as sacreBLEU takes them.
    """

    name: str
    lines: list[str]


def side_name(path: Path) -> str:
    """Returns what a file is called in reports and messages."""
    return _STDIN_SYSTEM if path == STDIN else format_name(path)


def iter_side_lines(path: Path) -> Iterator[bytes]:
    """Yields the lines of a file, or of standard input if it is ``-``, undecoded.

    Raises:
        DataError: It cannot be read.
    """
    return iter_stdin_lines(side_name(path)) if path == STDIN else iter_byte_lines(path)


def read_side(path: Path) -> Side:
    """Reads a file, or standard input if it is ``-``.

    Raises:
        DataError: It cannot be read, is not UTF-8, or is empty.
    """
    name = side_name(path)
    texts = [line.rstrip() for line in decode_lines(iter_side_lines(path), name)]
    if not texts:
        raise DataError(f"{name} is empty", hint="a score needs at least one line")
    return Side(name, texts)


def check_aligned(side: Side, reference: Side) -> None:
    """Checks that two files have a line for every line of the other.

    Raises:
        DataError: They do not; the message has both counts, the hint the first line that looks shifted.
    """
    counts = len(side.lines), len(reference.lines)
    if counts[0] != counts[1]:
        raise DataError(
            f"{side.name} has {count_lines(counts[0])} and {reference.name} {count_lines(counts[1])}",
            hint=_describe_shift(side, reference),
        )


def count_lines(number: int) -> str:
    """Says how many lines: ``1 line``, ``2,000 lines``."""
    return f"{number:,} {'line' if number == 1 else 'lines'}"


def _describe_shift(side: Side, reference: Side) -> str:
    short, long = sorted((side, reference), key=lambda item: len(item.lines))
    index, likeness = find_shift(short.lines, long.lines, _likeness)
    if likeness < _MIN_LIKENESS * len(short.lines):
        return "the two have too little in common to tell where lines are missing"
    if index == len(short.lines):
        return f"the lines of {short.name} fit up to its end: it looks cut short"
    shift = len(long.lines) - len(short.lines)
    return (
        f"the first line that looks shifted is {short.name}:{index + 1} ({_shown(short.lines[index])}), which fits"
        f" {long.name}:{index + 1 + shift} ({_shown(long.lines[index + shift])})"
    )


def _likeness(first: str, second: str) -> float:
    """Returns how much two lines have in common, 0-1: mostly of their words, or characters where there is one word."""
    if not first or not second:
        return float(first == second)
    if " " in first and " " in second:
        ours, theirs = set(first.split()), set(second.split())
    else:
        ours, theirs = set(first), set(second)
    shared = 2 * len(ours & theirs) / (len(ours) + len(theirs))
    lengths = min(len(first), len(second)) / max(len(first), len(second))
    return (1 - _LENGTH_WEIGHT) * shared + _LENGTH_WEIGHT * lengths


def _shown(line: str) -> str:
    return repr(line if len(line) <= _MAX_SHOWN else line[: _MAX_SHOWN - 1] + "…")
