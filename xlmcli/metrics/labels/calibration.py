"""Whether a model is as often right as it says."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 15


def expected_calibration_error(
    probabilities: NDArray[Any], is_right: NDArray[np.bool_], num_bins: int = NUM_BINS
) -> float:
    """Returns how far confidence and accuracy lie apart, 0-1; 0 is perfect.

    Predictions are put into bins of equal width by their probability, each bin without its lower bound and with its
    upper one; the differences between mean probability and accuracy of the bins are averaged, weighted by size.

    Args:
        probabilities: Of the predicted label of each line, (num_lines,), 0-1.
        is_right: Whether it is the right one, (num_lines,).
        num_bins: Bins.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3, with their 15 bins.
    """
    inner_edges = np.linspace(0, 1, num_bins + 1)[1:-1]
    bins = np.searchsorted(inner_edges, probabilities)
    # The size of a bin cancels out: size / n * |sum of hits / size - sum of probabilities / size|.
    surplus = np.bincount(bins, weights=np.subtract(is_right, probabilities, dtype=np.float64), minlength=num_bins)
    return float(np.abs(surplus).sum() / len(probabilities))
