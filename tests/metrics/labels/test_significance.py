from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from xlmcli.metrics.labels import significance
from xlmcli.metrics.labels.answers import LABEL_METRICS, Answers, encode_answers
from xlmcli.metrics.labels.scores import score_labels
from xlmcli.metrics.labels.significance import mcnemar_p, resample_label_scores, sign_test_p
from xlmcli.metrics.significance import interval_of, iter_resamples, paired_bootstrap_p

NUM_LINES = 400


def noisy(gold: list[str], accuracy: float, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [label if rng.random() < accuracy else str(rng.choice(["a", "b", "c"])) for label in gold]


GOLD = [str(label) for label in np.random.default_rng(1).choice(["a", "b", "c"], NUM_LINES, p=[0.6, 0.3, 0.1])]
GOOD, BAD = noisy(GOLD, 0.8, 2), noisy(GOLD, 0.5, 3)
GOOD_ANSWERS, BAD_ANSWERS = encode_answers(GOLD, GOOD), encode_answers(GOLD, BAD)


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_sign_test_is_scipys(num_first: int, num_second: int) -> None:
    if num_first + num_second == 0:
        assert sign_test_p(0, 0) == 1
        return
    expected = stats.binomtest(num_first, num_first + num_second).pvalue
    assert sign_test_p(num_first, num_second) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("num_first", "num_second"),
    [(25_000, 25_400), (0, 900), (3, 1000), (1, 0), (50_000, 50_000), (801_600, 800_000), (10, 20_000)],
)
def test_the_sign_test_of_large_numbers_is_scipys(num_first: int, num_second: int) -> None:
    expected = stats.binomtest(num_first, num_first + num_second).pvalue
    assert sign_test_p(num_first, num_second) == pytest.approx(expected, rel=1e-8)


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_both_ways_to_count_agree(num_first: int, num_second: int) -> None:
    exact = sign_test_p(num_first, num_second)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(significance, "_MOST_EXACT", 0)
        assert sign_test_p(num_first, num_second) == pytest.approx(exact, rel=1e-9)


def test_mcnemar_counts_lines_that_one_system_alone_has_right() -> None:
    is_good, is_bad = (np.array([a == b for a, b in zip(GOLD, column, strict=True)]) for column in (GOOD, BAD))
    only_good, only_bad = int((is_good & ~is_bad).sum()), int((is_bad & ~is_good).sum())
    assert only_bad > 0
    expected = stats.binomtest(only_good, only_good + only_bad).pvalue
    assert mcnemar_p(GOOD_ANSWERS, BAD_ANSWERS) == pytest.approx(expected, rel=1e-10)
    assert mcnemar_p(BAD_ANSWERS, GOOD_ANSWERS) == mcnemar_p(GOOD_ANSWERS, BAD_ANSWERS)


def test_a_system_does_not_differ_from_itself() -> None:
    assert mcnemar_p(GOOD_ANSWERS, GOOD_ANSWERS) == 1
    (samples,) = resample_label_scores([GOOD_ANSWERS], 50)
    assert paired_bootstrap_p(samples["accuracy"], samples["accuracy"], 0.0) == 1


def test_mcnemar_takes_sets_of_labels() -> None:
    def answers(label: str, multi_label: bool) -> Answers:
        return encode_answers(["a,b"] * 8, [label] * 8, multi_label=multi_label)

    assert mcnemar_p(answers("b,a", True), answers("a", True)) == pytest.approx(2 / 2**8)
    assert mcnemar_p(answers("b,a", False), answers("a", False)) == 1


@pytest.mark.parametrize("multi_label", [False, True])
def test_a_resample_scores_as_the_lines_that_it_drew(multi_label: bool) -> None:
    gold, predicted = GOLD[:30], BAD[:30]
    if multi_label:
        gold, predicted = ([",".join({*pair}) for pair in zip(one, GOOD, strict=False)] for one in (gold, predicted))
    (samples,) = resample_label_scores([encode_answers(gold, predicted, multi_label=multi_label)], 20, 7)
    draws = np.concatenate(list(iter_resamples(30, 20, 7)))
    for sample, lines in enumerate(draws):
        columns = ([column[line] for line in lines] for column in (gold, predicted))
        expected = score_labels(encode_answers(*columns, multi_label=multi_label)).scores
        for metric in LABEL_METRICS:
            assert samples[metric][sample] == pytest.approx(expected[metric], rel=1e-12)


def test_scores_do_not_depend_on_the_other_systems() -> None:
    alone = resample_label_scores([BAD_ANSWERS], 100)[0]
    beside = resample_label_scores([GOOD_ANSWERS, BAD_ANSWERS], 100)[1]
    for metric in LABEL_METRICS:
        np.testing.assert_array_equal(alone[metric], beside[metric])


@pytest.mark.parametrize("multi_label", [False, True])
def test_memory_does_not_grow_with_lines_times_labels(multi_label: bool) -> None:
    num_lines = 3000
    gold = [f"label {number}" for number in range(num_lines)]
    tracemalloc.start()
    answers = encode_answers(gold, gold[1:] + gold[:1], multi_label=multi_label)
    resample_label_scores([answers], 10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < num_lines**2


def test_the_seed_decides() -> None:
    first, again, other = (resample_label_scores([BAD_ANSWERS], 50, seed)[0]["macro_f1"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_intervals_have_the_width_of_a_binomial() -> None:
    (samples,) = resample_label_scores([BAD_ANSWERS], 2000)
    accuracy = score_labels(BAD_ANSWERS).scores["accuracy"]
    interval = interval_of(samples["accuracy"])
    assert interval.low < accuracy < interval.high
    expected = 1.96 * (accuracy * (1 - accuracy) / NUM_LINES) ** 0.5
    assert interval.half_width == pytest.approx(expected, rel=0.1)


def test_paired_resampling_tells_good_from_bad_and_not_bad_from_bad() -> None:
    systems = [GOOD_ANSWERS, BAD_ANSWERS, encode_answers(GOLD, noisy(GOLD, 0.5, 4))]
    good, bad, similar = (samples["accuracy"] for samples in resample_label_scores(systems, 500))
    of_good, of_bad, of_similar = (score_labels(answers).scores["accuracy"] for answers in systems)
    assert paired_bootstrap_p(good, bad, of_good - of_bad) < 0.01
    assert paired_bootstrap_p(similar, bad, of_similar - of_bad) > 0.05


@pytest.mark.parametrize("num_lines", [20, 1000])
@pytest.mark.parametrize("num_differing", [1, 3, 12])
def test_a_few_lines_are_no_evidence(num_lines: int, num_differing: int) -> None:
    gold = ["a"] * num_lines
    baseline = ["b"] * num_differing + ["a"] * (num_lines - num_differing)
    systems = [encode_answers(gold, gold), encode_answers(gold, baseline)]
    better, worse = resample_label_scores(systems)
    p_value = paired_bootstrap_p(better["accuracy"], worse["accuracy"], num_differing / num_lines)
    assert (p_value < 0.05) == (mcnemar_p(*systems) < 0.05) == (num_differing == 12)
