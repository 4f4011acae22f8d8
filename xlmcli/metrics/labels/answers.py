"""Labels as numbers: what was said of each line, and how often each label was right, said and meant.

An answer is what stands in the label column: one label, or in multi-label data any number of them, joined by commas.
Lines with the same answers of gold and system are one pattern; every figure is a function of sums over patterns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
        members: Bools (num_answers, num_labels): which labels each different answer holds.
        gold: Answer of each line, (num_lines,), an index into ``members``.
        predicted: Likewise of the system.
        multi_label: Whether an answer may hold several labels, or none.
    """

    labels: tuple[str, ...]
    members: NDArray[np.bool_]
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
    members = np.zeros((len(ids), len(labels)), dtype=np.bool_)
    for answer, number in ids.items():
        members[number, [positions[label] for label in answer]] = True
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
class Patterns:
    """Lines with the same answers of gold and system, counted together.

    Attributes:
        of_lines: Pattern of each line, (num_lines,).
        once: What each pattern adds to the counts, (num_patterns, …).
    """

    of_lines: Ints
    once: Counts

    def __len__(self) -> int:
        return len(self.once.exact)

    def count(self, num_drawn: NDArray[Any]) -> Counts:
        """Counts labels where each pattern counts so often, (…, num_patterns)."""
        # Floats go through the fast matrix product, and hold whole numbers up to 2**53.
        drawn = num_drawn.astype(np.float64)
        return Counts(
            drawn @ self.once.exact, drawn @ self.once.true, drawn @ self.once.predicted, drawn @ self.once.gold
        )


def find_patterns(answers: Answers) -> Patterns:
    """Groups lines that no figure tells apart."""
    codes = answers.gold * len(answers.members) + answers.predicted
    _, first, of_lines = np.unique(codes, return_index=True, return_inverse=True)
    gold = answers.members[answers.gold[first]]
    predicted = answers.members[answers.predicted[first]]
    once = (answers.is_right[first], gold & predicted, predicted, gold)
    return Patterns(of_lines.reshape(-1), Counts(*(column.astype(np.float64) for column in once)))


def _divide(numerators: Floats, denominators: Floats) -> Floats:
    """Divides, with 0 where there is nothing to divide by."""
    shape = np.broadcast_shapes(numerators.shape, denominators.shape)
    return np.divide(numerators, denominators, out=np.zeros(shape), where=denominators > 0)
