"""TSV and CSV as training, evaluation and streams read them: rows, columns by number or name, headers.

TSV is what ``cut`` and ``paste`` take it for: tabs separate, nothing quotes. CSV is RFC 4180: a quoted value may hold
commas, quotes and line ends.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Literal

from xlmcli.errors import DataError, UsageError
from xlmcli.lines import content_suffix

FormatName = Literal["text", "tsv", "csv", "jsonl", "parquet"]

TEXT_NAME, LABEL_NAME, PROBABILITY_NAME, ALL_LABELS_NAME = "text", "label", "probability", "labels"

_FORMATS: dict[str, FormatName] = {
    ".tsv": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
COMMA = ","
OTHER_DELIMITERS = (";", "\t", "|")

# The first line of a table for Excel.
_SAID = re.compile(r'"?sep=([^"\r\n])"?', re.IGNORECASE)
# A value in quotes, whatever the delimiter, and the quote that closes it, if one does.
_QUOTED = re.compile(r'(?:^|(?<=[,;\t|\r\n]))"[^"]*(?:""[^"]*)*("|\Z)')

_MAX_DIGITS = 9
_MAX_HEAD_LEN = 1 << 16
# A value may be as long as a line may; csv's own limit is 131,072 characters.
csv.field_size_limit(1 << 30)


def format_of(path: Path) -> FormatName:
    """Tells the format by a file's suffix; text where it says nothing."""
    return _FORMATS.get(content_suffix(path), "text")


def iter_rows(
    lines: Iterable[str],
    source: Path | str,
    *,
    is_csv: bool,
    names: Iterable[str | None] = (),
    has_empty_values: bool = False,
) -> Iterator[tuple[int, list[str]]]:
    """Yields the rows of a table, each with the number of the line that it starts at; blank lines are no rows.

    Args:
        lines: Without their ``\\n``.
        source: Name of the file, for messages.
        is_csv: Whether it is CSV, not TSV.
        names: Columns that a header of CSV may have, by which it tells what separates them: see `HeaderGuess`.
        has_empty_values: Of TSV in one column, an empty line is a row.

    Raises:
        DataError: A row is not CSV; the message names ``source:line``.
    """
    if not is_csv:
        num_columns = 0
        for number, line in enumerate(lines, start=1):
            if not is_blank(line, "\t") or (has_empty_values and num_columns < 2):
                row = line.removesuffix("\r").split("\t")
                num_columns = max(num_columns, len(row))
                yield number, row
        return
    ended = _end_lines(lines)
    first = next(ended, "")
    said = said_delimiter(first)
    num_skipped = 0 if said is None else 1
    delimiter, head = _read_head(chain([first], ended), filter(None, names)) if said is None else (said, [])
    reader = csv.reader(chain(head, ended), delimiter=delimiter, strict=True)
    number = num_skipped + 1
    try:
        for row in reader:
            # An empty value by itself is written in quotes, and is a row.
            if len(row) > 1 or row == [""] or "".join(row).strip():
                yield number, row
            number = num_skipped + reader.line_num + 1
    except csv.Error as error:
        raise _not_csv(f"{source}:{number}", str(error)) from error


def _end_lines(lines: Iterable[str]) -> Iterator[str]:
    """Yields lines of CSV with their ends; where rows end in a bare ``\\r``, so do lines."""
    guess = ReturnGuess()
    for line, following in pairwise(chain(lines, [None])):
        assert line is not None
        *rows, last = line.split("\r") if guess.read(line, is_last=following is None) else [line]
        yield from (f"{row}\r" for row in rows)
        yield f"{last}\n"


def _read_head(lines: Iterable[str], names: Iterable[str]) -> tuple[str, list[str]]:
    """Reads as many lines as the header has; returns what separates its columns, and them."""
    header, read = HeaderGuess(names), []
    for line in lines:
        read.append(line)
        if delimiter := header.read(line):
            return delimiter, read
    return COMMA, read


class ReturnGuess:
    """Whether the rows of CSV end in a bare ``\\r``: one stands outside quotes in the first row, and no ``\\n``.

    Attributes:
        returned: The answer as far as it is known.
        is_settled: Whether it will stay.
    """

    def __init__(self) -> None:
        self._head = ""
        self.is_settled = False
        self.returned = False

    def read(self, line: str, *, is_last: bool = False) -> bool:
        """Takes the next of the file's lines, without their ``\\n``; returns the answer as far as it is known.

        Args:
            line: The line.
            is_last: Whether no ``\\n`` was behind it.
        """
        if not self.is_settled:
            self._head += line.removesuffix("\r")
            is_open = any(not match[1] for match in _QUOTED.finditer(self._head))
            is_ended = "\r" in self._head and "\r" in _QUOTED.sub("", self._head)
            self.returned = is_ended and (is_open or is_last)
            self.is_settled = is_ended or not is_open or len(self._head) > _MAX_HEAD_LEN
            self._head += "\n"
        return self.returned

    def read_ahead(self, beginning: str) -> bool:
        """Takes how the file begins where it has had no ``\\n`` for so long that none is waited for; as `read`."""
        if not self.is_settled:
            rows = beginning.removesuffix("\r")
            self.returned = self.is_settled = "\r" in rows and "\r" in _QUOTED.sub("", rows)
        return self.returned


def said_delimiter(first: str) -> str | None:
    """Returns what the first line of CSV says that separates columns, as Excel reads it: ``sep=;``; None if nothing."""
    match = _SAID.fullmatch(first.rstrip("\r\n"))
    return match and match[1]


def is_blank(row: str, delimiter: str) -> bool:
    """Tells whether a line between rows is none itself."""
    return not row.strip() and delimiter not in row


