"""Labels as the answer to a text, and which of them are given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xlmcli.bundle import ClassifierPart
from xlmcli.errors import UsageError
from xlmcli.infer.records.protocols import Added, Row, Values
from xlmcli.tables import ALL_LABELS_NAME, LABEL_NAME, PROBABILITY_NAME, join_labels, split_labels

_MULTI_LABEL_THRESHOLD = 0.5
# The bytes of an argument that are not UTF-8 are halves of surrogate pairs in Python.
_UNWRITABLE = re.compile("[\t\n\r\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """Which labels are given and how they are written.

    Attributes:
        num_best: Most labels to give; None leaves it to the model: one, or any number where a text may have several.
        all_labels: Give every label, whatever its probability.
        threshold: Give only labels at least as probable, 0 to 1; None gives the best, or those from 0.5 where a text
            may have several.
        abstain: Label to give where no label reaches the threshold; None gives none.
    """

    num_best: int | None = None
    all_labels: bool = False
    threshold: float | None = None
    abstain: str | None = None

    def __post_init__(self) -> None:
        # What is not a number (NaN) is in no range, but click lets it pass.
        if self.threshold is not None and not (isinstance(self.threshold, int | float) and 0 <= self.threshold <= 1):
            raise UsageError(f"--threshold {self.threshold} is not from 0 to 1")
        if self.abstain is not None and _UNWRITABLE.search(self.abstain):
            raise UsageError(f"--abstain {self.abstain!r} holds a tab, a line end or what is not UTF-8")
        if self.all_labels:
            for option, value in (("-k", self.num_best), ("--threshold", self.threshold), ("--abstain", self.abstain)):
                if value is not None:
                    raise UsageError(f"--all gives every label, and {option} only some", hint="give one of them")


# Tuples, since there is one for every line: a frozen dataclass takes twice as long to make.
class Label(NamedTuple):
    """A label and its probability."""

    name: str
    probability: float


class Labelled(NamedTuple):
    """The answer to a text.

    Attributes:
        labels: Those that it gets, the likeliest first.
        is_list: Whether there can be several.
        is_multi_label: Whether the model gives a text any number.
        lang: The language that it was taken to be in, where that matters.
        warnings: What the reader should know, in a word each.
    """

    labels: tuple[Label, ...]
    is_list: bool = False
    is_multi_label: bool = False
    lang: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def label_names(self) -> frozenset[str]:
        return frozenset(label.name for label in self.labels)

    def lines(self, text: str, index: int) -> list[str]:
        return ["\t".join(column for label in self.labels for column in (label.name, f"{label.probability:.4f}"))]

    def rows(self) -> list[Row]:
        names = [label.name for label in self.labels]
        probabilities = ",".join(f"{label.probability:.4f}" for label in self.labels)
        # A label by itself stands as it is where there is one at most.
        is_one = len(names) == 1 and not self.is_multi_label
        return [Row(None, (names[0] if is_one else join_labels(names), probabilities))]

    def values(self) -> Values:
        best = self.labels[0] if self.labels else None
        added: dict[str, object] = {
            LABEL_NAME: best and best.name,
            PROBABILITY_NAME: best and round(best.probability, 4),
        }
        if self.is_list:
            added[ALL_LABELS_NAME] = [
                {LABEL_NAME: label.name, PROBABILITY_NAME: round(label.probability, 4)} for label in self.labels
            ]
        return Values(None, added, {} if self.lang is None else {"lang": self.lang})


class LabelChooser:
    """Chooses labels by their probabilities.

    Attributes:
        is_list: Whether there can be several.
        is_multi_label: Whether the model gives a text any number.

    Args:
        part: What the manifest says about the labels.
        options: What was asked for.
    """

    def __init__(self, part: ClassifierPart, options: LabelOptions) -> None:
        self._names = part.labels
        self.is_multi_label = part.multi_label
        self._abstain = options.abstain
        self._threshold = options.threshold
        if self._threshold is None and part.multi_label and options.num_best is None and not options.all_labels:
            self._threshold = _MULTI_LABEL_THRESHOLD
        if options.abstain is not None and self._threshold is None:
            raise UsageError("--abstain needs to know below which probability", hint="add --threshold P")
        gives_any = options.all_labels or (part.multi_label and options.num_best is None)
        self._num_best = len(part.labels) if gives_any else options.num_best or 1
        self.is_list = gives_any or options.num_best is not None

    @property
    def added(self) -> Added:
        """What the answers add to tables and objects."""
        names = (LABEL_NAME, PROBABILITY_NAME)
        return Added(names, (*names, ALL_LABELS_NAME) if self.is_list else names)

    def choose(self, probabilities: Sequence[float]) -> tuple[Label, ...]:
        """Returns the labels that a text gets, the likeliest first.

        Args:
            probabilities: Of every label of the model, in order.
        """
        if self._num_best == 1:
            largest = max(probabilities)
            ranked = [Label(self._names[probabilities.index(largest)], largest)]
        else:
            order = sorted(range(len(probabilities)), key=lambda index: -probabilities[index])
            ranked = [Label(self._names[index], probabilities[index]) for index in order[: self._num_best]]
        if self._threshold is None:
            return tuple(ranked)
        given = tuple(label for label in ranked if label.probability >= self._threshold)
        if given or self._abstain is None:
            return given
        return (Label(self._abstain, ranked[0].probability),)


def check_labels(wanted: Sequence[str], part: ClassifierPart, abstain: str | None) -> frozenset[str]:
    """Returns labels as a set.

    Args:
        wanted: Labels, or several with commas between.
        part: What the manifest says about labels.
        abstain: The label of texts that get none.

    Raises:
        UsageError: The model does not give one of them.
    """
    known = (*part.labels, *(() if abstain is None else (abstain,)))
    labels = [label for name in wanted for label in ([name] if name in known else split_labels(name) or [name.strip()])]
    for label in labels:
        if label not in known:
            raise UsageError(f"the model has no label {label!r}", hint=f"it has {', '.join(known)}")
    return frozenset(labels)
