"""Short phrases, for each of which all acceptable translations are listed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.answers import Answers, Request
from benchmarks.quality.parts import Part
from benchmarks.quality.records import Layout, Record, percentage
from benchmarks.quality.rows import iter_columns
from xlmcli.records import Direction

_SEPARATOR = " / "


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase and its acceptable translations."""

    direction: Direction
    source: str
    alternatives: tuple[str, ...]

    def accepts(self, output: str) -> bool:
        """Whether ``output`` is an alternative but for case, punctuation and spaces."""
        return bare(output) in map(bare, self.alternatives)


@dataclass(frozen=True, slots=True)
class PhrasePart(Part):
    """Counts the phrases whose translation is a listed one."""

    phrases: Sequence[Phrase]

    title = "Short phrases"
    note = "Accepted if equal to one of the listed translations but for case, punctuation and spaces."
    layout = Layout({"direction": "direction"}, ("metric",))

    def iter_requests(self) -> Iterator[Request]:
        for phrase in self.phrases:
            yield phrase.direction, [phrase.source]

    def measure(self, answers: Answers) -> list[Record]:
        hits: dict[Direction, list[bool]] = {}
        for phrase, output in self._pair(answers):
            hits.setdefault(phrase.direction, []).append(phrase.accepts(output))
        return [record for direction in hits for record in _count(direction, hits[direction])]

    def iter_misses(self, answers: Answers) -> Iterator[str]:
        for phrase, output in self._pair(answers):
            if not phrase.accepts(output):
                yield f"{phrase.direction} phrases: {phrase.source} -> {output} (not {phrase.alternatives[0]})"

    def _pair(self, answers: Answers) -> Iterator[tuple[Phrase, str]]:
        for phrase in self.phrases:
            (output,) = answers.texts(phrase.direction, [phrase.source])
            yield phrase, output


def bare(text: str) -> str:
    """Returns ``text`` without case, punctuation and spaces."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return "".join(character for character in folded if unicodedata.category(character)[0] not in "PZC")


def read_phrases(path: Path, directions: Iterable[Direction]) -> list[Phrase]:
    """Reads a direction, a phrase and its translations separated by `` / `` a line; other directions are left out.

    Raises:
        DataError: The file cannot be read, or a line has too few columns.
    """
    served = {str(direction): direction for direction in directions}
    return [
        Phrase(served[name], source, tuple(alternatives.split(_SEPARATOR)))
        for _, (name, source, alternatives, *_rest) in iter_columns(path, 3)
        if name in served
    ]


def _count(direction: Direction, hits: Sequence[bool]) -> list[Record]:
    return [
        Record(direction, "phrases", "accepted (%)", percentage(sum(hits), len(hits))),
        Record(direction, "phrases", "lines", len(hits)),
    ]
