from __future__ import annotations

import numpy as np
import pytest

from xlmcli.metrics.labels.answers import encode_answers
from xlmcli.metrics.labels.file import SystemLabels
from xlmcli.metrics.labels.report import LabelReportOptions, report_labels
from xlmcli.metrics.labels.significance import mcnemar_p
from xlmcli.metrics.report.reports import Report
from xlmcli.metrics.translation.comparison import SamplingOptions

NUM_LINES = 60
GOLD = ["pos", "neg", "neu"] * (NUM_LINES // 3)
LANGS = ["en", "fr"] * (NUM_LINES // 2)


def labelled(
    source: str, labels: list[str], langs: list[str] | None = None, probability: float | None = None
) -> SystemLabels:
    probabilities = None if probability is None else np.full(len(labels), probability)
    return SystemLabels(source, range(1, len(labels) + 1), labels, probabilities, langs)


def wrong_from(index: int) -> list[str]:
    return GOLD[:index] + ["neg"] * (NUM_LINES - index)


def report(*, langs: list[str] | None = None, **options: object) -> Report:
    systems = [
        labelled("weak", wrong_from(15)),
        labelled("strong", wrong_from(55), probability=0.9),
    ]
    return report_labels(
        labelled("gold", GOLD, langs), systems, SamplingOptions(500, 0, 7), LabelReportOptions(**options)
    )


def test_scores_have_intervals_and_tests_against_the_baseline() -> None:
    result = report()
    assert [metric.name for metric in result.metrics][:2] == ["accuracy", "macro_precision"]
    weak, strong = (system.scores[0] for system in result.systems)
    assert weak.value == pytest.approx((15 + 15) / 60)
    assert strong.value == pytest.approx((55 + 1) / 60, abs=1 / 60)
    assert weak.interval is not None
    assert weak.interval.low < weak.value < weak.interval.high
    assert weak.tests == ()
    assert {test.name: test.p_value for test in strong.tests}["mcnemar"] == mcnemar_p(
        encode_answers(GOLD, wrong_from(55)), encode_answers(GOLD, wrong_from(15))
    )
    assert result.verdict(1, 0).startswith("best, better than baseline (p=")
    # McNemar's test is about right and wrong, and says nothing of F1.
    f1 = result.systems[1].scores[[metric.name for metric in result.metrics].index("macro_f1")]
    assert [test.name for test in f1.tests] == ["bootstrap"]


def test_the_baseline_can_be_another() -> None:
    result = report(baseline=1)
    assert result.verdict(0, 0).startswith("worse than baseline")
    assert result.verdict(1, 0) == "best, baseline"


def test_tables_tell_labels_confusions_and_calibration() -> None:
    result = report()
    names = [(table.name, table.system) for table in result.tables]
    assert names == [
        ("labels", "weak"), ("labels", "strong"), ("confusion", "weak"), ("confusion", "strong"), ("calibration", None),
    ]  # fmt: skip
    confusion = result.tables[2]
    assert confusion.columns == ("gold", "neg", "neu", "pos")
    assert confusion.rows == (("neg", 20, 0, 0), ("neu", 15, 5, 0), ("pos", 15, 0, 5))
    rows = dict(result.tables[4].rows)
    assert rows["weak"] is None
    assert 0 < rows["strong"] < 0.2


def test_languages_are_compared_with_that_of_training() -> None:
    tables = [table for table in report(langs=LANGS, train_lang="fr").tables if table.name == "languages"]
    assert [table.system for table in tables] == ["weak", "strong"]
    french, english = tables[0].rows
    assert (french[0], french[1], english[0], english[1]) == ("fr", 30, "en", 30)
    gap = tables[0].columns.index("accuracy_gap")
    accuracy = tables[0].columns.index("accuracy")
    assert french[gap] == 0
    assert english[gap] == pytest.approx(english[accuracy] - french[accuracy])
    assert "accuracy_gap" not in report(langs=LANGS).tables[-1].columns


def test_many_labels_a_line_have_no_confusions() -> None:
    gold = labelled("gold", ["a,b", "b", "", "a"])
    predicted = labelled("out", ["b,a", "a", "", "a"])
    options = LabelReportOptions(multi_label=True)
    result = report_labels(gold, [predicted], SamplingOptions(50), options)
    assert [table.name for table in result.tables] == ["labels"]
    assert result.metrics[-1].name == "micro_f1"
    assert result.systems[0].scores[0].value == 0.75


def test_doubtful_labels_are_named() -> None:
    systems = [labelled("copy", GOLD), labelled("stuck", ["pos"] * NUM_LINES)]
    result = report_labels(labelled("gold", GOLD), systems, SamplingOptions(0, 0), LabelReportOptions())
    assert result.warnings == ("copy and gold have the same labels in every line", "stuck says 'pos' in every line")
    assert all(score.interval is None for system in result.systems for score in system.scores)
