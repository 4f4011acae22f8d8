"""Labels as numbers: what was said of each line, and how often each label was right, said and meant.

An answer is what stands in the label column: one label, or in multi-label data any number of them, joined by commas.
Lines with the same answers of gold and system are one pattern; every figure is a function of sums over patterns.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from xlmcli.tables import split_labels

LabelMetric = Literal[
    "accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "weighted_precision",
    "weighted_recall",
    "weighted_f1",
    "micro_f1",
]
LABEL_METRICS: tuple[LabelMetric, ...] = get_args(LabelMetric)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def split_answer(answer: str, multi_label: bool) -> tuple[str, ...]:
    """Returns the labels of an answer: itself, or those between commas, sorted and each once."""
    if not multi_label:
        return (answer,)
    return tuple(sorted(set(split_labels(answer))))


@dataclass(frozen=True, slots=True)
class Answers:
    """The same lines as gold and a system answer them.

    Attributes:
        labels: All that occur, sorted.
        members: The labels that each different answer holds, as indices into ``labels``.
        gold: Answer of each line, (num_lines,), an index into ``members``.
        predicted: Likewise of the system.
        multi_label: Whether an answer may hold several labels, or none.
    """

    labels: tuple[str, ...]
    members: tuple[frozenset[int], ...]
    gold: Ints
    predicted: Ints
    multi_label: bool = False

    def __len__(self) -> int:
        return len(self.gold)

    def of(self, lines: Ints) -> Answers:
        """Returns those to some of the lines."""
        return replace(self, gold=self.gold[lines], predicted=self.predicted[lines])

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """Which lines the system answers as gold does, (num_lines,); in multi-label data with exactly its labels."""
        return np.equal(self.gold, self.predicted)


def encode_answers(gold: Sequence[str], predicted: Sequence[str], *, multi_label: bool = False) -> Answers:
    """Numbers the answers.

    Args:
        gold: An answer for each line, at least one.
        predicted: As many.
        multi_label: Whether commas join labels.

    Raises:
        ValueError: There are no lines, or other numbers of them.
    """
    if not gold:
        raise ValueError("there are no lines to score")
    if len(predicted) != len(gold):
        raise ValueError(f"{len(gold)} gold labels and {len(predicted)} predictions")
    ids: dict[tuple[str, ...], int] = {}
    seen: dict[str, int] = {}
    gold_ids, predicted_ids = (
        np.array([_number(answer, multi_label, ids, seen) for answer in column]) for column in (gold, predicted)
    )
    labels = sorted({label for answer in ids for label in answer})
    positions = {label: position for position, label in enumerate(labels)}
    members = tuple(frozenset(positions[label] for label in answer) for answer in ids)
    return Answers(tuple(labels), members, gold_ids, predicted_ids, multi_label)


def _number(answer: str, multi_label: bool, ids: dict[tuple[str, ...], int], seen: dict[str, int]) -> int:
    number = seen.get(answer)
    if number is None:
        number = seen[answer] = ids.setdefault(split_answer(answer, multi_label), len(ids))
    return number


@dataclass(frozen=True, slots=True)
class Counts:
    """How often; the leading axes, if any, are resamples.

    Attributes:
        exact: Lines answered as gold does, (…).
        true: For each label, lines that have it in gold and in the prediction, (…, num_labels).
        predicted: Lines that have it in the prediction.
        gold: Lines that have it in gold.
    """

    exact: Floats
    true: Floats
    predicted: Floats
    gold: Floats

    def precision(self) -> Floats:
        """Of each label, 0-1; 0 where it is never predicted. (…, num_labels)."""
        return _divide(self.true, self.predicted)

    def recall(self) -> Floats:
        """Of each label, 0-1; 0 where it is never in gold."""
        return _divide(self.true, self.gold)

    def f1(self) -> Floats:
        """Of each label, 0-1; 0 where it is in neither."""
        return _divide(2 * self.true, self.predicted + self.gold)

    def scores(self, num_lines: int) -> dict[LabelMetric, Floats]:
        """Returns every metric, 0-1, of shape (…).

        Macro averages count the labels that occur, in gold or predictions; weighted averages weigh them by how often
        they are in gold.
        """
        num_labels = np.maximum(((self.predicted + self.gold) > 0).sum(axis=-1), 1)
        weights = _divide(self.gold, self.gold.sum(axis=-1, keepdims=True))
        precision, recall, f1 = self.precision(), self.recall(), self.f1()
        return {
            "accuracy": self.exact / num_lines,
            "macro_precision": precision.sum(axis=-1) / num_labels,
            "macro_recall": recall.sum(axis=-1) / num_labels,
            "macro_f1": f1.sum(axis=-1) / num_labels,
            "weighted_precision": (weights * precision).sum(axis=-1),
            "weighted_recall": (weights * recall).sum(axis=-1),
            "weighted_f1": (weights * f1).sum(axis=-1),
            "micro_f1": _divide(2 * self.true.sum(axis=-1), (self.predicted + self.gold).sum(axis=-1)),
        }


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Labels that occur in patterns: one item for each pattern and label, of the many that there could be.

    Attributes:
        patterns: The pattern of each item.
        labels: Its label, an index.
    """

    patterns: Ints
    labels: Ints

    @classmethod
    def of(cls, patterns: Sequence[Collection[int]]) -> Occurrences:
        """Numbers the labels that each pattern has."""
        sizes = [len(labels) for labels in patterns]
        return cls(
            np.repeat(np.arange(len(patterns)), sizes),
            np.fromiter(chain.from_iterable(patterns), np.int64, sum(sizes)),
        )

    def count(self, num_drawn: NDArray[Any], num_labels: int) -> Floats:
        """Counts each label where each pattern counts so often, (…, num_patterns); (…, num_labels)."""
        counts = [
            np.bincount(self.labels, weights=row[self.patterns], minlength=num_labels)
            for row in num_drawn.reshape(-1, num_drawn.shape[-1])
        ]
        return np.array(counts, dtype=np.float64).reshape(*num_drawn.shape[:-1], num_labels)