def split_csv_row(row: str, delimiter: str, place: str) -> list[str]:
    """Returns the cells of a row, which may span lines, as they are written: see `csv_value`.

    Raises:
        DataError: It is not CSV.
    """
    cell_pattern = _csv_cell(delimiter)
    cells: list[str] = []
    position, is_last = 0, False
    while not is_last:
        cell = cell_pattern.match(row, position)
        if cell is None:
            raise _not_csv(place, f"a stray quote or carriage return in column {len(cells) + 1}")
        cells.append(cell[1])
        position, is_last = cell.end(), not cell[2]
    return cells


@functools.cache
def _csv_cell(delimiter: str) -> re.Pattern[str]:
    """A cell, quoted or not, and the delimiter after it."""
    escaped = re.escape(delimiter)
    return re.compile(rf'("[^"]*(?:""[^"]*)*"|(?!")[^{escaped}\r\n]*)({escaped}|\Z)')


def csv_value(cell: str) -> str:
    """Returns the value of a cell."""
    return cell[1:-1].replace('""', '"') if cell.startswith('"') else cell


def csv_cell(value: str, delimiter: str, *, is_quoted: bool = False) -> str:
    """Returns a value as a cell, in quotes where it needs them or shall have them."""
    if is_quoted or any(character in value for character in (delimiter, '"', "\r", "\n")):
        return '"' + value.replace('"', '""') + '"'
    return value


def split_labels(answer: str) -> list[str]:
    """Returns labels with commas between; in quotes, as in CSV, a label may hold one."""
    try:
        (names,) = csv.reader([answer], skipinitialspace=True)
    except csv.Error:
        names = [answer]
    return [name.strip() for name in names if name.strip()]


def join_labels(labels: Iterable[str]) -> str:
    """Writes labels as `split_labels` reads them."""
    return COMMA.join(csv_cell(label, COMMA) for label in labels)


class HeaderGuess:
    """What separates the names of a header of CSV: a comma, unless names are wanted that another delimiter finds.

    Args:
        names: Those that are wanted; numbers are none.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._wanted = {name for name in names if not name.isdecimal()}
        self._is_open = dict.fromkeys((COMMA, *OTHER_DELIMITERS), False)
        self._lines: list[str] = []

    def read(self, line: str) -> str | None:
        """Takes the next line, with its end; returns the delimiter, or None while a name in quotes may go on."""
        if not self._wanted:
            return COMMA
        if not self._lines and not line.strip():
            return None
        self._lines.append(line)
        for delimiter, is_open in list(self._is_open.items()):
            self._is_open[delimiter] = ends_in_quotes(line, is_open, delimiter)
            if not self._is_open[delimiter]:
                del self._is_open[delimiter]
                if self._names_wanted(delimiter):
                    return delimiter
        return None if self._is_open else COMMA

    def _names_wanted(self, delimiter: str) -> bool:
        try:
            cells = split_csv_row("".join(self._lines).rstrip("\r\n"), delimiter, "")
        except DataError:
            return False
        return self._wanted.issubset(map(csv_value, cells))


def ends_in_quotes(text: str, inside: bool, delimiter: str) -> bool:
    """Tells whether a quoted value is still open at the end of a line.

    Args:
        text: The line.
        inside: Whether one is open at its start.
        delimiter: What stands between columns.
    """
    position = 0
    while True:
        if inside:
            end = text.find('"', position)
            if end < 0:
                return True
            position = end + 1
            if text[position : position + 1] == '"':
                position += 1
                continue
            inside = False
        # A quote opens a value only where the value starts.
        if position == 0 and text[:1] == '"':
            position, inside = 1, True
            continue
        start = text.find(f'{delimiter}"', position)
        if start < 0:
            return False
        position, inside = start + 2, True


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
        UsageError: The number is 0, or larger than any table is wide.
    """
    if column is None or not column.isdecimal():
        return
    if len(column) > _MAX_DIGITS:
        raise UsageError(f"{option} is a number of {len(column)} digits", hint="columns are counted from 1")
    if int(column) == 0:
        raise UsageError(f"{option} counts from 1")


def are_named(columns: Iterable[str | None]) -> bool:
    """Tells whether a column is given by name, so that a table must have a header."""
    return not all(column is None or column.isdecimal() for column in columns)


def has_header(first: Sequence[str], label: str | None, others: Iterable[str | None]) -> bool:
    """Tells whether the first row of a table with labels is a header.

    It is where a column is given by name, and where no label's column is given and one is called ``label``.
    """
    return are_named((label, *others)) or (label is None and LABEL_NAME in first)


def find_layout(columns: Sequence[str], header: Sequence[str] | None, place: str, hint: str) -> Layout:
    """Finds columns that are given by number, from 1, or by name.

    Args:
        columns: As the user gave them.
        header: Names of all columns; None if the table has none, and columns are numbers.
        place: Where the header is, for messages.
        hint: How the user chooses columns.

    Raises:
        DataError: The header lacks a name, or has it twice.
    """
    names = list(header or ())

    def index_of(column: str) -> int:
        if column.isdecimal():
            return int(column) - 1
        if column not in names:
            raise DataError(f"{place}: no column {column!r}", hint=f"the header has {', '.join(names)}; {hint}")
        if (num_found := names.count(column)) > 1:
            raise DataError(f"{place}: the header has {num_found} columns {column!r}", hint="rename one of them")
        return names.index(column)

    return Layout(tuple(map(index_of, columns)), None if header is None else len(header), hint)


def _not_csv(place: str, reason: str) -> DataError:
    return DataError(
        f"{place}: not CSV: {reason}",
        hint='a value that holds a quote or a line end is quoted, its quotes written as ""',
    )
