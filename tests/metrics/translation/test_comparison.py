"""Figures, signatures, intervals and tests are those of sacreBLEU."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import compress, product

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest

from xlmcli.metrics.report.reports import Report
from xlmcli.metrics.significance import SamplingOptions
from xlmcli.metrics.translation import comparison
from xlmcli.metrics.translation.comparison import Comparison, compare
from xlmcli.metrics.translation.scorer import MetricOptions, Scorer, open_scorers

OPTIONS = MetricOptions(("bleu", "chrf", "ter"), chrf_word_order=2)
SACREBLEU_METRICS = ("-m", "bleu", "chrf", "ter", "-cw", "2")

Texts = dict[str, list[str]]


def scored(texts: Texts, names: list[str], refs: list[str], sampling: SamplingOptions) -> Comparison:
    scorers = open_scorers(OPTIONS, len(refs))
    return compare(names, [texts[name] for name in names], [texts[ref] for ref in refs], scorers, sampling)


@pytest.mark.parametrize("refs", [["ref"], ["ref", "ref2"]], ids=len)
@pytest.mark.parametrize("seed", [12345, 7])
def test_one_system_equals_the_command(
    texts: Texts, refs: list[str], seed: int, sacrebleu: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SACREBLEU_SEED", str(seed))
    printed = sacrebleu(*refs, "-i", "good", *SACREBLEU_METRICS, "--confidence", "-w", "6", "-f", "json")
    expected = {item["name"]: item for item in json.loads(printed)}
    result = scored(texts, ["good"], refs, SamplingOptions(seed=seed))
    assert [metric.name for metric in result.metrics] == ["BLEU", "chrF2++", "TER"]
    for metric, score in zip(result.metrics, result.systems[0].scores, strict=True):
        item = expected[metric.name]
        assert metric.signature == item["signature"]
        assert f"seed:{seed}" in item["signature"]
        assert score.interval is not None
        figures = (score.value, score.interval.mean, score.interval.half_width)
        assert [f"{figure:.6f}" for figure in figures] == [
            f"{item[key]:.6f}" for key in ("score", "confidence_mean", "confidence_var")
        ]
        assert score.interval.half_width > 0


@pytest.mark.parametrize("refs", [["ref"], ["ref", "ref2"]], ids=len)
@pytest.mark.parametrize(
    ("test", "option", "trials"), [("bootstrap", "--paired-bs", 0), ("randomization", "--paired-ar", 2000)]
)
def test_paired_tests_equal_the_command(
    texts: Texts, refs: list[str], test: str, option: str, trials: int, sacrebleu: Callable[..., str]
) -> None:
    names = ["good", "same", "bad"]
    printed = sacrebleu(
        *refs, "-i", *names, *SACREBLEU_METRICS, option, "--paired-ar-n", "2000", "-w", "4", "-f", "latex"
    )
    # Without intervals its table has no means either.
    sampling = SamplingOptions(num_resamples=0 if trials else 1000, num_trials=trials)
    result = scored(texts, names, refs, sampling)
    rows = [line.split("&")[1:] for line in printed.splitlines() if re.match(r"\s*(Baseline: good|same|bad) ", line)]
    assert len(rows) == 3
    p_values = []
    for row, system in zip(rows, result.systems, strict=True):
        for cell, score in zip(row, system.scores, strict=True):
            expected = f"{score.value:.4f}"
            if score.interval is not None:
                expected += f" ({score.interval.mean:.4f} ± {score.interval.half_width:.4f})"
            for item in score.mirrored:
                assert item.name == f"sacrebleu_{test}"
                expected += f" (p = {item.p_value:.4f})" + ("*" if item.p_value <= 0.05 else "")
                p_values.append(item.p_value)
            assert cell.replace("\\\\", "").strip() == expected
    assert min(p_values) < 0.01
    assert max(p_values) > 0.1
    for metric in result.metrics:
        assert f" - {metric.name:<10} {metric.signature}" in printed


@pytest.mark.parametrize("num_lines", [1, 2, 40])
def test_paired_tests_equal_in_every_digit(texts: Texts, num_lines: int) -> None:
    short = {name: lines[:num_lines] for name, lines in texts.items()}
    references = [short["ref"], short["ref2"]]
    result = scored(short, ["good", "bad"], ["ref", "ref2"], SamplingOptions(num_resamples=200, num_trials=300))
    for test, kind, samples in (("bootstrap", "bs", 200), ("randomization", "ar", 300)):
        metrics = {
            "BLEU": BLEU(references=references, force=True),
            "chrF2++": CHRF(word_order=2, references=references),
            "TER": TER(references=references),
        }
        systems = [("good", short["good"]), ("bad", short["bad"])]
        _, expected = PairedTest(systems, metrics, None, kind, samples)()
        for column, metric in enumerate(result.metrics):
            ours = result.systems[1].scores[column]
            theirs = expected[metric.name][1]
            assert ours.value == theirs.score
            assert {item.name: item.p_value for item in ours.mirrored}[f"sacrebleu_{test}"] == theirs.p_value
            if kind == "bs":
                assert ours.interval is not None
                assert (ours.interval.mean, ours.interval.half_width) == (theirs.mean, theirs.ci)


def test_large_sums_are_rounded_as_in_single_precision() -> None:
    stats = np.full((30, 2), 3_000_001.0)
    stats[:, 1] = np.arange(30)
    options = SamplingOptions(num_resamples=10)
    ((sums,),) = comparison._resample([[stats]], options)
    indices = np.random.default_rng(options.seed).choice(30, size=(10, 30), replace=True)
    np.testing.assert_array_equal(sums, stats.astype(np.float32)[indices].sum(axis=1))
    assert sums[0, 0] != 30 * 3_000_001


def test_without_sampling_there_are_scores_alone(texts: Texts) -> None:
    result = scored(texts, ["good", "bad"], ["ref"], SamplingOptions(num_resamples=0, num_trials=0))
    assert all(score.interval is None and not score.tests for system in result.systems for score in system.scores)
    assert all("seed" not in str(metric.signature) for metric in result.metrics)


def test_the_baseline_is_not_tested_and_the_others_are(texts: Texts) -> None:
    scorers = open_scorers(MetricOptions(("bleu",)), 1)
    names = ["good", "bad"]
    systems = [texts[name] for name in names]
    result = compare(names, systems, [texts["ref"]], scorers, SamplingOptions(100, 100), baseline=1)
    tests = [[test.name for test in system.scores[0].tests] for system in result.systems]
    assert tests == [["bootstrap", "randomization"], []]


def permuted_p(scorer: Scorer, stats: np.ndarray, others: np.ndarray) -> float:
    """The share of all ways to swap lines that make the systems differ as much, one way after the other."""

    def difference(first: np.ndarray, second: np.ndarray) -> float:
        return abs(scorer.score(first) - scorer.score(second))

    observed = difference(stats, others)
    differing = [row for row in range(len(stats)) if (stats[row] != others[row]).any()]
    as_large = []
    for swapped in product([False, True], repeat=len(differing)):
        first, second = stats.copy(), others.copy()
        rows = list(compress(differing, swapped))
        first[rows], second[rows] = others[rows], stats[rows]
        as_large.append(difference(first, second) >= observed - 1e-9)
    return float(np.mean(as_large))


@pytest.mark.parametrize("num_differing", [0, 1, 3, 5, 6, 8])
def test_few_lines_that_differ_are_swapped_in_all_ways(texts: Texts, num_differing: int) -> None:
    changed = [line if number >= num_differing else f"{line} indeed so" for number, line in enumerate(texts["good"])]
    scorers = open_scorers(OPTIONS, 2)
    references = [texts["ref"], texts["ref2"]]
    result = compare(["good", "changed"], [texts["good"], changed], references, scorers, SamplingOptions(200, 1000))
    for column, (scorer, score) in enumerate(zip(scorers, result.systems[1].scores, strict=True)):
        expected = permuted_p(scorer, *scorer.count([texts["good"], changed], references))
        p_values = {test.name: test.p_value for test in score.tests}
        assert p_values["randomization"] == pytest.approx(expected)
        assert score.num_differing == num_differing
        assert score.p_value is not None
        assert score.p_value >= expected
        assert score.is_significant <= (num_differing > 5)
        verdict = Report("translate", 1, result.metrics, result.systems, 0).verdict(1, column)
        assert ("too few lines differ" in verdict) == (num_differing in (1, 3, 5))


@pytest.mark.parametrize(
    "sampling", [SamplingOptions(), SamplingOptions(num_resamples=0), SamplingOptions(num_trials=0)]
)
def test_a_system_does_not_differ_from_itself(texts: Texts, sampling: SamplingOptions) -> None:
    references = [texts["ref"]]
    result = compare(["a", "b"], [texts["good"]] * 2, references, open_scorers(OPTIONS, 1), sampling)
    assert [score.p_value for score in result.systems[1].scores] == [1, 1, 1]
    assert {test.p_value for score in result.systems[1].scores for test in score.tests} == {1}


def test_ties_count_where_swaps_are_drawn(texts: Texts) -> None:
    """Of 12 lines that alone differ, each the worse for it, all swaps or none make as much: 2 in 4,096."""
    changed = [line if number >= 12 else "" for number, line in enumerate(texts["ref"])]
    systems = [texts["ref"], changed]
    result = compare(["a", "b"], systems, [texts["ref"]], open_scorers(OPTIONS, 1), SamplingOptions(0, 4000))
    for score in result.systems[1].scores:
        (test,) = score.tests
        assert 1 / 4001 <= test.p_value < 0.003
