"""Test sets as people type them: in capitals, in lower case, without the mark at the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.quality.answers import Answers, Request
from benchmarks.quality.parts import ParallelSet, Part, iter_requests_of, score_bleu
from benchmarks.quality.records import Layout, Record

# Also where quotation marks or brackets close after it, which stay.
_FINAL_MARK = re.compile(r"\s*[.!?…]+(?=[\s\"'»”’)]*$)")


@dataclass(frozen=True, slots=True)
class RobustnessPart(Part):
    """Scores test sets of which both sides were changed, and compares with BLEU of the set as it is."""

    test_sets: Sequence[ParallelSet]

    title = "Robustness"
    note = "BLEU of the test set with both sides changed, and its ratio to BLEU of the set as it is."
    layout = Layout({"test_set": "test set", "direction": "direction"}, ("variant", "metric"))

    def iter_requests(self) -> Iterator[Request]:
        yield from iter_requests_of(self.test_sets)
        for test_set in self.test_sets:
            yield from iter_requests_of(change_both(test_set, change) for change in _CHANGES.values())

    def measure(self, answers: Answers) -> list[Record]:
        return [record for test_set in self.test_sets for record in _measure(test_set, answers)]


def strip_final_mark(text: str) -> str:
    """Returns ``text`` without the full stop, question or exclamation mark, or ellipsis at its end."""
    return _FINAL_MARK.sub("", text)


def change_both(test_set: ParallelSet, change: Callable[[str], str]) -> ParallelSet:
    """Returns a test set with its sources and its references changed."""
    return ParallelSet(
        test_set.name,
        test_set.direction,
        [change(text) for text in test_set.sources],
        [change(text) for text in test_set.references],
    )


def _measure(test_set: ParallelSet, answers: Answers) -> Iterator[Record]:
    base = score_bleu(test_set, answers.texts(test_set.direction, test_set.sources)).value
    for variant, change in _CHANGES.items():
        changed = change_both(test_set, change)
        record = score_bleu(changed, answers.texts(changed.direction, changed.sources), variant)
        yield record
        if base:
            ratio = 100 * record.value / base
            yield Record(test_set.direction, test_set.name, "BLEU ratio (%)", ratio, variant=variant)


_CHANGES: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "lower case": str.lower,
    "no final mark": strip_final_mark,
}
