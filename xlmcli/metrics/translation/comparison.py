"""Confidence intervals of translation scores, and tests against a baseline, with the figures of ``sacrebleu`` beside.

Its tests do not count ties, so that equal systems get a small p-value; verdicts rest on the same resamples and swaps
with ties counted, or on all swaps where few lines differ.

``sacrebleu`` sums single-precision statistics over every resample and computes the score of each in single precision.
The same is done here, but the sums of all metrics and systems come out of one product of matrices, as long as they are
whole numbers small enough to be exact in either precision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmcli.metrics.report.reports import Metric, Score, System, Test
from xlmcli.metrics.significance import (
    Interval,
    SamplingOptions,
    all_swaps,
    interval_of,
    iter_resamples,
    iter_swaps,
    paired_bootstrap_p,
    randomization_p,
    resampled_sums,
    sacrebleu_bootstrap_p,
    sacrebleu_randomization_p,
)
from xlmcli.metrics.translation.scorer import Scorer

# Whole numbers up to here are exact in single precision, in whatever order they are added.
_MAX_EXACT = 1 << 24

Stats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out.

    Attributes:
        metrics: With signatures.
        systems: With scores, intervals and tests.
    """

    metrics: tuple[Metric, ...]
    systems: tuple[System, ...]


def compare(
    names: Sequence[str],
    systems: Sequence[Sequence[str]],
    references: Sequence[Sequence[str]],
    scorers: Sequence[Scorer],
    options: SamplingOptions,
    *,
    baseline: int = 0,
    decimals: int = 2,
) -> Comparison:
    """Scores systems, with intervals, and tests all against one of them.

    Args:
        names: Of the systems.
        systems: Lines of each system.
        references: Lines of each reference.
        scorers: The metrics.
        options: How intervals and tests are computed.
        baseline: Which system the others are tested against.
        decimals: To print.
    """
    num_trials = options.num_trials if len(systems) > 1 else 0
    counted = [scorer.count(systems, references) for scorer in scorers]
    values = [[scorer.score(stats) for stats in column] for scorer, column in zip(scorers, counted, strict=True)]
    resampled = _resample(counted, options) if options.num_resamples else [[] for _ in scorers]
    randomized: list[list[Stats]] = [[] for _ in scorers]
    if num_trials:
        randomized = _randomize(scorers, counted, baseline, num_trials, options.seed)
    columns = [
        _score_systems(scorer, values[index], counted[index], resampled[index], randomized[index], baseline)
        for index, scorer in enumerate(scorers)
    ]
    metrics = [
        Metric(
            scorer.name,
            decimals,
            scorer.signature(num_resamples=options.num_resamples, num_trials=num_trials, seed=options.seed),
            scorer.higher_is_better,
        )
        for scorer in scorers
    ]
    rows = zip(names, zip(*columns, strict=True), strict=True)
    return Comparison(tuple(metrics), tuple(System(name, scores) for name, scores in rows))


def _score_systems(
    scorer: Scorer,
    values: list[float],
    counted: list[Stats],
    sums: list[NDArray[np.float32]],
    differences: list[Stats],
    baseline: int,
) -> list[Score]:
    """Puts together the scores of all systems by one metric.

    Args:
        scorer: The metric.
        values: Score of each system.
        counted: Statistics of each system's lines.
        sums: Statistics of each system summed over resamples, if any.
        differences: Of each system from the baseline, when lines are swapped at random, if they were.
        baseline: Which system the others are tested against.
    """
    samples = [np.array([scorer.score_sums(row) for row in rows]) for rows in sums]
    intervals: list[Interval | None] = [None] * len(values)
    if samples:
        intervals = [_interval(scores, is_alone=len(values) == 1) for scores in samples]
    scored = []
    for index, (value, interval) in enumerate(zip(values, intervals, strict=True)):
        if index == baseline:
            scored.append(Score(float(value), interval))
            continue
        difference = abs(values[baseline] - value)
        differs = (counted[index] != counted[baseline]).any(axis=1)
        tests, mirrored = [], []
        if samples:
            pair = samples[index], samples[baseline]
            tests.append(Test("bootstrap", paired_bootstrap_p(*pair, value - values[baseline])))
            mirrored.append(Test("sacrebleu_bootstrap", sacrebleu_bootstrap_p(*pair, difference)))
        if differences:
            drawn = differences[index]
            is_exact = differs.sum() < len(drawn).bit_length()
            swapped = _all_differences(scorer, counted[baseline], counted[index], differs) if is_exact else drawn
            tests.append(Test("randomization", randomization_p(swapped, difference, is_exact=is_exact)))
            mirrored.append(Test("sacrebleu_randomization", sacrebleu_randomization_p(drawn, difference)))
        scored.append(Score(float(value), interval, tuple(tests), tuple(mirrored), int(differs.sum())))
    return scored


