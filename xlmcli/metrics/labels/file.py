"""Files with labels, gold and predicted, read and held against each other before anything is scored."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from xlmcli.errors import DataError, UsageError
from xlmcli.labelled.reading import iter_labelled_rows
from xlmcli.labelled.rows import LabelledFile, Role
from xlmcli.metrics.labels.answers import Floats, split_answer
from xlmcli.metrics.report.reports import ModelFacts
from xlmcli.metrics.shifts import find_shift
from xlmcli.metrics.sides import Side, count_lines
from xlmcli.tables import FormatName, join_labels

_MAX_SHOWN = 20


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """Where in a file the labels are.

    Attributes:
        format: Of the file.
        label: Column or field of the label; None is ``label``.
        probability: Column or field of its probability; None is ``probability``, if there is one.
        lang: Column or field of the line's language; None reads none.
    """

    format: FormatName = "text"
    label: str | None = None
    probability: str | None = None
    lang: str | None = None

    def __post_init__(self) -> None:
        chosen = [name for name in (self.label, self.probability, self.lang) if name is not None]
        if self.format == "text" and chosen:
            raise UsageError(
                f"plain text has no column or field {chosen[0]!r}", hint="name the format: tsv, csv or jsonl"
            )

    def of(self, source: str, role: Role, *, multi_label: bool) -> LabelledFile:
        """Returns a file that has them there."""
        others = () if self.lang is None else (self.lang,)
        return LabelledFile(
            source, self.format, role, self.label, self.probability, others=others, multi_label=multi_label
        )


@dataclass(frozen=True, slots=True)
class SystemLabels:
    """What a file says, all columns in the order of its lines.

    Attributes:
        source: Name of the file.
        numbers: Number of each line in the file, from 1.
        labels: The label of each; in multi-label data any number of them, joined by commas.
        probabilities: Of the labels, (num_lines,), 0-1; None if the file has none.
        langs: Language of each line; None if they were not asked for.
        possible: Labels that the model which predicts has, said or not; empty where it is not known.
        model: What made the labels, where that was done on the spot.
    """

    source: str
    numbers: Sequence[int]
    labels: Sequence[str]
    probabilities: Floats | None
    langs: Sequence[str] | None
    possible: tuple[str, ...] = ()
    model: ModelFacts | None = None

    def place(self, index: int) -> str:
        """Names a line, for messages."""
        return f"{self.source}:{self.numbers[index]}"


def read_gold(lines: Iterable[bytes], source: str, options: LabelColumns, *, multi_label: bool = False) -> SystemLabels:
    """Reads the right labels.

    Args:
        lines: Without their ``\\n``.
        source: Name of the file, for messages.
        options: Where the labels are.
        multi_label: Whether commas join labels; a line may then have none.

    Raises:
        DataError: The file is empty or not of the format, or a label, a column or a field is missing; the message names
            ``source:line``.
    """
    return _read(lines, options.of(source, "gold", multi_label=multi_label))


def read_predictions(
    lines: Iterable[bytes], source: str, options: LabelColumns, *, multi_label: bool = False
) -> SystemLabels:
    """Reads what a system predicted, and its probabilities where they stand beside.

    Args:
        lines: Without their ``\\n``.
        source: Name of the file, for messages.
        options: Where the labels are.
        multi_label: Whether commas join labels; a line may then have none.

    Raises:
        DataError: As of `read_gold`, or a probability is not from 0 to 1, or stands in some lines only.
    """
    return _read(lines, options.of(source, "predicted", multi_label=multi_label))


def check_gold(gold: SystemLabels, labels: Collection[str], *, multi_label: bool = False) -> None:
    """Checks that gold has no labels but those that may occur.

    Raises:
        DataError: It has; the message names the line.
    """
    _check_labels(gold, set(labels), "--labels", multi_label)


def check_texts(gold: SystemLabels, texts: Side) -> None:
    """Checks that there is a text for each right label.

    Raises:
        DataError: There are more or fewer; the message has both counts.
    """
    if len(texts.lines) != len(gold.labels):
        raise DataError(
            f"{texts.name} has {count_lines(len(texts.lines))} and {gold.source} {len(gold.labels):,} labels",
            hint="texts are read line by line, also where a text of a table has several lines",
        )


def check_predictions(
    gold: SystemLabels, predicted: SystemLabels, labels: Collection[str] | None = None, *, multi_label: bool = False
) -> None:
    """Checks that predictions can be scored against gold.

    Args:
        gold: The right labels.
        predicted: What a system says of the same lines.
        labels: All labels that may occur; None takes those of gold, and those of the model that predicts.
        multi_label: Whether commas join labels.

    Raises:
        DataError: There are more lines in one than in the other (the message names both counts, the hint the first line
            that looks shifted), or a label is unknown (the message names the line).
    """
    if len(gold.labels) != len(predicted.labels):
        raise _shifted(gold, predicted)
    if labels is not None:
        _check_labels(predicted, set(labels), "--labels", multi_label)
        return
    known = {label for answer in set(gold.labels) for label in split_answer(answer, multi_label)}
    known.update(predicted.possible)
    hint = f"{gold.source} has {len(known):,} different labels: are the columns swapped? --gold-column chooses it"
    is_swapped = len(known) > _MAX_SHOWN and len(known) > len(gold.labels) // 2
    _check_labels(predicted, known, gold.source, multi_label, hint if is_swapped else None)


def _read(lines: Iterable[bytes], file: LabelledFile) -> SystemLabels:
    numbers: list[int] = []
    labels: list[str] = []
    probabilities: list[float] = []
    langs: list[str] = []
    for row in iter_labelled_rows(lines, file):
        label = join_labels(row.labels) if file.multi_label else "".join(row.labels[:1]).strip()
        if not label and not file.multi_label:
            raise file.error(
                row.number, "no label", "an empty text has no label: take its line out of gold and predictions"
            )
        for lang in row.others:
            if not lang.strip():
                raise file.error(row.number, "no language")
            langs.append(lang.strip())
        if not file.multi_label:
            if labels and bool(row.probabilities) != bool(probabilities):
                raise file.error(row.number, _differing(bool(probabilities)), "every line needs one, or none")
            probabilities += row.probabilities[:1]
        numbers.append(row.number)
        labels.append(label)
    if not labels:
        raise DataError(f"{file.source}: no labels: the file is empty")
    return SystemLabels(file.source, numbers, labels, np.array(probabilities) if probabilities else None, langs or None)


def _differing(is_lacking: bool) -> str:
    if is_lacking:
        return "no probability, and the lines before have one"
    return "a probability here, and the lines before have none"


def _check_labels(
    column: SystemLabels, known: set[str], origin: str, multi_label: bool, hint: str | None = None
) -> None:
    different = set(column.labels)
    unknown = {answer for answer in different if not known.issuperset(split_answer(answer, multi_label))}
    if not unknown:
        return
    index = next(index for index, answer in enumerate(column.labels) if answer in unknown)
    label = next(label for label in split_answer(column.labels[index], multi_label) if label not in known)
    close = get_close_matches(label, known, n=1)
    meant = f" (did you mean {close[0]!r}?)" if close else ""
    raise DataError(
        f"{column.place(index)}: unknown label {label!r}{meant}",
        hint=hint or f"{origin} has {_listed(sorted(known))}; --labels names all that may occur",
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MAX_SHOWN])
    return shown if len(names) <= _MAX_SHOWN else f"{shown} and {len(names) - _MAX_SHOWN} more"


def _shifted(gold: SystemLabels, predicted: SystemLabels) -> DataError:
    num_gold, num_predicted = len(gold.labels), len(predicted.labels)
    shorter, longer = sorted((gold.labels, predicted.labels), key=len)
    index = find_shift(shorter, longer, operator.eq).position
    if index < min(num_gold, num_predicted):
        where = f"the first line that looks shifted is {predicted.place(index)}"
    elif num_gold > num_predicted:
        where = f"the labels of {predicted.source} fit up to its end: it looks cut short"
    else:
        where = f"the labels of {predicted.source} fit up to line {predicted.numbers[index - 1]}: the rest looks added"
    return DataError(f"{predicted.source} has {num_predicted:,} labels and {gold.source} {num_gold:,}", hint=where)
