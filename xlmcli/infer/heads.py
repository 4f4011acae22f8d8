"""A classifier's layer, in numpy: from an encoder's states to the probability of every label.

Source: ``XLMSequenceSummary`` and ``XLMForSequenceClassification`` of transformers, whose parameters these are, and
``XLMRobertaClassificationHead``, which has a hidden layer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlmcli.bundle import HEAD_NAME, Bundle, ClassifierPart
from xlmcli.bundle.arrays import load_arrays
from xlmcli.errors import ModelError
from xlmcli.infer.states import States

Array = NDArray[np.float32]

_HIDDEN_WEIGHT, _HIDDEN_BIAS = "hidden_weight", "hidden_bias"


class ClassifierHead:
    """The layer on top of an encoder.

    Args:
        weight: float32 (labels, dim).
        bias: float32 (labels,).
        part: What the manifest says about it.
        hidden: Weight, float32 (dim, dim), and bias, float32 (dim,), of a layer with tanh before it; None for none.
    """

    def __init__(
        self, weight: Array, bias: Array, part: ClassifierPart, hidden: tuple[Array, Array] | None = None
    ) -> None:
        self._weight, self._bias, self._part, self._hidden = weight, bias, part, hidden

    @classmethod
    def load(cls, bundle: Bundle) -> ClassifierHead:
        """Opens the layer of a bundle.

        Raises:
            ModelError: The bundle is no classifier's, or its layer does not fit its labels and its encoder.
        """
        part, dim = bundle.classifier, bundle.manifest.architecture.dim
        place = bundle.path / HEAD_NAME
        arrays = load_arrays(bundle.read_head(), place)
        has_hidden = _HIDDEN_WEIGHT in arrays or _HIDDEN_BIAS in arrays
        shapes = {"weight": (len(part.labels), dim), "bias": (len(part.labels),)}
        if has_hidden:
            shapes |= {_HIDDEN_WEIGHT: (dim, dim), _HIDDEN_BIAS: (dim,)}
        for name, shape in shapes.items():
            if name not in arrays or arrays[name].shape != shape:
                found = arrays[name].shape if name in arrays else "none"
                raise ModelError(f"{place}: expected an array {name!r} of shape {shape}, found {found}")
        hidden = (arrays[_HIDDEN_WEIGHT], arrays[_HIDDEN_BIAS]) if has_hidden else None
        return cls(arrays["weight"], arrays["bias"], part, hidden)

    def score(self, states: States) -> NDArray[np.float32]:
        """Returns logits for every label of every text, (batch, labels), before the temperature."""
        vectors = states.pool(self._part.pooling)
        if self._hidden is not None:
            weight, bias = self._hidden
            vectors = np.tanh(vectors @ weight.T + bias)
        with np.errstate(all="ignore"):
            logits: NDArray[np.float32] = vectors @ self._weight.T + self._bias
        if not np.isfinite(logits).all():
            raise ModelError("the model gives numbers that are not finite")
        return np.tanh(logits) if self._part.activation == "tanh" else logits

    def probabilities(self, states: States) -> NDArray[np.float32]:
        """Returns the probability of every label of every text, (batch, labels).

        A row sums to 1, except where a text may have several labels: there, each is a probability of its own.
        """
        logits = self.score(states) / np.float32(self._part.temperature)
        return _sigmoid(logits) if self._part.multi_label else _softmax(logits)

    def choose(self, logits: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Returns the labels that logits, (batch, labels), speak for: the likeliest, or all likelier than not."""
        chosen: NDArray[np.bool_]
        if self._part.multi_label:
            chosen = logits > 0
        else:
            chosen = np.arange(logits.shape[-1]) == logits.argmax(axis=-1)[:, None]
        return chosen


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: NDArray[np.float32] = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    # By way of tanh, which does not overflow.
    probabilities: NDArray[np.float32] = (np.tanh(logits / np.float32(2)) + np.float32(1)) / np.float32(2)
    return probabilities
