"""TSV and CSV: one column is answered in place, the others pass through.

TSV is what ``cut`` and ``paste`` take it for: tabs separate, nothing quotes. CSV is RFC 4180: a quoted value may hold
commas, quotes and line ends.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

from xlmcli.errors import DataError, UsageError
from xlmcli.infer.formats import Answer, FormatOptions, Hypothesis, RawRecord, Record, one_line
from xlmcli.infer.reading import Line

_SCORE_COLUMN = "score"

# A value may be as long as a line may; csv's own limit is 131,072 characters.
csv.field_size_limit(1 << 30)

# A stray quote would otherwise gather the whole input as one value.
_MAX_OPEN_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class TableRecord:
    """A row.

    Attributes:
        columns: Its values.
        chosen: Which of them is answered, from 0.
        ending: What the row ended with before ``\\n``.
    """

    columns: tuple[str, ...]
    chosen: int
    ending: str
    num_bytes: int
    options: FormatOptions

    @property
    def text(self) -> str:
        return self.columns[self.chosen]

    def format(self, answer: Answer) -> str:
        return "".join(self._format_row(hypothesis) for hypothesis in answer.hypotheses)

    def _format_row(self, hypothesis: Hypothesis) -> str:
        is_csv = self.options.name == "csv"
        text = hypothesis.text if is_csv else one_line(hypothesis.text).replace("\t", " ")
        columns = [*self.columns[: self.chosen], text, *self.columns[self.chosen + 1 :]]
        if self.options.with_scores:
            columns.append(f"{hypothesis.score:.4f}")
        return _format_columns(columns, is_csv, f"{self.ending}\n")


class TableReader:
    """Reads the rows of TSV or CSV files.

    A column that is given by name makes the first row of every file its header; the first file's header is written.
    """

    def __init__(self, options: FormatOptions) -> None:
        self._options = options
        self._is_csv = options.name == "csv"
        column = options.column or "1"
        self._name = None if column.isdecimal() else column
        self._chosen = int(column) - 1 if column.isdecimal() else -1
        if column.isdecimal() and int(column) == 0:
            raise UsageError("--column counts from 1")
        self._header: list[str] | None = None
        self._header_is_due = self._name is not None
        self._open: list[Line] = []
        self._num_open_bytes = 0

    def read(self, line: Line) -> Record | None:
        if self._is_csv and self._stays_open(line):
            self._hold(line)
            return None
        lines = [*self._open, line]
        self._open = []
        self._num_open_bytes = 0
        return self._record(lines)

    def end_file(self) -> None:
        if self._open:
            raise self._unclosed("is not closed")
        self._header_is_due = self._name is not None

    def _hold(self, line: Line) -> None:
        self._open.append(line)
        self._num_open_bytes += line.num_bytes
        if self._num_open_bytes > _MAX_OPEN_BYTES:
            raise self._unclosed(f"is not closed within {_MAX_OPEN_BYTES // 1_000_000} MB")

    def _unclosed(self, what: str) -> DataError:
        place = self._open[0].place
        return DataError(f"{place}: a quoted value {what}", hint='inside quotes, a quote is written as ""')

    def _stays_open(self, line: Line) -> bool:
        if '"' not in line.text:
            return bool(self._open)
        return _ends_in_quotes(line.text, bool(self._open))

    def _record(self, lines: list[Line]) -> Record | None:
        first, last = lines[0], lines[-1]
        content = "".join(f"{line.text}{line.ending}\n" for line in lines[:-1]) + last.text
        num_bytes = sum(line.num_bytes for line in lines)
        if not content.strip() and (self._is_csv or "\t" not in content):
            return RawRecord(f"{content}{last.ending}\n", num_bytes)
        columns = _parse_row(content, first.place) if self._is_csv else content.split("\t")
        if self._header_is_due:
            self._header_is_due = False
            return self._read_header(columns, first, last.ending, num_bytes)
        self._check(columns, first)
        return TableRecord(tuple(columns), self._chosen, last.ending, num_bytes, self._options)

    def _read_header(self, columns: list[str], line: Line, ending: str, num_bytes: int) -> Record | None:
        if self._header is not None:
            if columns != self._header:
                raise DataError(f"{line.place}: the header differs from the first file's: {', '.join(self._header)}")
            return None
        if self._name not in columns:
            raise DataError(f"{line.place}: no column {self._name!r}", hint=f"the header has {', '.join(columns)}")
        self._header = columns
        self._chosen = columns.index(self._name)
        written = [*columns, _SCORE_COLUMN] if self._options.with_scores else columns
        return RawRecord(_format_columns(written, self._is_csv, f"{ending}\n"), num_bytes)

    def _check(self, columns: list[str], line: Line) -> None:
        found = len(columns)
        if self._header is not None and found != len(self._header):
            raise DataError(f"{line.place}: expected {len(self._header)} columns as in the header, found {found}")
        if found <= self._chosen:
            raise DataError(
                f"{line.place}: expected at least {self._chosen + 1} columns, found {found}",
                hint="--column chooses the column",
            )


def _parse_row(content: str, place: str) -> list[str]:
    try:
        (columns,) = csv.reader([content])
    except csv.Error as error:
        raise DataError(f"{place}: not CSV: {error}") from error
    return columns


def _format_columns(columns: list[str], is_csv: bool, ending: str) -> str:
    if not is_csv:
        return "\t".join(columns) + ending
    if columns == [""]:
        return f'""{ending}'
    return ",".join(map(_quote, columns)) + ending


def _quote(value: str) -> str:
    # csv.writer leaves a bare \r unquoted (Python 3.11), and its own reader refuses that.
    if any(character in value for character in ',"\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value


def _ends_in_quotes(text: str, inside: bool) -> bool:
    """Tells whether a quoted value is still open at the end of a line.

    Args:
        text: The line.
        inside: Whether one is open at its start.
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
        start = text.find(',"', position)
        if start < 0:
            return False
        position, inside = start + 2, True
