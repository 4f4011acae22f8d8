"""Rows of the files that test sets come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.quality.parts import ParallelSet
from xlmcli.errors import DataError, UsageError
from xlmcli.lines import iter_file_lines
from xlmcli.records import Direction
from xlmcli.sources import iter_rows, parse_source


def iter_columns(path: Path, num_needed: int) -> Iterator[tuple[str, list[str]]]:
    """Yields the columns of each row of a TSV file, and before them the row's place.

    Raises:
        DataError: The file cannot be read, or a row has too few columns.
    """
    for number, line in enumerate(iter_file_lines(path), start=1):
        columns = line.split("\t")
        if len(columns) < num_needed:
            raise DataError(f"{path}:{number}: expected {num_needed} columns, found {len(columns)}")
        yield f"{path}:{number}", columns


def read_test_sets(text: str, directions: Sequence[Direction]) -> list[ParallelSet]:
    """Reads ``NAME:LANG-LANG=FILE``, in each of the directions that it allows.

    Raises:
        UsageError: ``text`` has another form, or none of the directions is between its languages.
        DataError: The file is empty or cannot be read, or a row has too few columns.
    """
    name, separator, source_text = text.partition(":")
    if not separator:
        raise UsageError(f"not a test set: {text!r}", hint="write NAME:LANG-LANG=FILE.tsv")
    source = parse_source(source_text)
    if len(source.langs) != 2 or source.synthetic is not None:
        raise UsageError(f"not a test set in two languages: {text!r}", hint="write NAME:LANG-LANG=FILE.tsv")
    rows = list(iter_rows(source))
    if not rows:
        raise DataError(f"{source.path}: no lines")
    sides = dict(zip(source.langs, zip(*rows, strict=True), strict=True))
    served = [direction for direction in directions if {direction.src, direction.tgt} == set(sides)]
    if not served:
        raise UsageError(f"{text}: the bundle does not translate between {' and '.join(sides)}")
    return [ParallelSet(name, direction, sides[direction.src], sides[direction.tgt]) for direction in served]
