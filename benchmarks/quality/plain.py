"""Test sets as they are: BLEU, chrF2, and how many translations repeat themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.quality.answers import Answers, Request
from benchmarks.quality.parts import ParallelSet, Part, iter_requests_of, score
from benchmarks.quality.records import Layout, Record, percentage


@dataclass(frozen=True, slots=True)
class PlainPart(Part):
    """Scores test sets."""

    test_sets: Sequence[ParallelSet]

    title = "Test sets"
    note = "Whole test sets, with the beam that `xlm translate` has by default."
    layout = Layout({"test_set": "test set", "direction": "direction"}, ("metric",))

    def iter_requests(self) -> Iterator[Request]:
        return iter_requests_of(self.test_sets)

    def measure(self, answers: Answers) -> list[Record]:
        return [record for test_set in self.test_sets for record in _measure(test_set, answers)]


def _measure(test_set: ParallelSet, answers: Answers) -> list[Record]:
    replies = answers.of(test_set.direction, test_set.sources)
    num_repeating = sum(reply.is_repeating for reply in replies)
    repeating = percentage(num_repeating, len(replies))
    return [
        *score(test_set, [reply.text for reply in replies]),
        Record(test_set.direction, test_set.name, "repeating lines (%)", repeating),
    ]