def _interval(scores: NDArray[Any], is_alone: bool) -> Interval:
    interval = interval_of(scores)
    if not is_alone:
        return interval
    # sacreBLEU averages exactly where one system is scored, and in the scores' own precision where several are.
    mean = scores.dtype.type(scores.mean(dtype=np.float64))
    return Interval(interval.low, interval.high, float(mean))


def _resample(counted: list[list[Stats]], options: SamplingOptions) -> list[list[NDArray[np.float32]]]:
    """Sums statistics over bootstrap resamples, the same for all.

    Args:
        counted: For each metric and system (num_lines, num_stats).
        options: How.

    Returns:
        For each metric and system (num_resamples, num_stats).
    """
    flat = [stats for column in counted for stats in column]
    sums = resampled_sums(np.hstack(flat), options.num_resamples, options.seed)
    ends = np.cumsum([stats.shape[1] for stats in flat])[:-1]
    parts = iter(np.split(sums, ends, axis=1))
    return [[_in_single_precision(stats, next(parts), options) for stats in column] for column in counted]


def _in_single_precision(stats: Stats, sums: Stats, options: SamplingOptions) -> NDArray[np.float32]:
    """Returns sums over resamples as adding in single precision makes them."""
    if _is_whole(stats) and sums.max() <= _MAX_EXACT:
        return sums.astype(np.float32)
    singles = stats.astype(np.float32)
    return np.stack([singles[row].sum(0) for row in _iter_rows(len(stats), options)])


def _iter_rows(num_lines: int, options: SamplingOptions) -> Iterator[NDArray[Any]]:
    for indices in iter_resamples(num_lines, options.num_resamples, options.seed):
        yield from indices


def _randomize(
    scorers: Sequence[Scorer], counted: list[list[Stats]], baseline: int, num_trials: int, seed: int
) -> list[list[Stats]]:
    """Swaps lines between the baseline and each system at random, the same lines for all metrics and systems.

    Returns:
        For each metric and system the differences between their scores, (num_trials,); of the baseline, zeros.

    Source: Riezler and Maxwell 2005, as sacreBLEU computes it.
    """
    parts: list[list[list[Stats]]] = [[[] for _ in column] for column in counted]
    for mask in iter_swaps(len(counted[0][baseline]), num_trials, seed):
        swapped = mask.astype(np.float64)
        for scorer, column, found in zip(scorers, counted, parts, strict=True):
            for index, (stats, differences) in enumerate(zip(column, found, strict=True)):
                if index == baseline:
                    differences.append(np.zeros(len(mask)))
                    continue
                differences.append(_differences(scorer, *_swapped_sums(swapped, column[baseline], stats)))
    return [[np.concatenate(differences) for differences in found] for found in parts]


def _all_differences(scorer: Scorer, baseline: Stats, other: Stats, differs: NDArray[np.bool_]) -> Stats:
    """Swaps the few lines that differ in all ways that there are."""
    swapped = all_swaps(int(differs.sum())).astype(np.float64)
    alike = baseline[~differs].sum(0)
    first, second = _swapped_sums(swapped, baseline[differs], other[differs])
    return _differences(scorer, first + alike, second + alike)


def _differences(scorer: Scorer, first: Stats, second: Stats) -> Stats:
    scores = [np.array([scorer.score_sums(row) for row in side.tolist()]) for side in (first, second)]
    distances: Stats = np.abs(scores[0] - scores[1])
    return distances


def _swapped_sums(mask: Stats, baseline: Stats, other: Stats) -> tuple[Stats, Stats]:
    if _is_whole(baseline) and _is_whole(other):
        # Exact, so what the one does not take the other does.
        moved = mask @ (baseline - other)
        return other.sum(0) + moved, baseline.sum(0) - moved
    rest = 1 - mask
    return mask @ baseline + rest @ other, rest @ baseline + mask @ other


def _is_whole(stats: Stats) -> bool:
    return bool((stats == np.floor(stats)).all())
