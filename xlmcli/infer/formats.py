"""Lines to records and answers to lines: plain text here, tables and JSON lines beside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from xlmcli.errors import DataError, UsageError
from xlmcli.infer.reading import Errors, Input, Line, LineCounter, iter_chunks

FormatName = Literal["text", "tsv", "csv", "jsonl"]

_LINE_ENDS = re.compile(r"[\r\n]")


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One possible answer.

    Attributes:
        text: What it says.
        score: How sure the model is; higher is surer.
    """

    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says to one record.

    Attributes:
        hypotheses: The best first.
        warnings: What the reader of the answer should know, in a word each.
    """

    hypotheses: tuple[Hypothesis, ...]
    warnings: tuple[str, ...] = ()


class Record(Protocol):
    """A unit of input that becomes a unit of output."""

    @property
    def text(self) -> str | None:
        """What the model is asked; None if the record passes through as it is."""

    @property
    def num_bytes(self) -> int:
        """What the record took in its file."""

    def format(self, answer: Answer) -> str:
        """Returns the lines to write, ended."""


class RecordReader(Protocol):
    """Reads the lines of one file after the other."""

    def read(self, line: Line) -> Record | None:
        """Takes the next line; returns the record that it completes, if any."""

    def end_file(self) -> None:
        """Ends a file; raises a DataError if it ended in the middle of a record."""


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """How input is read and output written.

    Attributes:
        name: The format of both.
        column: TSV and CSV: number from 1, or name in the header; None is the first.
        field: JSON lines: name of the field.
        with_scores: Write the score of each answer.
        num_best: Hypotheses to write of each answer.
    """

    name: FormatName = "text"
    column: str | None = None
    field: str | None = None
    with_scores: bool = False
    num_best: int = 1

    def __post_init__(self) -> None:
        if self.column is not None and self.name not in ("tsv", "csv"):
            raise UsageError("--column is for tables", hint="add --format tsv or --format csv")
        if self.field is not None and self.name != "jsonl":
            raise UsageError("--field is for JSON lines", hint="add --format jsonl")


@dataclass(frozen=True, slots=True)
class RawRecord:
    """Lines that pass through as they are: a header, an empty row."""

    content: str
    num_bytes: int
    text: None = None

    def format(self, answer: Answer) -> str:
        return self.content


@dataclass(frozen=True, slots=True)
class TextRecord:
    """A line of plain text."""

    line: Line
    index: int
    options: FormatOptions

    @property
    def text(self) -> str:
        return self.line.text

    @property
    def num_bytes(self) -> int:
        return self.line.num_bytes

    def format(self, answer: Answer) -> str:
        ending = f"{self.line.ending}\n"
        if self.options.num_best > 1:
            rows = (f"{self.index} ||| {one_line(item.text)} ||| {item.score:.4f}" for item in answer.hypotheses)
            return "".join(f"{row}{ending}" for row in rows)
        best = answer.hypotheses[0]
        score = f"{best.score:.4f}\t" if self.options.with_scores else ""
        return f"{score}{one_line(best.text)}{ending}"


class TextReader:
    """Every line is a record."""

    def __init__(self, options: FormatOptions) -> None:
        self._options = options
        self._index = 0

    def read(self, line: Line) -> TextRecord:
        record = TextRecord(line, self._index, self._options)
        self._index += 1
        return record

    def end_file(self) -> None:
        pass


def new_reader(options: FormatOptions) -> RecordReader:
    """Returns a reader of the format."""
    if options.name in ("tsv", "csv"):
        from xlmcli.infer.tables import TableReader

        return TableReader(options)
    if options.name == "jsonl":
        from xlmcli.infer.json_lines import JsonReader

        return JsonReader(options)
    return TextReader(options)


def iter_records(
    inputs: Sequence[Input], options: FormatOptions, errors: Errors, counter: LineCounter
) -> Iterator[list[Record]]:
    """Yields lists of records: those that one read completed, as soon as it did.

    Raises:
        DataError: An input cannot be read or does not keep to the format; the records before were yielded.
    """
    reader = new_reader(options)
    for source in inputs:
        for lines in iter_chunks(source, errors, counter):
            yield from _read_all(reader.read, lines)
        reader.end_file()


def _read_all(read: Callable[[Line], Record | None], lines: Sequence[Line]) -> Iterator[list[Record]]:
    records: list[Record] = []
    try:
        for line in lines:
            record = read(line)
            if record is not None:
                records.append(record)
    except DataError:
        yield records
        raise
    yield records


def one_line(text: str) -> str:
    """Puts a space in place of line ends, which a model can write and a line must not hold."""
    return _LINE_ENDS.sub(" ", text)
