"""How sure the figures of labels are, and whether two systems differ by more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from xlmcli.metrics.labels.answers import LABEL_METRICS, Answers, Floats, LabelMetric, find_patterns
from xlmcli.metrics.significance import DEFAULT_RESAMPLES, DEFAULT_SEED, iter_resamples

# The time that whole numbers with as many bits as there are coins take grows with their square.
_MOST_EXACT = 10_000


def resample_label_scores(
    systems: Sequence[Answers], num_samples: int = DEFAULT_RESAMPLES, seed: int = DEFAULT_SEED
) -> list[dict[LabelMetric, Floats]]:
    """Scores systems on bootstrap resamples of the lines, the same resamples for all of them.

    `significance.interval_of` makes an interval of the scores, `significance.paired_bootstrap_p` a test of those of two
    systems. A system's scores do not depend on which others are scored with it.

    Args:
        systems: Of gold and each system, all of the same lines.
        num_samples: Resamples.
        seed: The same seed draws the same resamples.

    Returns:
        For each system, every metric on every resample, (num_samples,), 0-1.
    """
    num_lines = len(systems[0])
    patterns = [find_patterns(answers) for answers in systems]
    parts: list[list[dict[LabelMetric, Floats]]] = [[] for _ in systems]
    for lines in iter_resamples(num_lines, num_samples, seed):
        for found, scores in zip(patterns, parts, strict=True):
            num_drawn = np.stack([np.bincount(found.of_lines[row], minlength=len(found)) for row in lines])
            scores.append(found.count(num_drawn).scores(num_lines))
    return [{metric: np.concatenate([part[metric] for part in scores]) for metric in LABEL_METRICS} for scores in parts]


def mcnemar_p(answers: Answers, baseline: Answers) -> float:
    """Returns how likely it is by chance that one of two systems is right alone so much more often than the other.

    The exact test: of the lines that only one of them answers rightly, each belongs to either with probability ½.

    Args:
        answers: Of gold and one system.
        baseline: Of gold and the other, of the same lines.

    Source: McNemar 1947, "Note on the sampling error of the difference between correlated proportions or percentages".
    """
    num_only = int((answers.is_right & ~baseline.is_right).sum())
    num_only_baseline = int((baseline.is_right & ~answers.is_right).sum())
    return sign_test_p(num_only, num_only_baseline)


def sign_test_p(num_first: int, num_second: int) -> float:
    """Returns the two-sided p-value of so many heads and tails of a fair coin, 0-1; 1 of none.

    It is exact to ten digits, of large numbers to eight.
    """
    total, fewer = num_first + num_second, min(num_first, num_second)
    if num_first == num_second:
        return 1.0
    if total <= _MOST_EXACT:
        # Of whole numbers Python's quotient is correctly rounded, however large they are.
        likeliest = math.comb(total, fewer) / (1 << total)
    else:
        log_ways = math.lgamma(total + 1) - math.lgamma(fewer + 1) - math.lgamma(total - fewer + 1)
        likeliest = math.exp(log_ways - total * math.log(2))
    # Each outcome further out is less likely by k / (total - k + 1).
    outcomes = np.arange(fewer, 0, -1, dtype=np.float64)
    tail = 1.0 + float(np.cumprod(outcomes / (total - outcomes + 1)).sum())
    return min(1.0, 2 * likeliest * tail)
