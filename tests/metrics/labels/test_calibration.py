from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import calibration

from xlmcli.metrics.labels.calibration import NUM_BINS, expected_calibration_error

# Bounds of bins are drawn often: each belongs to the bin below it.
PROBABILITIES = st.one_of(st.floats(0, 1), st.integers(0, NUM_BINS).map(lambda number: number / NUM_BINS))


@given(st.lists(st.tuples(PROBABILITIES, st.booleans()), min_size=1, max_size=60))
def test_bins_are_scikit_learns(pairs: list[tuple[float, bool]]) -> None:
    probabilities, is_right = np.array(pairs, dtype=np.float64).T
    error = expected_calibration_error(probabilities, is_right.astype(bool))
    accuracy, confidence = calibration.calibration_curve(is_right, probabilities, n_bins=NUM_BINS)
    sizes = np.bincount(np.searchsorted(np.linspace(0, 1, NUM_BINS + 1)[1:-1], probabilities))
    sizes = sizes[sizes > 0] / len(pairs)
    assert error == pytest.approx(float((sizes * np.abs(accuracy - confidence)).sum()), abs=1e-12)


def test_a_model_that_is_as_often_right_as_it_says_has_no_error() -> None:
    probabilities = np.array([0.75] * 4 + [0.5] * 2)
    is_right = np.array([True, True, True, False, True, False])
    assert expected_calibration_error(probabilities, is_right) == 0


def test_always_sure_and_never_right_is_the_largest_error() -> None:
    assert expected_calibration_error(np.ones(3), np.zeros(3, dtype=bool)) == 1


def test_errors_of_different_bins_do_not_cancel_out() -> None:
    probabilities, is_right = np.array([0.9, 0.1]), np.array([False, True])
    assert expected_calibration_error(probabilities, is_right) == pytest.approx(0.9)
    assert expected_calibration_error(probabilities, is_right, num_bins=1) == pytest.approx(0)
