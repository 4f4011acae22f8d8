"""What the parts of the measurements have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from benchmarks.quality.answers import Answers, Request
from benchmarks.quality.records import Layout, Record
from xlmcli.metrics.translation.scorer import MetricOptions, open_scorers
from xlmcli.records import Direction

ALL_SETS = "all of them"
"""The name of the lines of several test sets together."""


@dataclass(frozen=True, slots=True)
class ParallelSet:
    """Lines of a test set in one direction.

    Attributes:
        name: Of the set.
        direction: From the sources to the references.
        sources: What is translated.
        references: A translation by people for each.
    """

    name: str
    direction: Direction
    sources: Sequence[str]
    references: Sequence[str]


class Part(ABC):
    """A part of the measurements: says what it wants translated, and makes records of the answers.

    Attributes:
        title: Heading of its table.
        note: What the figures are, in a sentence.
        layout: Of its table.
        matrix: Of its table where there are many directions: of whole sets, and of languages and languages.
    """

    __slots__ = ()

    title: ClassVar[str]
    note: ClassVar[str]
    layout: ClassVar[Layout]
    matrix: ClassVar[Layout | None] = None

    @abstractmethod
    def iter_requests(self) -> Iterator[Request]:
        """Yields what is to be translated."""

    @abstractmethod
    def measure(self, answers: Answers) -> list[Record]:
        """Returns the figures."""

    def iter_misses(self, answers: Answers) -> Iterator[str]:
        """Yields a line for each test line that was missed, where the part is about single lines."""
        yield from ()


def iter_requests_of(test_sets: Iterable[ParallelSet]) -> Iterator[Request]:
    """Yields the sources of test sets."""
    for test_set in test_sets:
        yield test_set.direction, test_set.sources


def join_by_direction(test_sets: Iterable[ParallelSet], name: str) -> list[ParallelSet]:
    """All lines of each direction together, under one name."""
    groups: dict[Direction, list[ParallelSet]] = {}
    for test_set in test_sets:
        groups.setdefault(test_set.direction, []).append(test_set)
    return [
        ParallelSet(
            name,
            direction,
            [source for test_set in group for source in test_set.sources],
            [reference for test_set in group for reference in test_set.references],
        )
        for direction, group in groups.items()
    ]


def score(test_set: ParallelSet, hypotheses: Sequence[str], variant: str = "") -> list[Record]:
    """BLEU and chrF2 of translations."""
    records = []
    for scorer in open_scorers(MetricOptions(), num_references=1):
        (stats,) = scorer.count([hypotheses], [test_set.references])
        value = float(scorer.score(stats))
        records.append(Record(test_set.direction, test_set.name, scorer.name, value, scorer.signature(), variant))
    return records


def score_bleu(test_set: ParallelSet, hypotheses: Sequence[str], variant: str = "") -> Record:
    """BLEU of translations."""
    return next(record for record in score(test_set, hypotheses, variant) if record.metric == "BLEU")