@dataclass(frozen=True, slots=True)
class Patterns:
    """Lines with the same answers of gold and system, counted together.

    Attributes:
        of_lines: Pattern of each line, (num_lines,).
        is_right: Whether the system answers as gold does, (num_patterns,).
        true: Labels of each pattern that both say.
        predicted: Those that the system says.
        gold: Those that are right.
        num_labels: Labels that there are.
    """

    of_lines: Ints
    is_right: NDArray[np.bool_]
    true: Occurrences
    predicted: Occurrences
    gold: Occurrences
    num_labels: int

    def __len__(self) -> int:
        return len(self.is_right)

    def count(self, num_drawn: NDArray[Any]) -> Counts:
        """Counts labels where each pattern counts so often, (…, num_patterns)."""
        # Floats go through the fast matrix product, and hold whole numbers up to 2**53.
        exact = num_drawn.astype(np.float64) @ self.is_right
        labels = (part.count(num_drawn, self.num_labels) for part in (self.true, self.predicted, self.gold))
        return Counts(exact, *labels)


def find_patterns(answers: Answers) -> Patterns:
    """Groups lines that no figure tells apart."""
    codes = answers.gold * len(answers.members) + answers.predicted
    _, first, of_lines = np.unique(codes, return_index=True, return_inverse=True)
    gold, predicted = (
        [answers.members[answer] for answer in column[first]] for column in (answers.gold, answers.predicted)
    )
    return Patterns(
        of_lines=of_lines.reshape(-1),
        is_right=answers.is_right[first],
        true=Occurrences.of([right & said for right, said in zip(gold, predicted, strict=True)]),
        predicted=Occurrences.of(predicted),
        gold=Occurrences.of(gold),
        num_labels=len(answers.labels),
    )


def _divide(numerators: Floats, denominators: Floats) -> Floats:
    """Divides, with 0 where there is nothing to divide by."""
    shape = np.broadcast_shapes(numerators.shape, denominators.shape)
    return np.divide(numerators, denominators, out=np.zeros(shape), where=denominators > 0)
