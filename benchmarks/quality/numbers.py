"""Numbers in digits: whether a translation has those of its source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.quality.answers import Answers, Request
from benchmarks.quality.parts import ALL_SETS, ParallelSet, Part, iter_requests_of, join_by_direction
from benchmarks.quality.records import Layout, Record, percentage
from xlmcli.text.numbers import count_numbers


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
        counts = Counter(test_set.direction for test_set in self.test_sets)
        several = (test_set for test_set in self.test_sets if counts[test_set.direction] > 1)
        return [*self.test_sets, *join_by_direction(several, ALL_SETS)]


def only_with_digits(test_set: ParallelSet) -> ParallelSet:
    """Returns the lines whose source has a number."""
    pairs = zip(test_set.sources, test_set.references, strict=True)
    kept = [pair for pair in pairs if count_numbers(pair[0])]
    return ParallelSet(test_set.name, test_set.direction, [pair[0] for pair in kept], [pair[1] for pair in kept])


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
