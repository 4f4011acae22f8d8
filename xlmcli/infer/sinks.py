"""Where answers go: written in the format of the input, or deciding which input is written."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Any, Protocol

from xlmcli.infer.pipeline import Sink
from xlmcli.infer.records.protocols import Answer, Record, without_newlines

SELECTED = "selected"


class TextSink:
    """Writes every answer as soon as it is there.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write(self, answered: Sequence[tuple[Record, Answer | None]]) -> None:
        write_bytes(self._stream, (written(record, answer) for record, answer in answered))


class RawSink:
    """Writes every record as it was read, byte for byte.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write(self, answered: Sequence[tuple[Record, Answer | None]]) -> None:
        write_bytes(self._stream, (record.raw for record, _ in answered))


class Judged(Protocol):
    """An answer with labels."""

    @property
    def label_names(self) -> frozenset[str]:
        """The labels that the record got."""


class EchoSink:
    """Writes every line of plain text as it was read, after its labels; an empty one has none.

    A byte-order mark before all of them is left out: it would be in the middle of a line.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._mark = BOM_UTF8

    def write(self, answered: Sequence[tuple[Record, Answer | None]]) -> None:
        write_bytes(self._stream, (self._labelled(record, answer) + self._read(record) for record, answer in answered))

    def _read(self, record: Record) -> bytes:
        mark, self._mark = self._mark, b""
        return record.raw.removeprefix(mark)

    def _labelled(self, record: Record, answer: Answer | None) -> bytes:
        if answer is None or not record.text:
            return b""
        (labels,) = answer.lines(record.text, 0)
        return f"{without_newlines(labels) or chr(9)}\t".encode()


class SelectionSink:
    """Writes records as they were read, those with certain labels or those without; and headers.

    Args:
        sink: Where to.
        labels: The labels that are looked for.
        is_inverted: Write the records that have none of them.
        counts: Records that have (or have not) are counted here, as `SELECTED`.
    """

    def __init__(self, sink: Sink[Answer], labels: frozenset[str], is_inverted: bool, counts: Counter[str]) -> None:
        self._sink = sink
        self._labels = labels
        self._is_inverted = is_inverted
        self._counts = counts

    def write(self, answered: Sequence[tuple[Record, Judged | None]]) -> None:
        selected = [record for record, answer in answered if answer is None or self._selects(answer)]
        if selected:
            self._sink.write([(record, None) for record in selected])

    def _selects(self, answer: Judged) -> bool:
        is_selected = self._labels.isdisjoint(answer.label_names) == self._is_inverted
        self._counts[SELECTED] += is_selected
        return is_selected


class CountingSink:
    """Hands answers on, and counts what happened to them.

    Args:
        sink: Where they go.
        counts: How many answers something happened to, by words.
        words_of: Says what happened to an answer.
    """

    def __init__(self, sink: Sink[Any], counts: Counter[str], words_of: Callable[[Any], Iterable[str]]) -> None:
        self._sink = sink
        self._counts = counts
        self._words_of = words_of

    def write(self, answered: Sequence[tuple[Record, Any]]) -> None:
        self._sink.write(answered)
        for _, answer in answered:
            if answer is not None:
                self._counts.update(self._words_of(answer))


def written(record: Record, answer: Answer | None) -> bytes:
    """Returns what a record becomes: itself where it passes through, but for what is no UTF-8 in it."""
    return (record.raw.decode("utf-8", "replace") if answer is None else record.format(answer)).encode("utf-8")


def write_bytes(stream: IO[bytes], parts: Iterable[bytes]) -> None:
    """Writes and hands on at once."""
    stream.write(b"".join(parts))
    stream.flush()
