"""What records, their readers and answers are, whatever the format."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from xlmcli.documents.formats import DocumentFormat, DocumentOptions
from xlmcli.errors import DataError, UsageError
from xlmcli.infer.reading import Line
from xlmcli.tables import FormatName, check_column

if TYPE_CHECKING:
    from xlmcli.infer.alignment import Alignment


@dataclass(frozen=True, slots=True)
class Row:
    """What an answer makes of the row of a table.

    Attributes:
        text: Takes the place of the text in its column; None leaves it.
        added: Values of further columns, at the end.
    """

    text: str | None
    added: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Values:
    """What an answer makes of a JSON object.

    Attributes:
        text: Takes the place of the text in its field; None leaves it.
        added: Further fields.
        suggested: Further fields that give way to the object's own.
        alignment: Which words of the text those of the new one stand for, where that is known.
    """

    text: str | None
    added: Mapping[str, object]
    suggested: Mapping[str, object] = field(default_factory=dict)
    alignment: Alignment | None = None


class Answer(Protocol):
    """What the model says to one record, and how that looks in every format."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the reader of the answer should know, in a word each."""

    def lines(self, text: str, index: int) -> list[str]:
        """Returns the lines to write in plain text, without their ends.

        Args:
            text: What the model was asked.
            index: Number of the line in all input, from 0.
        """

    def rows(self) -> list[Row]:
        """Returns the rows to write in a table."""

    def values(self) -> Values:
        """Returns what to write in JSON lines."""


WARNINGS = "warnings"
"""The field of what the reader of an answer should know."""


@dataclass(frozen=True, slots=True)
class Added:
    """What answers add to records, known beforehand.

    Attributes:
        columns: Names of the columns that a table gains, for its header; see `check_names_free`.
        fields: Names of the fields that an object gains, likewise.
        suggested: Names of further ones that give way to the object's own.
    """

    columns: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    suggested: tuple[str, ...] = ()


def check_names_free(added: Iterable[str], taken: Container[str], known: str) -> None:
    """Checks that what answers add has other names than what is there.

    Args:
        added: Names of columns or fields.
        taken: Those of the input.
        known: Begins what messages say of one of these, such as ``file:1: the header has a column``.

    Raises:
        DataError: Two are the same.
    """
    for name in added:
        if name in taken:
            raise DataError(f"{known} {name!r} already, and answers add one", hint="rename it, or leave it out")


class Record(Protocol):
    """A unit of input that becomes a unit of output."""

    @property
    def text(self) -> str | None:
        """What the model is asked; None if the record passes through as it is, whatever is asked of the others."""

    @property
    def pair(self) -> str | None:
        """The second text, where the model is asked about two."""

    @property
    def num_bytes(self) -> int:
        """What the record took in its file."""

    @property
    def raw(self) -> bytes:
        """The record as it was read, byte for byte, its lines ended."""

    def format(self, answer: Answer) -> str:
        """Returns the lines to write, ended."""


class RecordReader(Protocol):
    """Reads the lines of one file after the other."""

    def read(self, line: Line) -> Sequence[Record]:
        """Takes the next line; returns the records that it completes."""

    def end_file(self) -> Iterable[Record]:
        """Ends a file; gives the records that this completes, or raises a DataError if it ended in one's middle."""


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """How input is read and output written.

    Attributes:
        name: The format of both.
        column: TSV and CSV: number from 1, or name in the header; None is the first. Parquet: name.
        field: JSON lines: name of the field; None is "text".
        delimiter: CSV: what separates columns; None is a comma, or what separates the names of a header so that the
            columns which are given by name are among them.
        pair_column: Tables: column of the second text of a pair; None if there is none.
        pair_field: JSON lines: field of the second text.
        has_tabbed_pairs: Plain text: a line is two texts with a tab between them.
        document: Documents: how they are read and written.
    """

    name: FormatName | DocumentFormat = "text"
    column: str | None = None
    field: str | None = None
    pair_column: str | None = None
    pair_field: str | None = None
    has_tabbed_pairs: bool = False
    delimiter: str | None = None
    document: DocumentOptions | None = None

    def __post_init__(self) -> None:
        for option, value in (("--column", self.column), ("--pair-column", self.pair_column)):
            check_column(value, option)
            if value is not None and self.name not in ("tsv", "csv", "parquet"):
                raise UsageError(f"{option} is for tables", hint="add --format tsv, csv or parquet")
        if self.name == "parquet" and self.column is None:
            raise UsageError("--format parquet needs --column", hint="--column NAME: the column with the text")
        if self.delimiter is not None:
            if self.name != "csv":
                raise UsageError("--delimiter is for CSV", hint="add --format csv")
            if len(self.delimiter) != 1 or self.delimiter in '"\r\n' or "\ud800" <= self.delimiter <= "\udfff":
                raise UsageError(
                    f"--delimiter {self.delimiter!r} is not a character that can separate columns",
                    hint="a tab is written $'\\t'",
                )
        if self.name != "jsonl":
            for option, value in (("--field", self.field), ("--pair-field", self.pair_field)):
                if value is not None:
                    raise UsageError(f"{option} is for JSON lines", hint="add --format jsonl")


@dataclass(frozen=True, slots=True)
class RawRecord:
    """Lines that pass through as they are: a header (text None), an empty row (text "")."""

    raw: bytes
    num_bytes: int
    text: str | None
    pair: None = None

    def format(self, answer: Answer) -> str:
        return self.raw.decode("utf-8")


def without_newlines(text: str) -> str:
    """Puts a space in place of what would end a line of output; a bare ``\\r`` would not."""
    return text.replace("\n", " ")
