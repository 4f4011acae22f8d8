"""TSV and CSV: one column is answered in place; the others stay as they were, quotes included."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from xlmcli.errors import DataError
from xlmcli.infer.reading import Line, LineCounter
from xlmcli.infer.records.protocols import (
    Answer,
    FormatOptions,
    RawRecord,
    Record,
    Row,
    check_names_free,
    without_newlines,
)
from xlmcli.lines import MAX_LINE_BYTES
from xlmcli.tables import (
    COMMA,
    OTHER_DELIMITERS,
    HeaderGuess,
    are_named,
    csv_cell,
    csv_value,
    ends_in_quotes,
    find_layout,
    is_blank,
    said_delimiter,
    split_csv_row,
)

_HINT = "--column and --pair-column choose the columns"


@dataclass(frozen=True, slots=True)
class Syntax:
    """How a table is written.

    Attributes:
        is_csv: Whether values are quoted where they need it.
        delimiter: What stands between columns.
    """

    is_csv: bool
    delimiter: str

    def split(self, row: str, place: str) -> list[str]:
        """Returns the cells of a row as they are written."""
        return split_csv_row(row, self.delimiter, place) if self.is_csv else row.split(self.delimiter)

    def value(self, cell: str) -> str:
        """Returns what a cell says."""
        return csv_value(cell) if self.is_csv else cell

    def cell(self, value: str, old: str = "") -> str:
        """Returns a value as a cell, in quotes if the one whose place it takes is."""
        if self.is_csv:
            return csv_cell(value, self.delimiter, is_quoted=old.startswith('"'))
        return without_newlines(value).replace("\t", " ")

    def join(self, cells: Sequence[str]) -> str:
        """Returns cells as a row."""
        return '""' if self.is_csv and list(cells) == [""] else self.delimiter.join(cells)


@dataclass(frozen=True, slots=True)
class TableRecord:
    """A row.

    Attributes:
        cells: As they are written.
        chosen: Which of them is the text, from 0, and the second text, if there is one.
        lines: What was read.
        syntax: How the table is written.
    """

    cells: tuple[str, ...]
    chosen: tuple[int, ...]
    lines: tuple[Line, ...]
    syntax: Syntax

    @property
    def text(self) -> str:
        return self.syntax.value(self.cells[self.chosen[0]])

    @property
    def pair(self) -> str | None:
        return self.syntax.value(self.cells[self.chosen[1]]) if len(self.chosen) > 1 else None

    @property
    def num_bytes(self) -> int:
        return _num_bytes(self.lines)

    @property
    def raw(self) -> bytes:
        return _raw(self.lines)

    def format(self, answer: Answer) -> str:
        return self.lines[0].mark + "".join(self._format_row(row) for row in answer.rows())

    def _format_row(self, row: Row) -> str:
        cells = list(self.cells)
        if row.text is not None and row.text != self.text:
            cells[self.chosen[0]] = self.syntax.cell(row.text, cells[self.chosen[0]])
        cells += map(self.syntax.cell, row.added)
        return self.syntax.join(cells) + self.lines[-1].ending


class TableReader:
    """Reads the rows of TSV or CSV files.

    A column that is given by name makes the first row of every file its header; the first file's header is written.

    Args:
        options: Which columns hold the texts.
        added: Names of the columns that answers add.
        counter: Is told of a table that looks as if another delimiter separated its columns.
    """

    def __init__(self, options: FormatOptions, added: Sequence[str], counter: LineCounter) -> None:
        self._added = added
        self._counter = counter
        is_csv = options.name == "csv"
        self._syntax = Syntax(is_csv, (options.delimiter or COMMA) if is_csv else "\t")
        self._may_guess = is_csv and options.delimiter is None
        self._is_at_start = self._is_in_first_file = True
        column = "1" if options.column is None else options.column
        self._wanted = [column] if options.pair_column is None else [column, options.pair_column]
        self._guess = HeaderGuess(self._wanted)
        self._has_header = are_named(self._wanted)
        self._header: list[str] | None = None
        self._layout = None if self._has_header else find_layout(self._wanted, None, "", _HINT)
        self._header_is_due = self._has_header
        self._open: list[Line] = []
        self._num_open_bytes = 0

    def read(self, line: Line) -> Sequence[Record]:
        if self._is_at_start and line.text.strip():
            self._is_at_start = False
            if self._syntax.is_csv and (said := said_delimiter(line.text)) is not None:
                return self._take_said(said, line)
        if self._syntax.is_csv and (self._is_unclear(line) or self._stays_open(line)):
            self._hold(line)
            return ()
        lines = [*self._open, line]
        self._open = []
        self._num_open_bytes = 0
        record = self._record(lines)
        return () if record is None else (record,)

    def end_file(self) -> tuple[()]:
        if self._open:
            raise self._unclosed("is not closed")
        self._header_is_due = self._has_header
        self._is_at_start, self._is_in_first_file = True, False
        return ()

    def _take_said(self, said: str, line: Line) -> Sequence[Record]:
        """Takes the delimiter that a table for Excel names in its first line; that of the first file is written."""
        if self._may_guess:
            self._may_guess = False
            self._syntax = replace(self._syntax, delimiter=said)
        if self._syntax.delimiter != said:
            raise DataError(f"{line.place}: {line.text}, and {self._syntax.delimiter!r} was to separate columns")
        return [RawRecord(line.raw, line.num_bytes, text=None)] if self._is_in_first_file else ()

    def _is_unclear(self, line: Line) -> bool:
        """Looks at the first row: what separates its names, if columns are named, and else whether to warn.

        Returns:
            Whether that is not clear yet, because the row goes on.
        """
        if not self._may_guess or not (self._open or line.text.strip()):
            return False
        delimiter = self._guess.read(line.text + line.ending)
        self._may_guess = delimiter is None
        if delimiter is not None:
            self._syntax = replace(self._syntax, delimiter=delimiter)
        if delimiter == COMMA and COMMA not in line.text:
            others = [other for other in OTHER_DELIMITERS if other in line.text]
            self._counter.other_delimiter = others[0] if others else None
        return self._may_guess

    def _hold(self, line: Line) -> None:
        self._open.append(line)
        self._num_open_bytes += line.num_bytes
        # A stray quote would otherwise gather the whole input as one value.
        if self._num_open_bytes > MAX_LINE_BYTES:
            raise self._unclosed(f"is not closed within {MAX_LINE_BYTES // 10**6} MB")

    def _unclosed(self, what: str) -> DataError:
        place = self._open[0].place
        return DataError(f"{place}: a quoted value {what}", hint='inside quotes, a quote is written as ""')

    def _stays_open(self, line: Line) -> bool:
        if '"' not in line.text:
            return bool(self._open)
        return ends_in_quotes(line.text, bool(self._open), self._syntax.delimiter)

    def _record(self, lines: list[Line]) -> Record | None:
        content = "".join(line.text + line.ending for line in lines).removesuffix(lines[-1].ending)
        if is_blank(content, self._syntax.delimiter):
            return RawRecord(_raw(lines), _num_bytes(lines), text="")
        cells = self._syntax.split(content, lines[0].place)
        if self._header_is_due or self._layout is None:
            self._header_is_due = False
            return self._read_header(cells, lines)
        self._layout.check(cells, lines[0].place)
        return TableRecord(tuple(cells), self._layout.indices, tuple(lines), self._syntax)

    def _read_header(self, cells: list[str], lines: list[Line]) -> Record | None:
        place = lines[0].place
        names = list(map(self._syntax.value, cells))
        if self._header is not None:
            if names != self._header:
                raise DataError(f"{place}: the header differs from the first file's: {', '.join(self._header)}")
            return None
        self._layout = find_layout(self._wanted, names, place, _HINT)
        check_names_free(self._added, names, f"{place}: the header has a column")
        self._header = names
        header = self._syntax.join([*cells, *map(self._syntax.cell, self._added)])
        written = f"{lines[0].mark}{header}{lines[-1].ending}".encode()
        return RawRecord(written if self._added else _raw(lines), _num_bytes(lines), text=None)


def _raw(lines: Iterable[Line]) -> bytes:
    return b"".join(line.raw for line in lines)


def _num_bytes(lines: Sequence[Line]) -> int:
    return sum(line.num_bytes for line in lines)
