"""Temperature scaling: one number that makes a classifier's probabilities mean what they say.

Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

_SMALLEST, _LARGEST = 0.05, 20.0
_TOLERANCE = 1e-4


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.bool_], *, multi_label: bool) -> float:
    """The temperature with the lowest mean cross-entropy.

    Args:
        logits: (texts, labels).
        labels: True where a text has a label, bool (texts, labels).
        multi_label: Whether each label has a probability of its own.
    """

    def loss(log_temperature: float) -> float:
        return cross_entropy(logits / math.exp(log_temperature), labels, multi_label=multi_label)

    bounds = (math.log(_SMALLEST), math.log(_LARGEST))
    return math.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": _TOLERANCE}).x)


def cross_entropy(logits: NDArray[np.float32], labels: NDArray[np.bool_], *, multi_label: bool) -> float:
    """Mean cross-entropy in nats, a text and (with ``multi_label``) a label; arguments as in ``fit_temperature``."""
    scores = logits.astype(np.float64)
    if multi_label:
        return float(np.logaddexp(0, np.where(labels, -scores, scores)).mean())
    return float((np.logaddexp.reduce(scores, axis=1) - scores[labels]).mean())
