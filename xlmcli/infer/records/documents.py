"""Documents: a segment is a record, with the stretch before it; the rest stays as it was, byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xlmcli.documents.formats import DocumentFormat, DocumentOptions
from xlmcli.documents.inline import opaques_lost
from xlmcli.documents.parsers import new_parser
from xlmcli.documents.parts import Answered, DocumentLine, Link, Part, Segment, UnwritableError
from xlmcli.infer.reading import Line, LineCounter
from xlmcli.infer.records.protocols import Answer, RawRecord, Record, Values

# In characters: so much of a document that stays goes out by itself.
_MAX_BEFORE = 1 << 16


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A segment.

    Attributes:
        before: What stands before it and stays.
        counter: Counts segments whose translation cannot be written.
    """

    before: str
    segment: Segment
    counter: LineCounter
    pair: None = None

    @property
    def text(self) -> str:
        return self.segment.text

    @property
    def num_bytes(self) -> int:
        return len(self.raw)

    @property
    def raw(self) -> bytes:
        return (self.before + self.segment.raw).encode()

    def format(self, answer: Answer) -> str:
        values = answer.values()
        text = values.text
        if text is None:
            return self.before + self.segment.raw
        try:
            if opaques_lost(self.text, text):
                raise UnwritableError
            return self.before + self.segment.write(Answered(text, list(_iter_links(values))))
        except UnwritableError:
            self.counter.num_unwritten += 1
            return self.before + self.segment.raw


class DocumentReader:
    """Reads one document.

    Args:
        name: Its format.
        options: How it is read and written.
        counter: Counts segments whose translation cannot be written.
    """

    def __init__(self, name: DocumentFormat, options: DocumentOptions, counter: LineCounter) -> None:
        self._parser = new_parser(name, options)
        self._counter = counter
        self._forget()

    def read(self, line: Line) -> list[Record]:
        parts = self._parser.read(DocumentLine(line.text, line.ending, line.place))
        return list(self._records([line.mark, *parts] if line.mark else parts))

    def end_file(self) -> Iterator[Record]:
        yield from self._records(self._parser.end())
        if self._before:
            yield self._rest()

    def _records(self, parts: Iterable[Part]) -> Iterator[Record]:
        for part in parts:
            if isinstance(part, str):
                self._before.append(part)
                self._num_characters += len(part)
                if self._num_characters > _MAX_BEFORE:
                    yield self._rest()
            else:
                yield DocumentRecord("".join(self._before), part, self._counter)
                self._forget()

    def _rest(self) -> RawRecord:
        raw = "".join(self._before).encode()
        self._forget()
        return RawRecord(raw, len(raw), text=None)

    def _forget(self) -> None:
        self._before: list[str] = []
        self._num_characters = 0


def _iter_links(values: Values) -> Iterator[Link]:
    if values.alignment is not None:
        for one, other in values.alignment.links:
            source, target = values.alignment.source[one], values.alignment.target[other]
            yield Link(source.start, source.end, target.start, target.end)
