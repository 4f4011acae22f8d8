"""How well labels were predicted: overall, for each label, for each language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xlmcli.errors import UsageError
from xlmcli.metrics.labels.answers import LABEL_METRICS, Answers, Counts, Floats, Ints, LabelMetric, find_patterns
from xlmcli.metrics.labels.calibration import expected_calibration_error


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
        num_lines: Lines scored.
        scores: Every metric, 0-1.
        gaps: Each metric minus that of the training language, so below 0 where this language does worse; None where no
            training language is named.
    """

    lang: str
    num_lines: int
    scores: Mapping[LabelMetric, float]
    gaps: Mapping[LabelMetric, float] | None


def score_labels(answers: Answers, probabilities: Floats | None = None) -> LabelReport:
    """Scores predictions against gold labels.

    Precision, recall and F1 are scikit-learn's, with 0 where there is nothing to divide by.

    Args:
        answers: Of gold and the system.
        probabilities: How sure the system is of what it says, (num_lines,), 0-1; None where it does not tell.
    """
    counts = _count(answers)
    error = None
    if probabilities is not None and not answers.multi_label:
        error = expected_calibration_error(probabilities, answers.is_right)
    return LabelReport(
        num_lines=len(answers),
        scores=_score(counts, len(answers)),
        per_label=_score_each_label(answers.labels, counts),
        confusion=None if answers.multi_label else _count_confusions(answers),
        calibration_error=error,
    )


def score_languages(
    answers: Answers, langs: Sequence[str], train_lang: str | None = None
) -> tuple[LanguageReport, ...]:
    """Scores the lines of each language by themselves.

    Args:
        answers: Of gold and the system.
        langs: The language of each line.
        train_lang: Language that the model was fine-tuned on, which the others are compared with.

    Returns:
        The training language first, then the others by name.

    Raises:
        UsageError: No line is in the training language.
        ValueError: There are other numbers of languages than of lines.
    """
    if len(langs) != len(answers):
        raise ValueError(f"{len(answers)} lines and {len(langs)} languages")
    column = np.array(langs)
    if train_lang is not None and train_lang not in langs:
        known = ", ".join(dict.fromkeys(langs))
        raise UsageError(f"no line is in the training language {train_lang!r}", hint=f"there is {known}")
    parts = {
        lang: answers.of(np.flatnonzero(column == lang))
        for lang in sorted(set(langs), key=lambda lang: (lang != train_lang, lang))
    }
    scores = {lang: _score(_count(part), len(part)) for lang, part in parts.items()}
    base = None if train_lang is None else scores[train_lang]
    return tuple(
        LanguageReport(lang, len(part), scores[lang], _find_gaps(scores[lang], base)) for lang, part in parts.items()
    )


def _count(answers: Answers) -> Counts:
    patterns = find_patterns(answers)
    return patterns.count(np.bincount(patterns.of_lines))


def _score(counts: Counts, num_lines: int) -> dict[LabelMetric, float]:
    return {metric: float(score) for metric, score in counts.scores(num_lines).items()}


def _score_each_label(labels: tuple[str, ...], counts: Counts) -> tuple[LabelScores, ...]:
    columns = (counts.precision(), counts.recall(), counts.f1(), counts.gold, counts.predicted)
    return tuple(
        LabelScores(label, float(precision), float(recall), float(f1), int(support), int(num_predicted))
        for label, precision, recall, f1, support, num_predicted in zip(labels, *columns, strict=True)
    )


def _count_confusions(answers: Answers) -> Ints:
    # Of single labels, every answer has one member.
    positions = np.array([label for (label,) in answers.members])
    num_labels = len(answers.labels)
    cells = positions[answers.gold] * num_labels + positions[answers.predicted]
    return np.bincount(cells, minlength=num_labels**2).reshape(num_labels, num_labels)


def _find_gaps(
    scores: Mapping[LabelMetric, float], base: Mapping[LabelMetric, float] | None
) -> Mapping[LabelMetric, float] | None:
    if base is None:
        return None
    return {metric: scores[metric] - base[metric] for metric in LABEL_METRICS}
