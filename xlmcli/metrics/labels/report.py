"""Systems' labels to a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xlmcli.metrics.labels.answers import LABEL_METRICS, Answers, Floats, LabelMetric, encode_answers, split_answer
from xlmcli.metrics.labels.file import SystemLabels
from xlmcli.metrics.labels.scores import LabelReport, score_labels, score_languages
from xlmcli.metrics.labels.significance import mcnemar_p, resample_label_scores
from xlmcli.metrics.report.reports import Metric, Report, Score, System, Table, Test, Value
from xlmcli.metrics.significance import (
    SamplingOptions,
    interval_of,
    paired_bootstrap_p,
    warn_of_few_lines,
    warn_of_few_samples,
)

_LANGUAGE_METRICS: tuple[LabelMetric, ...] = ("accuracy", "macro_f1", "weighted_f1")


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
    gold: SystemLabels, systems: Sequence[SystemLabels], sampling: SamplingOptions, options: LabelReportOptions
) -> Report:
    """Scores systems and compares them.

    Args:
        gold: The right labels.
        systems: Labels of the same lines, checked against gold's.
        sampling: How intervals and tests are computed.
        options: How labels are scored.

    Raises:
        UsageError: No line is in the training language.
    """
    metrics = label_metrics(options.multi_label)
    answers = [encode_answers(gold.labels, item.labels, multi_label=options.multi_label) for item in systems]
    reports = [score_labels(known, item.probabilities) for known, item in zip(answers, systems, strict=True)]
    scores = _score_systems(systems, answers, reports, sampling, options)
    return Report(
        task="classify",
        num_lines=len(gold.labels),
        metrics=tuple(Metric(metric, options.decimals) for metric in metrics),
        systems=tuple(
            System(item.source, tuple(columns[metric] for metric in metrics), item.model)
            for item, columns in zip(systems, scores, strict=True)
        ),
        baseline=options.baseline if len(systems) > 1 else None,
        tables=tuple(_tables(gold.langs, [item.source for item in systems], answers, reports, options.train_lang)),
        warnings=(
            *_find_misuse(gold, systems, options.multi_label),
            *(warn_of_few_lines(len(gold.labels)) if sampling.num_resamples else ()),
            *(warn_of_few_samples(resamples=sampling.num_resamples) if len(systems) > 1 else ()),
        ),
    )


def _score_systems(
    systems: Sequence[SystemLabels],
    answers: Sequence[Answers],
    reports: Sequence[LabelReport],
    sampling: SamplingOptions,
    options: LabelReportOptions,
) -> list[dict[LabelMetric, Score]]:
    samples: list[dict[LabelMetric, Floats]] = [{} for _ in answers]
    if sampling.num_resamples:
        samples = resample_label_scores(answers, sampling.num_resamples, sampling.seed)
    base = options.baseline
    scored = []
    for index, report in enumerate(reports):
        mcnemar = num_differing = None
        if index != base:
            mcnemar = mcnemar_p(answers[index], answers[base])
            pair = encode_answers(systems[base].labels, systems[index].labels, multi_label=options.multi_label)
            num_differing = int((~pair.is_right).sum())
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


def _tables(
    langs: Sequence[str] | None,
    names: Sequence[str],
    answers: Sequence[Answers],
    reports: Sequence[LabelReport],
    train_lang: str | None,
) -> list[Table]:
    named = list(zip(names, reports, strict=True))
    tables = [_label_table(name, report) for name, report in named]
    tables += [_confusion_table(name, report) for name, report in named if report.confusion is not None]
    if any(report.calibration_error is not None for report in reports):
        rows = tuple((name, report.calibration_error) for name, report in named)
        tables.append(Table("calibration", "calibration", ("system", "expected_calibration_error"), rows))
    if langs is not None:
        tables += [_language_table(name, known, langs, train_lang) for name, known in zip(names, answers, strict=True)]
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


def _language_table(name: str, answers: Answers, langs: Sequence[str], train_lang: str | None) -> Table:
    columns = ["lang", "lines", *_LANGUAGE_METRICS]
    title = f"languages of {name}"
    if train_lang is not None:
        columns += [f"{metric}_gap" for metric in _LANGUAGE_METRICS]
        title += f", with the gap to {train_lang}"
    rows: list[tuple[Value, ...]] = []
    for item in score_languages(answers, langs, train_lang):
        gaps = [] if item.gaps is None else _chosen(item.gaps)
        rows.append((item.lang, item.num_lines, *_chosen(item.scores), *gaps))
    return Table("languages", title, tuple(columns), tuple(rows), system=name)


def _chosen(scores: Mapping[LabelMetric, float]) -> list[float]:
    return [scores[metric] for metric in _LANGUAGE_METRICS]


def _find_misuse(gold: SystemLabels, systems: Sequence[SystemLabels], multi_label: bool) -> list[str]:
    warnings = []
    in_gold = {label for answer in set(gold.labels) for label in split_answer(answer, multi_label)}
    for item in systems:
        if item.possible and (lacking := in_gold.difference(item.possible)):
            warnings.append(f"{item.source} cannot say {', '.join(sorted(lacking))}, which gold has")
        if list(item.labels) == list(gold.labels):
            warnings.append(f"{item.source} and gold have the same labels in every line")
        elif len(set(item.labels)) == 1 and len(set(gold.labels)) > 1:
            warnings.append(f"{item.source} says {item.labels[0]!r} in every line")
        elif multi_label and len(said := {frozenset(split_answer(answer, True)) for answer in item.labels}) == 1:
            warnings.append(f"{item.source} says all of {len(*said)} labels in every line, as xlm classify --all does")
    return warnings
