from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from xlmcli.metrics import significance
from xlmcli.metrics.significance import (
    Interval,
    all_swaps,
    interval_of,
    iter_resamples,
    iter_swaps,
    least_p,
    paired_bootstrap_p,
    randomization_p,
    resampled_sums,
    sacrebleu_bootstrap_p,
    sacrebleu_randomization_p,
)


@pytest.mark.parametrize("num_items", [1, 7, 64, 1000])
def test_samples_drawn_in_parts_are_those_drawn_at_once(num_items: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(significance, "_MAX_CHUNK_ITEMS", 4096)
    parts = list(iter_resamples(num_items, 500, seed=5))
    expected = np.random.default_rng(5).choice(num_items, size=(500, num_items), replace=True)
    np.testing.assert_array_equal(np.concatenate(parts), expected)
    swaps = list(iter_swaps(num_items, 500, seed=5))
    expected = np.random.default_rng(5).integers(2, size=(500, num_items), dtype=bool)
    np.testing.assert_array_equal(np.concatenate(swaps), expected)
    if num_items == 1000:
        assert len(parts) > 100
        assert len(swaps) > 10


def test_resampled_sums_are_sums_of_the_rows_drawn() -> None:
    stats = np.random.default_rng(1).integers(0, 50, size=(40, 3))
    sums = resampled_sums(stats, 20, seed=2)
    (indices,) = iter_resamples(40, 20, seed=2)
    np.testing.assert_array_equal(sums, stats[indices].sum(axis=1))
    assert (resampled_sums(stats, 20, seed=3) != sums).any()


def test_an_interval_leaves_out_a_fortieth_on_either_side() -> None:
    interval = interval_of(np.arange(80.0)[::-1])
    assert interval == Interval(2.0, 77.0, 39.5)
    assert interval.half_width == 37.5


def test_equal_systems_do_not_differ_and_others_do() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(30, 1, 1000)
    assert paired_bootstrap_p(scores, scores, 0.0) == 1
    assert sacrebleu_bootstrap_p(scores, scores, 0.0) == 1 / 1001  # Nothing is above what was observed.
    for bootstrap_p in (paired_bootstrap_p, sacrebleu_bootstrap_p):
        assert bootstrap_p(scores + rng.normal(0, 1, 1000), scores, 0.05) > 0.3
        assert bootstrap_p(scores + 5, scores, 5.0) == 1 / 1001
        assert bootstrap_p(scores - 5, scores, -5.0) == 1 / 1001


def test_randomization_counts_ties_and_the_observation_itself() -> None:
    differences = np.array([1.0, 2.0, 3.0])
    assert sacrebleu_randomization_p(differences, 1.5) == 0.75
    assert sacrebleu_randomization_p(differences, 3.0) == 0.25
    assert randomization_p(differences, 1.5, is_exact=False) == 0.75
    assert randomization_p(differences, -3.0, is_exact=False) == 0.5
    assert randomization_p(differences, 3.0 + 1e-12, is_exact=True) == 1 / 3
    assert randomization_p(np.zeros(5), 0.0, is_exact=True) == randomization_p(np.zeros(5), 0.0, is_exact=False) == 1


def test_all_swaps_are_all_ways_each_once() -> None:
    assert all_swaps(0).shape == (1, 0)
    assert {tuple(row) for row in all_swaps(3).tolist()} == set(product([False, True], repeat=3))


@pytest.mark.parametrize("num_differing", range(10))
def test_few_lines_that_differ_cannot_show_a_difference(num_differing: int) -> None:
    """All of them in favour of one system is as far as swapping can go."""
    sums = 2.0 * all_swaps(num_differing).sum(axis=1) - num_differing
    exact = randomization_p(sums, num_differing, is_exact=True)
    assert least_p(num_differing) == exact
    assert (exact < significance.SIGNIFICANT) == (num_differing > 5)
