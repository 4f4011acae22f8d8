"""A classifier's layer, in numpy: from an encoder's states to the probability of every label.

Source: ``XLMSequenceSummary`` and ``XLMForSequenceClassification`` of transformers, whose parameters these are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xlmcli.bundle import HEAD_NAME, Bundle, ClassifierPart
from xlmcli.bundle.manifest import Pooling
from xlmcli.errors import ModelError


class ClassifierHead:
    """The layer on top of an encoder.

    Args:
        weight: float32 (labels, dim).
        bias: float32 (labels,).
        part: What the manifest says about it.
    """

    def __init__(self, weight: NDArray[np.float32], bias: NDArray[np.float32], part: ClassifierPart) -> None:
        self._weight, self._bias, self._part = weight, bias, part

    @classmethod
    def load(cls, bundle: Bundle) -> ClassifierHead:
        """Opens the layer of a bundle.

        Raises:
            ModelError: The bundle is no classifier's, or its layer does not fit its labels and its encoder.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        part, dim = bundle.classifier, bundle.manifest.architecture.dim
        place = bundle.path / HEAD_NAME
        try:
            arrays = load(bundle.read_head())
        except SafetensorError as error:
            raise ModelError(f"{place}: not a safetensors file ({error})") from None
        for name, shape in (("weight", (len(part.labels), dim)), ("bias", (len(part.labels),))):
            if name not in arrays or arrays[name].shape != shape:
                found = arrays[name].shape if name in arrays else "none"
                raise ModelError(f"{place}: expected an array {name!r} of shape {shape}, found {found}")
        return cls(arrays["weight"].astype(np.float32), arrays["bias"].astype(np.float32), part)

    def score(self, states: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Scores every label of every text.

        Args:
            states: The states of each text, (length, dim), special tokens counted.

        Returns:
            Logits, (batch, labels), before the temperature.
        """
        vectors = np.stack([pool(sequence, self._part.pooling) for sequence in states])
        logits = vectors @ self._weight.T + self._bias
        return np.tanh(logits) if self._part.activation == "tanh" else logits

    def probabilities(self, states: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Returns the probability of every label of every text, (batch, labels).

        A row sums to 1, except where a text may have several labels: there, each is a probability of its own.
        """
        logits = self.score(states) / np.float32(self._part.temperature)
        return _sigmoid(logits) if self._part.multi_label else _softmax(logits)

    def choose(self, logits: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Returns the labels that logits, (batch, labels), speak for: the likeliest, or all that are likelier than not."""
        if self._part.multi_label:
            return logits > 0
        return np.arange(logits.shape[-1]) == logits.argmax(axis=-1)[:, None]


def pool(states: NDArray[np.float32], pooling: Pooling) -> NDArray[np.float32]:
    """Returns one vector, (dim,), of a sequence's states, (length, dim), special tokens counted and no padding."""
    if pooling == "first":
        return states[0]
    return states[-1] if pooling == "last" else states.mean(axis=0)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    # By way of tanh, which does not overflow.
    return (np.tanh(logits / 2) + 1) / 2
