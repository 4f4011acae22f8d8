"""How well labels were predicted: overall, for each label, for each language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlmcli.errors import UsageError
from xlmcli.metrics.labels.answers import (
    LABEL_METRICS,
    Answers,
    Counts,
    Floats,
    Ints,
    LabelMetric,
    encode_answers,
    find_patterns,
)
from xlmcli.metrics.labels.calibration import expected_calibration_error


@dataclass(frozen=True, slots=True)
class PredictedLabels:
    """What a system says of each line.

    Attributes:
        labels: A label for each line; in multi-label data any number of them, joined by commas.
        probabilities: How sure the system is of what it says, (num_lines,), 0-1; None where it does not tell.
    """

    labels: Sequence[str]
    probabilities: Floats | None = None


@dataclass(frozen=True, slots=True)
class LabelScores:
    """How well one label is told from the others.

    Attributes:
        label: Its name.
        precision: 0-1; 0 if it is never predicted.
        recall: 0-1; 0 if it is never in gold.
        f1: Harmonic mean of both, 0-1.
        support: Lines that have it in gold.
        num_predicted: Lines that have it in the predictions.
    """

    label: str
    precision: float
    recall: float
    f1: float
    support: int
    num_predicted: int


@dataclass(frozen=True, slots=True)
class LabelReport:
    """How well one system does.

    Attributes:
        num_lines: Lines scored.
        scores: Every metric, 0-1. In multi-label data, accuracy counts the lines that have exactly gold's labels.
        per_label: Of the labels that occur in gold or predictions, sorted by name.
        confusion: How often each label of gold (rows) was predicted as each label (columns), in the order of
            ``per_label``; None in multi-label data.
        calibration_error: Expected calibration error, 0-1; None without probabilities and in multi-label data.
    """

    num_lines: int
    scores: Mapping[LabelMetric, float]
    per_label: tuple[LabelScores, ...]
    confusion: Ints | None
    calibration_error: float | None


@dataclass(frozen=True, slots=True)
class LanguageReport:
    """How well one system does in one language.

    Attributes:
        lang: Its code.
        report: Of its lines.
        gaps: Each metric minus that of the training language, so below 0 where this language does worse; None where no
            training language is named.
    """

    lang: str
    report: LabelReport
    gaps: Mapping[LabelMetric, float] | None


def score_labels(gold: Sequence[str], predictions: PredictedLabels, *, multi_label: bool = False) -> LabelReport:
    """Scores predictions against gold labels.

    Precision, recall and F1 are scikit-learn's, with 0 where there is nothing to divide by.

    Args:
        gold: The right label of each line, at least one line.
        predictions: As many.
        multi_label: Whether commas join labels.

    Raises:
        ValueError: There are no lines, or other numbers of them.
    """
    answers = encode_answers(gold, predictions.labels, multi_label=multi_label)
    patterns = find_patterns(answers)
    counts = patterns.count(np.bincount(patterns.of_lines))
    error = None
    if predictions.probabilities is not None and not multi_label:
        error = expected_calibration_error(predictions.probabilities, answers.is_right)
    return LabelReport(
        num_lines=len(gold),
        scores={metric: float(score) for metric, score in counts.scores(len(gold)).items()},
        per_label=_score_each_label(answers.labels, counts),
        confusion=None if multi_label else _count_confusions(answers),
        calibration_error=error,
    )


def score_languages(
    gold: Sequence[str],
    predictions: PredictedLabels,
    langs: Sequence[str],
    train_lang: str | None = None,
    *,
    multi_label: bool = False,
) -> tuple[LanguageReport, ...]:
    """Scores the lines of each language by themselves.

    Args:
        gold: The right label of each line.
        predictions: As many.
        langs: The language of each line.
        train_lang: Language that the model was fine-tuned on, which the others are compared with.
        multi_label: Whether commas join labels.

    Returns:
        The training language first, then the others by name.

    Raises:
        UsageError: No line is in the training language.
        ValueError: There are no lines, or other numbers of them.
    """
    if not len(gold) == len(langs) == len(predictions.labels):
        raise ValueError(f"{len(gold)} gold labels, {len(predictions.labels)} predictions and {len(langs)} languages")
    lines: dict[str, list[int]] = {}
    for index, lang in enumerate(langs):
        lines.setdefault(lang, []).append(index)
    if train_lang is not None and train_lang not in lines:
        raise UsageError(f"no line is in the training language {train_lang!r}", hint=f"there is {', '.join(lines)}")
    order = sorted(lines, key=lambda lang: (lang != train_lang, lang))
    reports = {
        lang: score_labels(
            [gold[index] for index in lines[lang]], _take(predictions, lines[lang]), multi_label=multi_label
        )
        for lang in order
    }
    base = None if train_lang is None else reports[train_lang]
    return tuple(LanguageReport(lang, report, _find_gaps(report, base)) for lang, report in reports.items())


def _score_each_label(labels: tuple[str, ...], counts: Counts) -> tuple[LabelScores, ...]:
    columns = (counts.precision(), counts.recall(), counts.f1(), counts.gold, counts.predicted)
    return tuple(
        LabelScores(label, float(precision), float(recall), float(f1), int(support), int(num_predicted))
        for label, precision, recall, f1, support, num_predicted in zip(labels, *columns, strict=True)
    )


def _count_confusions(answers: Answers) -> Ints:
    # Of single labels, every answer has one member.
    positions = answers.members.argmax(axis=1)
    num_labels = len(answers.labels)
    cells = positions[answers.gold] * num_labels + positions[answers.predicted]
    return np.bincount(cells, minlength=num_labels**2).reshape(num_labels, num_labels)


def _take(predictions: PredictedLabels, lines: list[int]) -> PredictedLabels:
    probabilities: NDArray[np.float64] | None = predictions.probabilities
    return PredictedLabels(
        [predictions.labels[index] for index in lines], None if probabilities is None else probabilities[lines]
    )


def _find_gaps(report: LabelReport, base: LabelReport | None) -> Mapping[LabelMetric, float] | None:
    if base is None:
        return None
    return {metric: report.scores[metric] - base.scores[metric] for metric in LABEL_METRICS}
