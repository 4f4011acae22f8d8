"""Systems' labels to a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xlmcli.metrics.labels.answers import LABEL_METRICS, Floats, LabelMetric, split_answer
from xlmcli.metrics.labels.file import SystemLabels
from xlmcli.metrics.labels.scores import LabelReport, score_labels, score_languages
from xlmcli.metrics.labels.significance import mcnemar_p, resample_label_scores
from xlmcli.metrics.report.reports import Metric, ModelFacts, Report, Score, System, Table, Test, Value
from xlmcli.metrics.significance import interval_of, paired_bootstrap_p, warn_of_few_lines
from xlmcli.metrics.translation.comparison import SamplingOptions

_LANGUAGE_METRICS: tuple[LabelMetric, ...] = ("accuracy", "macro_f1", "weighted_f1")


@dataclass(frozen=True, slots=True)
class Labeller:
    """A system to score.

    Attributes:
        predicted: What it says, a label for each of gold's.
        model: What made the labels, where that was done on the spot.
    """

    predicted: SystemLabels
    model: ModelFacts | None = None


@dataclass(frozen=True, slots=True)
class LabelReportOptions:
    """How labels are scored.

    Attributes:
        multi_label: Whether commas join labels.
        train_lang: Language that the others are compared with, where gold has languages; None for none.
        baseline: Index of the system that the others are tested against.
        decimals: To print.
    """

    multi_label: bool = False
    train_lang: str | None = None
    baseline: int = 0
    decimals: int = 4


def label_metrics(multi_label: bool) -> tuple[LabelMetric, ...]:
    """Returns the metrics of a report, in order."""
    # Of single labels, micro F1 is accuracy.
    return tuple(metric for metric in LABEL_METRICS if multi_label or metric != "micro_f1")


def report_labels(
    gold: SystemLabels, labellers: Sequence[Labeller], sampling: SamplingOptions, options: LabelReportOptions
) -> Report:
    """Scores systems and compares them.

    Args:
        gold: The right labels.
        labellers: The systems; their labels were checked against gold's.
        sampling: How intervals and tests are computed.
        options: How labels are scored.

    Raises:
        UsageError: No line is in the training language.
    """
    metrics = label_metrics(options.multi_label)
    multi_label = options.multi_label
    reports = [score_labels(gold.labels, item.predicted.predictions, multi_label=multi_label) for item in labellers]
    scores = _score_systems(gold, labellers, reports, sampling, options)
    systems = [
        System(item.predicted.source, tuple(columns[metric] for metric in metrics), item.model)
        for item, columns in zip(labellers, scores, strict=True)
    ]
    return Report(
        task="classify",
        num_lines=len(gold.labels),
        metrics=tuple(Metric(metric, options.decimals) for metric in metrics),
        systems=tuple(systems),
        baseline=options.baseline if len(labellers) > 1 else None,
        tables=tuple(_tables(gold, labellers, reports, options)),
        warnings=(
            *_find_misuse(gold, labellers, multi_label),
            *(warn_of_few_lines(len(gold.labels)) if sampling.num_resamples else ()),
        ),
    )


def _score_systems(
    gold: SystemLabels,
    labellers: Sequence[Labeller],
    reports: Sequence[LabelReport],
    sampling: SamplingOptions,
    options: LabelReportOptions,
) -> list[dict[LabelMetric, Score]]:
    answers = [item.predicted.labels for item in labellers]
    samples: list[dict[LabelMetric, Floats]] = [{} for _ in answers]
    if sampling.num_resamples:
        samples = resample_label_scores(
            gold.labels, answers, sampling.num_resamples, sampling.seed, multi_label=options.multi_label
        )
    base = options.baseline
    scored = []
    for index, report in enumerate(reports):
        mcnemar = num_differing = None
        if index != base:
            mcnemar = mcnemar_p(gold.labels, answers[index], answers[base], multi_label=options.multi_label)
            num_differing = _count_differing(answers[index], answers[base], options.multi_label)
        row = {}
        for metric in label_metrics(options.multi_label):
            tests = []
            if index != base and samples[index]:
                difference = report.scores[metric] - reports[base].scores[metric]
                p_value = paired_bootstrap_p(samples[index][metric], samples[base][metric], difference)
                tests.append(Test("bootstrap", p_value))
            if mcnemar is not None and metric == "accuracy":
                tests.append(Test("mcnemar", mcnemar))
            interval = interval_of(samples[index][metric]) if samples[index] else None
            row[metric] = Score(report.scores[metric], interval, tuple(tests), num_differing=num_differing)
        scored.append(row)
    return scored


def _count_differing(answers: Sequence[str], others: Sequence[str], multi_label: bool) -> int:
    return sum(
        set(split_answer(answer, multi_label)) != set(split_answer(other, multi_label))
        for answer, other in zip(answers, others, strict=True)
    )


def _tables(
    gold: SystemLabels, labellers: Sequence[Labeller], reports: Sequence[LabelReport], options: LabelReportOptions
) -> list[Table]:
    names = [item.predicted.source for item in labellers]
    tables = [_label_table(name, report) for name, report in zip(names, reports, strict=True)]
    tables += [
        _confusion_table(name, report)
        for name, report in zip(names, reports, strict=True)
        if report.confusion is not None
    ]
    if any(report.calibration_error is not None for report in reports):
        rows = tuple((name, report.calibration_error) for name, report in zip(names, reports, strict=True))
        tables.append(Table("calibration", "calibration", ("system", "expected_calibration_error"), rows))
    if gold.langs is not None:
        tables += [_language_table(gold, gold.langs, item.predicted, options) for item in labellers]
    return tables


def _label_table(name: str, report: LabelReport) -> Table:
    columns = ("label", "precision", "recall", "f1", "support", "predicted")
    rows = tuple(
        (item.label, item.precision, item.recall, item.f1, item.support, item.num_predicted)
        for item in report.per_label
    )
    return Table("labels", f"labels of {name}", columns, rows, system=name)


def _confusion_table(name: str, report: LabelReport) -> Table:
    assert report.confusion is not None
    labels = [item.label for item in report.per_label]
    rows: list[tuple[Value, ...]] = [
        (label, *map(int, counts)) for label, counts in zip(labels, report.confusion, strict=True)
    ]
    title = f"confusion of {name}: rows are gold, columns are predicted"
    return Table("confusion", title, ("gold", *labels), tuple(rows), system=name)


def _language_table(
    gold: SystemLabels, langs: Sequence[str], predicted: SystemLabels, options: LabelReportOptions
) -> Table:
    reports = score_languages(
        gold.labels, predicted.predictions, langs, options.train_lang, multi_label=options.multi_label
    )
    columns = ["lang", "lines", *_LANGUAGE_METRICS]
    title = f"languages of {predicted.source}"
    if options.train_lang is not None:
        columns += [f"{metric}_gap" for metric in _LANGUAGE_METRICS]
        title += f", with the gap to {options.train_lang}"
    rows: list[tuple[Value, ...]] = []
    for item in reports:
        gaps = [] if item.gaps is None else _chosen(item.gaps)
        rows.append((item.lang, item.report.num_lines, *_chosen(item.report.scores), *gaps))
    return Table("languages", title, tuple(columns), tuple(rows), system=predicted.source)


def _chosen(scores: Mapping[LabelMetric, float]) -> list[float]:
    return [scores[metric] for metric in _LANGUAGE_METRICS]


def _find_misuse(gold: SystemLabels, labellers: Sequence[Labeller], multi_label: bool) -> list[str]:
    warnings = []
    in_gold = {label for answer in set(gold.labels) for label in split_answer(answer, multi_label)}
    for item in labellers:
        if item.predicted.possible and (lacking := in_gold.difference(item.predicted.possible)):
            warnings.append(f"{item.predicted.source} cannot say {', '.join(sorted(lacking))}, which gold has")
        if list(item.predicted.labels) == list(gold.labels):
            warnings.append(f"{item.predicted.source} and gold have the same labels in every line")
        elif len(set(item.predicted.labels)) == 1 and len(set(gold.labels)) > 1:
            warnings.append(f"{item.predicted.source} says {item.predicted.labels[0]!r} in every line")
    return warnings
