"""Test sets as people type and paste them: in capitals, with typing errors, two sentences in a line."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from benchmarks.quality.answers import Answers, Request
from benchmarks.quality.parts import ParallelSet, Part, iter_requests_of, score_bleu
from benchmarks.quality.records import Layout, Record
from xlmcli.text.augmentation import Augmentation, Kind, augment

# Also where quotation marks or brackets close after it, which stay.
_FINAL_MARK = re.compile(r"\s*[.!?…]+(?=[\s\"'»”’)]*$)")


@dataclass(frozen=True, slots=True)
class RobustnessPart(Part):
    """Scores test sets that were changed, and compares with BLEU of the set as it is."""

    test_sets: Sequence[ParallelSet]

    title = "Robustness"
    note = (
        "BLEU of the test set with both sides changed (accents and typing errors, a word in ten: of the source), "
        "and its ratio to BLEU of the set as it is."
    )
    layout = Layout({"test_set": "test set", "direction": "direction", "variant": "changed"}, ("metric",))

    def iter_requests(self) -> Iterator[Request]:
        yield from iter_requests_of(self.test_sets)
        for test_set in self.test_sets:
            yield from iter_requests_of(change(test_set) for change in _CHANGES.values())

    def measure(self, answers: Answers) -> list[Record]:
        return [record for test_set in self.test_sets for record in _measure(test_set, answers)]


def strip_final_mark(text: str) -> str:
    """Returns ``text`` without the full stop, question or exclamation mark, or ellipsis at its end."""
    return _FINAL_MARK.sub("", text)


def change_both(change: Callable[[str], str], test_set: ParallelSet) -> ParallelSet:
    """Returns a test set with its sources and its references changed."""
    sources, references = (list(map(change, side)) for side in (test_set.sources, test_set.references))
    return replace(test_set, sources=sources, references=references)


def spoil_sources(kind: Kind, test_set: ParallelSet) -> ParallelSet:
    """Returns a test set whose sources have the errors that training text gets of a kind, the same each time."""
    rng = random.Random(0)
    spoilt = [augment([(source,)], [Augmentation(kind, 1.0)], rng)[-1] for source in test_set.sources]
    return replace(test_set, sources=[variant.texts[0] for variant in spoilt])


def join_pairs(test_set: ParallelSet) -> ParallelSet:
    """Returns a test set in which each two rows are one."""
    sources, references = (
        [" ".join(side[row : row + 2]) for row in range(0, len(side), 2)]
        for side in (test_set.sources, test_set.references)
    )
    return replace(test_set, sources=sources, references=references)


def _measure(test_set: ParallelSet, answers: Answers) -> Iterator[Record]:
    base = score_bleu(test_set, answers.texts(test_set.direction, test_set.sources)).value
    for variant, change in _CHANGES.items():
        changed = change(test_set)
        record = score_bleu(changed, answers.texts(changed.direction, changed.sources), variant)
        yield record
        if base:
            ratio = 100 * record.value / base
            yield Record(test_set.direction, test_set.name, "BLEU ratio (%)", ratio, variant=variant)


_CHANGES: dict[str, Callable[[ParallelSet], ParallelSet]] = {
    "capitals": partial(change_both, str.upper),
    "lower case": partial(change_both, str.lower),
    "no final mark": partial(change_both, strip_final_mark),
    "no accents": partial(spoil_sources, "unaccented"),
    "typing errors": partial(spoil_sources, "typos"),
    "two in one": join_pairs,
}
