"""How sure the figures of labels are, and whether two systems differ by more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from xlmcli.metrics.labels.answers import LABEL_METRICS, Floats, LabelMetric, encode_answers, find_patterns
from xlmcli.metrics.significance import DEFAULT_RESAMPLES, DEFAULT_SEED, iter_resamples


def resample_label_scores(
    gold: Sequence[str],
    systems: Sequence[Sequence[str]],
    num_samples: int = DEFAULT_RESAMPLES,
    seed: int = DEFAULT_SEED,
    *,
    multi_label: bool = False,
) -> list[dict[LabelMetric, Floats]]:
    """Scores systems on bootstrap resamples of the lines, the same resamples for all of them.

    `significance.interval_of` makes an interval of the scores, `significance.paired_bootstrap_p` a test of those of two
    systems. A system's scores do not depend on which others are scored with it.

    Args:
        gold: The right label of each line, at least one line.
        systems: As many predictions of each system.
        num_samples: Resamples.
        seed: The same seed draws the same resamples.
        multi_label: Whether commas join labels.

    Returns:
        For each system, every metric on every resample, (num_samples,), 0-1.

    Raises:
        ValueError: There are no lines, or other numbers of them.
    """
    patterns = [find_patterns(encode_answers(gold, answers, multi_label=multi_label)) for answers in systems]
    parts: list[list[dict[LabelMetric, Floats]]] = [[] for _ in systems]
    for lines in iter_resamples(len(gold), num_samples, seed):
        for found, scores in zip(patterns, parts, strict=True):
            num_drawn = np.stack([np.bincount(found.of_lines[row], minlength=len(found)) for row in lines])
            scores.append(found.count(num_drawn).scores(len(gold)))
    return [{metric: np.concatenate([part[metric] for part in scores]) for metric in LABEL_METRICS} for scores in parts]


def mcnemar_p(
    gold: Sequence[str], predictions: Sequence[str], baseline: Sequence[str], *, multi_label: bool = False
) -> float:
    """Returns how likely it is by chance that one of two systems is right alone so much more often than the other.

    The exact test: of the lines that only one of them answers rightly, each belongs to either with probability ½.

    Source: McNemar 1947, "Note on the sampling error of the difference between correlated proportions or percentages".

    Raises:
        ValueError: There are no lines, or other numbers of them.
    """
    is_right = encode_answers(gold, predictions, multi_label=multi_label).is_right
    is_baseline_right = encode_answers(gold, baseline, multi_label=multi_label).is_right
    num_only = int((is_right & ~is_baseline_right).sum())
    num_only_baseline = int((is_baseline_right & ~is_right).sum())
    return sign_test_p(num_only, num_only_baseline)


def sign_test_p(num_first: int, num_second: int) -> float:
    """Returns the two-sided exact p-value of so many heads and tails of a fair coin, 0-1; 1 of none."""
    total, fewer = num_first + num_second, min(num_first, num_second)
    if num_first == num_second:
        return 1.0
    # Of whole numbers Python's quotient is correctly rounded, however large they are.
    likeliest = math.comb(total, fewer) / (1 << total)
    # Each outcome further out is less likely by k / (total - k + 1).
    outcomes = np.arange(fewer, 0, -1, dtype=np.float64)
    tail = 1.0 + float(np.cumprod(outcomes / (total - outcomes + 1)).sum())
    return min(1.0, 2 * likeliest * tail)
