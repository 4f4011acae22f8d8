"""TSV and CSV: one column is answered in place, the others pass through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xlmcli.errors import DataError
from xlmcli.infer.reading import Line
from xlmcli.infer.records.protocols import Answer, FormatOptions, RawRecord, Record, Row, one_line
from xlmcli.tables import are_named, find_layout, is_blank, parse_csv_row

_HINT = "--column and --pair-column choose the columns"

# A stray quote would otherwise gather the whole input as one value.
_MAX_OPEN_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class TableRecord:
    """A row.

    Attributes:
        columns: Its values.
        chosen: Which of them is the text, from 0, and the second text, if there is one.
        lines: What was read.
        is_csv: Whether values are quoted where they need it.
    """

    columns: tuple[str, ...]
    chosen: tuple[int, ...]
    lines: tuple[Line, ...]
    is_csv: bool

    @property
    def text(self) -> str:
        return self.columns[self.chosen[0]]

    @property
    def pair(self) -> str | None:
        return self.columns[self.chosen[1]] if len(self.chosen) > 1 else None

    @property
    def num_bytes(self) -> int:
        return _num_bytes(self.lines)

    @property
    def raw(self) -> str:
        return _join(self.lines)

    def format(self, answer: Answer) -> str:
        return "".join(self._format_row(row) for row in answer.rows())

    def _format_row(self, row: Row) -> str:
        columns = list(self.columns)
        if row.text is not None:
            columns[self.chosen[0]] = row.text if self.is_csv else _without_tabs(row.text)
        columns += row.added if self.is_csv else map(_without_tabs, row.added)
        return _format_columns(columns, self.is_csv, f"{self.lines[-1].ending}\n")


class TableReader:
    """Reads the rows of TSV or CSV files.

    A column that is given by name makes the first row of every file its header; the first file's header is written.

    Args:
        options: Which columns hold the texts.
        added: Names of the columns that answers add.
    """

    def __init__(self, options: FormatOptions, added: Sequence[str]) -> None:
        self._added = added
        self._is_csv = options.name == "csv"
        column = "1" if options.column is None else options.column
        self._wanted = [column] if options.pair_column is None else [column, options.pair_column]
        self._has_header = are_named(self._wanted)
        self._header: list[str] | None = None
        self._layout = None if self._has_header else find_layout(self._wanted, None, "", _HINT)
        self._header_is_due = self._has_header
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
        self._header_is_due = self._has_header

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
        content = _join(lines).removesuffix(f"{last.ending}\n")
        if is_blank(content, is_csv=self._is_csv):
            return RawRecord(_join(lines), _num_bytes(lines), text="")
        columns = parse_csv_row(content, first.place) if self._is_csv else content.split("\t")
        if self._header_is_due or self._layout is None:
            self._header_is_due = False
            return self._read_header(columns, lines)
        self._layout.check(columns, first.place)
        return TableRecord(tuple(columns), self._layout.indices, tuple(lines), self._is_csv)

    def _read_header(self, columns: list[str], lines: list[Line]) -> Record | None:
        place = lines[0].place
        if self._header is not None:
            if columns != self._header:
                raise DataError(f"{place}: the header differs from the first file's: {', '.join(self._header)}")
            return None
        self._layout = find_layout(self._wanted, columns, place, _HINT)
        self._header = columns
        written = _format_columns([*columns, *self._added], self._is_csv, f"{lines[-1].ending}\n")
        return RawRecord(written, _num_bytes(lines), text=None)


def _join(lines: Sequence[Line]) -> str:
    return "".join(f"{line.text}{line.ending}\n" for line in lines)


def _num_bytes(lines: Sequence[Line]) -> int:
    return sum(line.num_bytes for line in lines)


def _without_tabs(text: str) -> str:
    return one_line(text).replace("\t", " ")


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
