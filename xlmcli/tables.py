"""TSV and CSV as training, evaluation and streams read them: rows, columns by number or name, headers.

TSV is what ``cut`` and ``paste`` take it for: tabs separate, nothing quotes. CSV is RFC 4180: a quoted value may hold
commas, quotes and line ends.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xlmcli.errors import DataError, UsageError
from xlmcli.lines import COMPRESSED_SUFFIXES

FormatName = Literal["text", "tsv", "csv", "jsonl"]

TEXT_NAME, LABEL_NAME, PROBABILITY_NAME, ALL_LABELS_NAME = "text", "label", "probability", "labels"
LABEL_SEPARATOR = ","

_FORMATS: dict[str, FormatName] = {
    ".tsv": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
# A value may be as long as a line may; csv's own limit is 131,072 characters.
csv.field_size_limit(1 << 30)


def format_of(path: Path) -> FormatName:
    """Tells the format by a file's suffix; text where it says nothing."""
    suffixes = [suffix for suffix in path.suffixes if suffix not in COMPRESSED_SUFFIXES]
    return _FORMATS.get(suffixes[-1].lower(), "text") if suffixes else "text"


def iter_rows(lines: Iterable[str], source: Path | str, *, is_csv: bool) -> Iterator[tuple[int, list[str]]]:
    """Yields the rows of a table, each with the number of the line that it starts at; blank lines are no rows.

    Args:
        lines: Without their ``\\n``.
        source: Name of the file, for messages.
        is_csv: Whether it is CSV, not TSV.

    Raises:
        DataError: A row is not CSV; the message names ``source:line``.
    """
    if not is_csv:
        for number, line in enumerate(lines, start=1):
            if not is_blank(line, is_csv=False):
                yield number, line.removesuffix("\r").split("\t")
        return
    reader = csv.reader((f"{line}\n" for line in lines), strict=True)
    number = 1
    try:
        for row in reader:
            # An empty value by itself is written in quotes, and is a row.
            if len(row) > 1 or row == [""] or "".join(row).strip():
                yield number, row
            number = reader.line_num + 1
    except csv.Error as error:
        raise _not_csv(f"{source}:{number}", error) from error


def is_blank(row: str, *, is_csv: bool) -> bool:
    """Tells whether a line between rows is none itself."""
    return not row.strip() and (is_csv or "\t" not in row)


def parse_csv_row(row: str, place: str) -> list[str]:
    """Returns the values of a row, which may span lines.

    Raises:
        DataError: It is not CSV.
    """
    try:
        (values,) = csv.reader([row], strict=True)
    except csv.Error as error:
        raise _not_csv(place, error) from error
    return values


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a table has the columns that are wanted.

    Attributes:
        indices: Of each, from 0.
        num_named: How many columns the header names; None without a header.
        hint: How the user chooses columns.
    """

    indices: tuple[int, ...]
    num_named: int | None
    hint: str

    def check(self, row: Sequence[str], place: str) -> None:
        """Checks that a row has the columns.

        Raises:
            DataError: The row has other columns than the header, or too few.
        """
        num_found = len(row)
        if self.num_named not in (None, num_found):
            raise DataError(f"{place}: expected {self.num_named} columns as in the header, found {num_found}")
        num_needed = 1 + max(self.indices)
        if num_found < num_needed:
            raise DataError(f"{place}: expected at least {num_needed} columns, found {num_found}", hint=self.hint)

    def cells(self, row: Sequence[str], place: str) -> list[str]:
        """Returns the values of the wanted columns.

        Raises:
            DataError: As of `check`.
        """
        self.check(row, place)
        return [row[index] for index in self.indices]


def check_column(column: str | None, option: str) -> None:
    """Checks a column that may be given by number; anything else is a name.

    Raises:
        UsageError: The number is 0.
    """
    if column is not None and column.isdecimal() and int(column) == 0:
        raise UsageError(f"{option} counts from 1")


def are_named(columns: Iterable[str | None]) -> bool:
    """Tells whether a column is given by name, so that a table must have a header."""
    return not all(column is None or column.isdecimal() for column in columns)


def has_header(first: Sequence[str], label: str | None, others: Iterable[str | None]) -> bool:
    """Tells whether the first row of a table with labels is a header.

    It is where a column is given by name, and where no label's column is given and one is called ``label``.
    """
    return are_named((label, *others)) or (label is None and LABEL_NAME in first)


def find_layout(
    columns: Sequence[str], header: Sequence[str] | None, place: str, hint: str, *, last: bool = False
) -> Layout:
    """Finds columns that are given by number, from 1, or by name.

    Args:
        columns: As the user gave them.
        header: Names of all columns; None if the table has none, and columns are numbers.
        place: Where the header is, for messages.
        hint: How the user chooses columns.
        last: Whether the last of several columns with the same name is meant, and not the first.

    Raises:
        DataError: The header lacks a name.
    """
    numbered = list(enumerate(header or ()))
    positions = {name: index for index, name in (numbered if last else reversed(numbered))}

    def index_of(column: str) -> int:
        if column.isdecimal():
            return int(column) - 1
        if column not in positions:
            raise DataError(f"{place}: no column {column!r}", hint=f"the header has {', '.join(header or ())}; {hint}")
        return positions[column]

    return Layout(tuple(map(index_of, columns)), None if header is None else len(header), hint)


def _not_csv(place: str, error: csv.Error) -> DataError:
    return DataError(f"{place}: not CSV: {error}", hint='a value that holds a quote is quoted, the quote written as ""')
