"""Figures equal scikit-learn's, degenerate inputs included."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from xlmcli.errors import UsageError
from xlmcli.metrics.labels.answers import encode_answers
from xlmcli.metrics.labels.scores import LabelReport, score_labels, score_languages

Pairs = Sequence[tuple[str, str]]

# One label alone, labels that gold lacks and labels that predictions lack all come up often.
PAIRS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=1, max_size=40)
ANSWERS = st.sets(st.sampled_from("abc")).map(lambda labels: ",".join(sorted(labels)))
MULTI_PAIRS = st.lists(st.tuples(ANSWERS, ANSWERS), min_size=1, max_size=40)


def check_averages(report: LabelReport, gold: object, predicted: object, labels: list[object]) -> None:
    for average in ("macro", "weighted"):
        expected = metrics.precision_recall_fscore_support(
            gold, predicted, labels=labels, average=average, zero_division=0
        )
        found = [report.scores[f"{average}_{name}"] for name in ("precision", "recall", "f1")]
        assert found == pytest.approx(expected[:3], rel=1e-12)
    micro = metrics.f1_score(gold, predicted, labels=labels, average="micro", zero_division=0)
    assert report.scores["micro_f1"] == pytest.approx(micro, rel=1e-12)
    assert report.scores["accuracy"] == pytest.approx(metrics.accuracy_score(gold, predicted), rel=1e-12)


def check_each_label(report: LabelReport, gold: object, predicted: object, labels: list[object]) -> None:
    expected = metrics.precision_recall_fscore_support(gold, predicted, labels=labels, zero_division=0)
    found = zip(*((row.precision, row.recall, row.f1, row.support) for row in report.per_label), strict=True)
    for found_column, expected_column in zip(found, expected, strict=True):
        assert list(found_column) == pytest.approx(list(expected_column), rel=1e-12)


@pytest.mark.filterwarnings("ignore:A single label was found:UserWarning")
@given(PAIRS)
@settings(max_examples=30)
def test_single_labels_are_scikit_learns(pairs: Pairs) -> None:
    gold, predicted = map(list, zip(*pairs, strict=True))
    report = score_labels(encode_answers(gold, predicted))
    labels = sorted({*gold, *predicted})
    assert [row.label for row in report.per_label] == labels
    assert [row.num_predicted for row in report.per_label] == [predicted.count(label) for label in labels]
    check_averages(report, gold, predicted, labels)
    check_each_label(report, gold, predicted, labels)
    assert report.confusion is not None
    np.testing.assert_array_equal(report.confusion, metrics.confusion_matrix(gold, predicted, labels=labels))
    assert (report.num_lines, report.calibration_error) == (len(pairs), None)


@given(MULTI_PAIRS)
@settings(max_examples=30)
def test_multiple_labels_are_scikit_learns(pairs: Pairs) -> None:
    gold, predicted = zip(*pairs, strict=True)
    report = score_labels(encode_answers(gold, predicted, multi_label=True))
    labels = sorted({label for answer in [*gold, *predicted] for label in answer.split(",")} - {""})
    assert [row.label for row in report.per_label] == labels
    assert report.confusion is None
    if not labels:
        assert report.scores["accuracy"] == 1
        assert report.scores["macro_f1"] == 0
        return
    # scikit-learn takes a matrix of one column for two classes, so there is one more that is always empty.
    gold_matrix, predicted_matrix = (
        np.array([[label in answer.split(",") for label in [*labels, "none"]] for answer in answers])
        for answers in (gold, predicted)
    )
    columns = list(range(len(labels)))
    check_averages(report, gold_matrix, predicted_matrix, columns)
    check_each_label(report, gold_matrix, predicted_matrix, columns)


def test_a_large_file_with_many_labels() -> None:
    rng = np.random.default_rng(5)
    names = np.array([f"label{number}" for number in range(60)])
    gold = names[rng.integers(0, 60, 5000)].tolist()
    predicted = [label if rng.random() < 0.6 else str(rng.choice(names)) for label in gold]
    report = score_labels(encode_answers(gold, predicted))
    labels = sorted(names.tolist())
    check_averages(report, gold, predicted, labels)
    check_each_label(report, gold, predicted, labels)
    np.testing.assert_array_equal(report.confusion, metrics.confusion_matrix(gold, predicted, labels=labels))


def test_order_and_repetition_of_multiple_labels_say_nothing() -> None:
    report = score_labels(encode_answers(["a,b", "c", ""], ["b, a,a", "c,", " "], multi_label=True))
    assert report.scores["accuracy"] == 1
    assert [row.label for row in report.per_label] == ["a", "b", "c"]


def test_a_comma_is_part_of_a_single_label() -> None:
    report = score_labels(encode_answers(["a,b", "a"], ["b,a", "a"]))
    assert [row.label for row in report.per_label] == ["a", "a,b", "b,a"]
    assert report.scores["accuracy"] == 0.5


def test_probabilities_give_a_calibration_error() -> None:
    report = score_labels(encode_answers(["a", "b"], ["a", "a"]), np.array([0.9, 0.6]))
    assert report.calibration_error == pytest.approx(0.5 * (0.1 + 0.6))


@pytest.mark.parametrize(("gold", "predicted"), [([], []), (["a"], []), (["a"], ["a", "b"])])
def test_no_lines_and_other_numbers_of_lines_are_refused(gold: list[str], predicted: list[str]) -> None:
    with pytest.raises(ValueError, match=r"no lines|gold labels"):
        encode_answers(gold, predicted)


GOLD = ["a", "b", "a", "b", "a", "b"]
PREDICTED = ["a", "b", "a", "a", "b", "b"]
LANGS = ["en", "en", "fr", "fr", "de", "de"]
ANSWERED = encode_answers(GOLD, PREDICTED)


def test_each_language_is_scored_by_itself() -> None:
    reports = score_languages(ANSWERED, LANGS)
    assert [report.lang for report in reports] == ["de", "en", "fr"]
    for result, first in zip(reports, (4, 0, 2), strict=True):
        lines = slice(first, first + 2)
        expected = score_labels(encode_answers(GOLD[lines], PREDICTED[lines]))
        assert (result.scores, result.num_lines) == (expected.scores, 2)
        assert result.gaps is None


def test_the_training_language_is_first_and_the_others_are_compared_with_it() -> None:
    english, german, french = score_languages(ANSWERED, LANGS, "en")
    assert [report.lang for report in (english, german, french)] == ["en", "de", "fr"]
    assert english.gaps is not None
    assert set(english.gaps.values()) == {0.0}
    assert german.gaps is not None
    assert german.gaps["accuracy"] == -0.5
    assert german.gaps["macro_f1"] == german.scores["macro_f1"] - 1
    assert french.gaps is not None
    assert french.gaps["accuracy"] == -0.5


def test_a_training_language_without_lines_is_an_error() -> None:
    with pytest.raises(UsageError, match="training language 'it'") as caught:
        score_languages(ANSWERED, LANGS, "it")
    assert caught.value.hint == "there is en, fr, de"


def test_languages_must_be_as_many_as_lines() -> None:
    with pytest.raises(ValueError, match="2 languages"):
        score_languages(ANSWERED, ["en", "fr"])
