"""Temperature scaling: one number that makes a classifier's probabilities mean what they say.

Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_SMALLEST, _LARGEST = 0.05, 20.0
_TOLERANCE = 1e-4
_GOLDEN = (math.sqrt(5) - 1) / 2


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.bool_], *, multi_label: bool) -> float:
    """The temperature with the lowest mean cross-entropy, by golden-section search on its logarithm.

    Args:
        logits: (texts, labels).
        labels: True where a text has a label, bool (texts, labels).
        multi_label: Whether each label has a probability of its own.
    """
    low, high = math.log(_SMALLEST), math.log(_LARGEST)

    def loss(log_temperature: float) -> float:
        return cross_entropy(logits / math.exp(log_temperature), labels, multi_label=multi_label)

    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    left_loss, right_loss = loss(left), loss(right)
    while high - low > _TOLERANCE:
        if left_loss <= right_loss:
            high, right, right_loss = right, left, left_loss
            left = high - _GOLDEN * (high - low)
            left_loss = loss(left)
        else:
            low, left, left_loss = left, right, right_loss
            right = low + _GOLDEN * (high - low)
            right_loss = loss(right)
    return math.exp((low + high) / 2)


def cross_entropy(logits: NDArray[np.float32], labels: NDArray[np.bool_], *, multi_label: bool) -> float:
    """Mean cross-entropy in nats, a text and (with ``multi_label``) a label; arguments as in ``fit_temperature``."""
    scores = logits.astype(np.float64)
    if multi_label:
        return float(np.logaddexp(0, np.where(labels, -scores, scores)).mean())
    return float((np.logaddexp.reduce(scores, axis=1) - scores[labels]).mean())
