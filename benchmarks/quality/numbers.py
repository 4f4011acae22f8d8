"""Numbers in digits: whether a translation has those of its source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.quality.answers import Answers, Request
from benchmarks.quality.parts import ParallelSet, Part, iter_requests_of
from benchmarks.quality.records import Layout, Record, percentage
from xlmcli.records import Direction
from xlmcli.text.numbers import count_numbers

ALL_SETS = "all of them"


@dataclass(frozen=True, slots=True)
class NumberPart(Part):
    """Counts the lines that keep their numbers, among those whose source has digits, beside the human translations."""

    test_sets: Sequence[ParallelSet]

    title = "Numbers"
    note = (
        "Lines whose source has digits: how many translations have the same numbers in digits, and how many of the "
        "references. Separators of thousands do not count, a decimal comma is a point."
    )
    layout = Layout({"test_set": "test set", "direction": "direction"}, ("metric",))

    def iter_requests(self) -> Iterator[Request]:
        return iter_requests_of(map(only_with_digits, self.test_sets))

    def measure(self, answers: Answers) -> list[Record]:
        return [
            record
            for test_set in map(only_with_digits, self._with_all())
            if test_set.sources
            for record in _measure(test_set, answers)
        ]

    def iter_misses(self, answers: Answers) -> Iterator[str]:
        for test_set in map(only_with_digits, self.test_sets):
            outputs = answers.texts(test_set.direction, test_set.sources)
            for source, output in zip(test_set.sources, outputs, strict=True):
                if count_numbers(output) != count_numbers(source):
                    yield f"{test_set.direction} numbers: {source} -> {output}"

    def _with_all(self) -> list[ParallelSet]:
        by_direction: dict[Direction, list[ParallelSet]] = {}
        for test_set in self.test_sets:
            by_direction.setdefault(test_set.direction, []).append(test_set)
        joined = [_join(direction, sets) for direction, sets in by_direction.items() if len(sets) > 1]
        return [*self.test_sets, *joined]


def only_with_digits(test_set: ParallelSet) -> ParallelSet:
    """Returns the lines whose source has a number."""
    pairs = zip(test_set.sources, test_set.references, strict=True)
    kept = [pair for pair in pairs if count_numbers(pair[0])]
    return ParallelSet(test_set.name, test_set.direction, [pair[0] for pair in kept], [pair[1] for pair in kept])


def _join(direction: Direction, test_sets: Sequence[ParallelSet]) -> ParallelSet:
    sources = [source for test_set in test_sets for source in test_set.sources]
    references = [reference for test_set in test_sets for reference in test_set.references]
    return ParallelSet(ALL_SETS, direction, sources, references)


def _measure(test_set: ParallelSet, answers: Answers) -> list[Record]:
    direction, name, num_lines = test_set.direction, test_set.name, len(test_set.sources)
    outputs = answers.texts(direction, test_set.sources)
    ours, theirs = (_count_kept(test_set.sources, side) for side in (outputs, test_set.references))
    return [
        Record(direction, name, "lines that keep their numbers (%)", percentage(ours, num_lines)),
        Record(direction, name, "references that do (%)", percentage(theirs, num_lines)),
        Record(direction, name, "lines with numbers", num_lines),
    ]


def _count_kept(sources: Sequence[str], others: Sequence[str]) -> int:
    pairs = zip(sources, others, strict=True)
    return sum(count_numbers(source) == count_numbers(other) for source, other in pairs)
