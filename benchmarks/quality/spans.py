"""Spans that a translation must leave as they are: addresses, placeholders, code, emoji."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.answers import Answers, Request
from benchmarks.quality.parts import Part
from benchmarks.quality.records import Layout, Record, percentage
from benchmarks.quality.rows import iter_columns
from xlmcli.errors import DataError
from xlmcli.records import Direction


@dataclass(frozen=True, slots=True)
class SpanLine:
    """A sentence and the spans in it."""

    text: str
    spans: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SpanPart(Part):
    """Counts the spans that stand in the output as often as in the input.

    Attributes:
        lines: Sentences in the source language of the directions.
        directions: To translate them in.
    """

    lines: Sequence[SpanLine]
    directions: Sequence[Direction]

    title = "Protected spans"
    note = "Addresses, placeholders, code, emoji: kept if there byte for byte, exactly as often as in the input."
    layout = Layout({"direction": "direction"}, ("metric",))

    def iter_requests(self) -> Iterator[Request]:
        for direction in self.directions:
            yield direction, [line.text for line in self.lines]

    def measure(self, answers: Answers) -> list[Record]:
        return [record for direction in self.directions for record in self._measure(direction, answers)]

    def _measure(self, direction: Direction, answers: Answers) -> Iterator[Record]:
        num_spans = sum(len(line.spans) for line in self.lines)
        lost = [missing for _, _, missing in self._compare(direction, answers)]
        num_kept, num_whole = num_spans - sum(map(len, lost)), sum(not missing for missing in lost)
        yield Record(direction, "spans", "spans kept (%)", percentage(num_kept, num_spans))
        yield Record(direction, "spans", "lines with all spans kept (%)", percentage(num_whole, len(lost)))
        yield Record(direction, "spans", "lines", len(lost))

    def iter_misses(self, answers: Answers) -> Iterator[str]:
        for direction in self.directions:
            for line, output, missing in self._compare(direction, answers):
                if missing:
                    yield f"{direction} spans: {line.text} -> {output} (not kept: {' '.join(missing)})"

    def _compare(self, direction: Direction, answers: Answers) -> Iterator[tuple[SpanLine, str, list[str]]]:
        outputs = answers.texts(direction, (line.text for line in self.lines))
        for line, output in zip(self.lines, outputs, strict=True):
            yield line, output, lost_spans(line, output)


def lost_spans(line: SpanLine, output: str) -> list[str]:
    """Returns the spans that stand in the output more or less often than in the input."""
    return [span for span in line.spans if output.count(span) != line.text.count(span)]


def read_span_lines(path: Path) -> list[SpanLine]:
    """Reads a sentence and its spans a line, separated by tabs.

    Raises:
        DataError: The file cannot be read, a line has no span, or a span is not in its sentence.
    """
    lines = []
    for place, (text, *spans) in iter_columns(path, 2):
        for span in spans:
            if not span or span not in text:
                raise DataError(f"{place}: the span {span!r} is not in the sentence")
        lines.append(SpanLine(text, tuple(spans)))
    return lines
