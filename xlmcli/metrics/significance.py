"""Resampling and tests: how sure a figure is, and whether two figures differ by more than chance.

Statistics are counted once for each line; a resample is a sum of rows of that array, so a thousand resamples of a
hundred thousand lines take seconds. With the same seed the samples are those that the ``sacrebleu`` command draws.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEFAULT_SEED = 12345
DEFAULT_RESAMPLES = 1000
DEFAULT_TRIALS = 10_000

# Below this, whoever compares two systems says that they differ.
SIGNIFICANT = 0.05

# Below this, resamples are too much alike to say how much other lines would differ.
_MIN_LINES = 50

# The least p-value is one in as many as these and one.
_MIN_SAMPLES = 20

_ROUNDING = 1e-9

_MAX_CHUNK_ITEMS = 1 << 21
# Rows drawn by several calls are those of one call only if each call uses up its 32 random bits.
_MASK_ROWS_MULTIPLE = 32

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How intervals and tests are computed.

    Attributes:
        num_resamples: Of bootstrap resampling; 0 for neither intervals nor its test.
        num_trials: Of approximate randomization; 0 for none.
        seed: Of both.
    """

    num_resamples: int = DEFAULT_RESAMPLES
    num_trials: int = DEFAULT_TRIALS
    seed: int = DEFAULT_SEED


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval by bootstrap resampling.

    Attributes:
        low: 2.5 % of the resamples score less.
        high: 2.5 % of the resamples score more.
        mean: Mean over the resamples.
    """

    low: float
    high: float
    mean: float

    @property
    def half_width(self) -> float:
        """What sacreBLEU prints after ±."""
        return 0.5 * (self.high - self.low)


def iter_resamples(num_items: int, num_samples: int, seed: int) -> Iterator[Array]:
    """Draws with replacement, as many as there are items.

    Yields:
        Indices (rows, num_items), int64; ``num_samples`` rows in all, several at a time.
    """
    rng = np.random.default_rng(seed)
    for num_rows in _chunk_sizes(num_samples, max(1, _MAX_CHUNK_ITEMS // num_items)):
        yield rng.choice(num_items, size=(num_rows, num_items), replace=True)


def iter_swaps(num_items: int, num_trials: int, seed: int) -> Iterator[Array]:
    """Flips a coin for each item: whether two systems keep their answers to it or swap them.

    Yields:
        Bools (rows, num_items); ``num_trials`` rows in all, several at a time.
    """
    rng = np.random.default_rng(seed)
    num_rows = max(1, _MAX_CHUNK_ITEMS // num_items // _MASK_ROWS_MULTIPLE) * _MASK_ROWS_MULTIPLE
    for size in _chunk_sizes(num_trials, num_rows):
        yield rng.integers(2, size=(size, num_items), dtype=bool)


def all_swaps(num_items: int) -> NDArray[np.bool_]:
    """Returns all ways to swap some of a few items, bools (2 ** num_items, num_items)."""
    numbers = np.arange(1 << num_items)[:, np.newaxis]
    swaps: NDArray[np.bool_] = (numbers >> np.arange(num_items)) & 1 == 1
    return swaps


def resampled_sums(stats: Array, num_samples: int, seed: int) -> NDArray[np.float64]:
    """Sums statistics over bootstrap resamples.

    Args:
        stats: (num_items, num_stats), a row for each line or example.
        num_samples: Resamples.
        seed: The same seed and number of items draw the same resamples.

    Returns:
        (num_samples, num_stats); exact for whole numbers.
    """
    num_items = len(stats)
    columns = np.asarray(stats, dtype=np.float64)
    return np.concatenate(
        [_draw_counts(indices, num_items) @ columns for indices in iter_resamples(num_items, num_samples, seed)]
    )


def interval_of(scores: Array) -> Interval:
    """Returns the interval that holds 95 % of the resamples' scores (num_samples,)."""
    ordered = np.sort(scores)
    skipped = len(ordered) // 40
    return Interval(float(ordered[skipped]), float(ordered[-1 - skipped]), float(ordered.mean()))


def paired_bootstrap_p(scores: Array, baseline_scores: Array, difference: float) -> float:
    """Returns how likely a difference at least this large is by chance; two-sided.

    Resamples that are exactly as far off as what was observed count: of three lines that alone make the difference, one
    resample in twenty has none, and would pass for evidence.

    Args:
        scores: Of one system, on resamples (num_samples,).
        baseline_scores: Of the other, on the same resamples.
        difference: Between the two on the data itself.

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 16.
    """
    distances = np.abs(scores - baseline_scores - difference)
    return float((_num_as_large(distances, difference) + 1) / (len(distances) + 1))


def randomization_p(differences: Array, difference: float, *, is_exact: bool) -> float:
    """Returns the share of swaps that make a difference at least this large; two-sided.

    Args:
        differences: Between two systems that swap lines, (num_swaps,).
        difference: Between the two on the data itself.
        is_exact: Whether these are all swaps that there are, and not some drawn at random.
    """
    num_as_large = _num_as_large(np.abs(differences), difference)
    return float(num_as_large / len(differences) if is_exact else (num_as_large + 1) / (len(differences) + 1))


def least_p(num_differing: int) -> float:
    """Returns the least p-value that systems can reach which differ in so many lines: the chance that all agree."""
    return min(1.0, 2.0 ** (1 - num_differing))


def sacrebleu_bootstrap_p(scores: Array, baseline_scores: Array, difference: float) -> float:
    """Returns the p-value of the paired bootstrap as sacreBLEU computes it: what is as far off does not count.

    Args:
        scores: Of one system, on resamples (num_samples,).
        baseline_scores: Of the other, on the same resamples.
        difference: Between the two on the data itself.

    Source: Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation".
    """
    differences = np.abs(scores - baseline_scores)
    return sacrebleu_randomization_p(differences - differences.mean(), abs(difference))


def sacrebleu_randomization_p(differences: Array, observed: float) -> float:
    """Returns the share of trials above what was observed, which is counted as one, as sacreBLEU computes it.

    Source: Riezler and Maxwell 2005, "On Some Pitfalls in Automatic Evaluation and Significance Testing for MT".
    """
    return float((np.sum(differences > observed) + 1) / (len(differences) + 1))


def warn_of_few_lines(num_lines: int) -> list[str]:
    """Returns a sentence if there are too few lines for resampling to say much."""
    if num_lines >= _MIN_LINES:
        return []
    return [f"of fewer than {_MIN_LINES} lines, intervals and p-values are rough"]


def warn_of_few_samples(**numbers: int) -> list[str]:
    """Returns a sentence for each number of resamples or trials, by its name, with which no test reaches 0.05."""
    return [
        f"with {number} {name}, no test can show p < {SIGNIFICANT}: it takes {_MIN_SAMPLES} or more"
        for name, number in numbers.items()
        if 0 < number < _MIN_SAMPLES
    ]


def _num_as_large(distances: Array, difference: float) -> int:
    # Rounding must not tell equal ones apart.
    return int(np.sum(distances >= abs(difference) - _ROUNDING))


def _draw_counts(indices: Array, num_items: int) -> NDArray[np.float64]:
    """Returns how often each item was drawn, (rows, num_items), from indices of the same shape."""
    return np.stack([np.bincount(row, minlength=num_items) for row in indices]).astype(np.float64)


def _chunk_sizes(total: int, largest: int) -> Iterator[int]:
    for start in range(0, total, largest):
        yield min(largest, total - start)
