from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from xlmcli.train.classification.calibration import cross_entropy, fit_temperature

RNG = np.random.default_rng(0)


def test_the_temperature_of_known_probabilities_is_found() -> None:
    honest = (2 * RNG.standard_normal((20_000, 3))).astype(np.float32)
    probabilities = np.exp(honest) / np.exp(honest).sum(1, keepdims=True)
    answers = (probabilities.cumsum(1) > RNG.random((len(honest), 1))).argmax(1)
    labels = np.arange(3) == answers[:, None]
    for scale in (0.4, 1.0, 3.0):
        assert fit_temperature(honest * np.float32(scale), labels, multi_label=False) == pytest.approx(scale, rel=0.04)


def test_and_that_of_labels_by_themselves() -> None:
    honest = (2 * RNG.standard_normal((20_000, 2))).astype(np.float32)
    labels = RNG.random(honest.shape) < 1 / (1 + np.exp(-honest))
    assert fit_temperature(honest * np.float32(2.5), labels, multi_label=True) == pytest.approx(2.5, rel=0.04)


def test_an_answer_that_is_always_right_stays_within_bounds() -> None:
    labels = np.eye(2, dtype=np.bool_)
    assert fit_temperature(labels.astype(np.float32), labels, multi_label=False) == pytest.approx(0.05, rel=0.01)
    assert fit_temperature(1 - labels.astype(np.float32), labels, multi_label=False) == pytest.approx(20, rel=0.01)


def test_the_loss_is_that_of_torch() -> None:
    logits = (30 * RNG.standard_normal((50, 4))).astype(np.float32)
    answers = RNG.integers(4, size=50)
    labels = np.arange(4) == answers[:, None]
    scores = torch.as_tensor(logits, dtype=torch.float64)
    expected = float(F.cross_entropy(scores, torch.as_tensor(answers)))
    assert cross_entropy(logits, labels, multi_label=False) == pytest.approx(expected)
    expected = float(F.binary_cross_entropy_with_logits(scores, torch.as_tensor(labels, dtype=torch.float64)))
    assert cross_entropy(logits, labels, multi_label=True) == pytest.approx(expected)
