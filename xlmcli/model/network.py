"""A bundle's network in NumPy: slow and transparent, it gives the attention of every layer and head.

The engine gives one decoder layer's alone, the mean of its first heads. What is computed here is what the engine
computes in float32.

Source: ``TransformerEncoder``, ``TransformerDecoder`` and ``MultiHeadAttention`` in ``src/layers`` of CTranslate2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from xlmcli.bundle.engine_weights import EngineWeights, read_epsilon
from xlmcli.bundle.layout import LANGUAGE_TABLE, count_layers
from xlmcli.bundle.names import MODEL_NAME
from xlmcli.errors import ModelError

Array = NDArray[np.float32]
Ids = Sequence[Sequence[int]]

_KNOWN_PART = re.compile(
    r"(encoder|decoder)/"
    r"(layer_\d+/((self_)?attention|ffn)/(linear_[012]/(weight|weight_scale|bias)|layer_norm/(gamma|beta))"
    r"|(layernorm_embedding|layer_norm)/(gamma|beta)|(embeddings(_[01])?|projection)/(weight|weight_scale|bias)"
    r"|position_encodings/encodings|\w+)"
)
_FOREIGN_SETTINGS = ("alibi", "sliding_window", "multi_query_attention")


def _gelu(x: Array) -> Array:
    erf = np.frompyfunc(math.erf, 1, 1)(x / math.sqrt(2)).astype(np.float32)
    return np.asarray(x * (1 + erf) / 2)


# By the number of ``ctranslate2.specs.Activation``.
_ACTIVATIONS: dict[int, Callable[[Array], Array]] = {
    0: lambda x: np.maximum(x, 0),
    1: lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
    2: lambda x: x / (1 + np.exp(-x)),
    3: _gelu,
    4: lambda x: x / (1 + np.exp(-1.702 * x)),
}


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """What a side of the network makes of a sequence.

    Attributes:
        states: What the last layer says, (queries, dim).
        weights: Where each place looked, (layers, heads, queries, keys); each row sums to 1.
    """

    states: Array
    weights: Array


class Network:
    """The encoder of a model.bin, and its decoder if it has one.

    All sequences go through a layer before the next is made float32, so that memory holds one layer.

    Args:
        files: Name and content of the files that the engine takes.

    Raises:
        ModelError: It has parts that are not computed here.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._weights = EngineWeights(files[MODEL_NAME])
        self._epsilon = read_epsilon(files)
        stored = self._weights.stored
        foreign = [name for name in stored if not _KNOWN_PART.fullmatch(name)]
        foreign += [name for name in stored if name.endswith(_FOREIGN_SETTINGS) and self._weights.setting(name, 0)]
        if foreign:
            raise ModelError(f"attention is not computed for models with {foreign[0]}")

    def encode(self, ids: Ids, languages: Ids | None = None) -> list[NetworkOutput]:
        """Runs the encoder.

        Args:
            ids: Of each sequence, special tokens included.
            languages: For a model with a second table, of languages, its row at each place; None for row 0 everywhere.
        """
        x = self._look_up("encoder/embeddings_0", ids)
        if LANGUAGE_TABLE in self._weights:
            rows = [[0] * len(sequence) for sequence in ids] if languages is None else languages
            x = x + self._look_up("encoder/embeddings_1", rows)
        x, places = self._start("encoder", x, ids)
        found = []
        for layer in range(count_layers(self._weights.stored, "encoder")):
            x, attention = self._attend("encoder", f"layer_{layer}/self_attention", x, places)
            x = self._feed_forward("encoder", f"layer_{layer}/ffn", x)
            found.append(attention)
        return _take_apart(self._norm("encoder/layer_norm", x), places, found)

    def decode(self, ids: Ids, texts: Sequence[NetworkOutput]) -> list[NetworkOutput]:
        """Runs the decoder over translations that are given.

        Args:
            ids: Of each translation, from what starts it on.
            texts: What the encoder says about the text of each.

        Returns:
            Where each place, with which the next piece is chosen, looked in the text.
        """
        x = self._look_up("decoder/embeddings", ids)
        if self._weights.setting("decoder/start_from_zero_embedding", 0):
            x[[place.start for place in _places(ids)]] = 0
        x, places = self._start("decoder", x, ids)
        memory, memory_places = (
            np.concatenate([text.states for text in texts]),
            _places([text.states for text in texts]),
        )
        found = []
        for layer in range(count_layers(self._weights.stored, "decoder")):
            x, _ = self._attend("decoder", f"layer_{layer}/self_attention", x, places)
            x, attention = self._attend("decoder", f"layer_{layer}/attention", x, places, memory, memory_places)
            x = self._feed_forward("decoder", f"layer_{layer}/ffn", x)
            found.append(attention)
        return _take_apart(self._norm("decoder/layer_norm", x), places, found)

    def _start(self, side: str, x: Array, ids: Ids) -> tuple[Array, list[slice]]:
        """Scales embeddings and adds positions; returns the places of each sequence among all too."""
        name = f"{side}/scale_embeddings"
        scale = self._weights.setting(name, 1)
        # A flag, or the scale itself.
        if name not in self._weights or self._weights.stored[name].dtype == "int8":
            scale = math.sqrt(x.shape[1]) if scale else 1
        positions = self._weights.read(f"{side}/position_encodings/encodings")
        x = x * np.float32(scale) + np.concatenate([positions[: len(sequence)] for sequence in ids])
        return self._norm(f"{side}/layernorm_embedding", x), _places(ids)

    def _attend(
        self,
        side: str,
        name: str,
        x: Array,
        places: Sequence[slice],
        memory: Array | None = None,
        memory_places: Sequence[slice] = (),
    ) -> tuple[Array, list[Array]]:
        """Multi-head attention with its residual.

        Returns:
            The states, (all places, dim), and each sequence's weights, (heads, queries, keys).
        """
        scope, pre_norm = f"{side}/{name}", self._weights.setting(f"{side}/pre_norm", 1)
        inner = self._norm(f"{scope}/layer_norm", x) if pre_norm else x
        if memory is None:
            queries, keys, values = np.split(self._linear(f"{scope}/linear_0", inner), 3, axis=1)
            memory_places = places
        else:
            queries = self._linear(f"{scope}/linear_0", inner)
            keys, values = np.split(self._linear(f"{scope}/linear_1", memory), 2, axis=1)
        num_heads = int(self._weights.setting(f"{side}/num_heads", 8))
        is_causal = side == "decoder" and memory is None
        weights, contexts = [], []
        for own, other in zip(places, memory_places, strict=True):
            q, k, v = (_split_heads(part, num_heads) for part in (queries[own], keys[other], values[other]))
            scores = q @ k.transpose(0, 2, 1) / np.float32(math.sqrt(q.shape[-1]))
            if is_causal:
                scores = np.where(np.tri(q.shape[1], dtype=bool), scores, -np.inf)
            weights.append(_softmax(scores))
            contexts.append((weights[-1] @ v).transpose(1, 0, 2).reshape(q.shape[1], -1))
        y = x + self._linear(f"{scope}/linear_{1 if memory is None else 2}", np.concatenate(contexts))
        return y if pre_norm else self._norm(f"{scope}/layer_norm", y), weights

    def _feed_forward(self, side: str, name: str, x: Array) -> Array:
        scope, pre_norm = f"{side}/{name}", self._weights.setting(f"{side}/pre_norm", 1)
        inner = self._linear(f"{scope}/linear_0", self._norm(f"{scope}/layer_norm", x) if pre_norm else x)
        activate = _ACTIVATIONS[int(self._weights.setting(f"{side}/activation", 0))]
        y = x + self._linear(f"{scope}/linear_1", activate(inner))
        return y if pre_norm else self._norm(f"{scope}/layer_norm", y)

    def _linear(self, name: str, x: Array) -> Array:
        y = x @ self._weights.read(f"{name}/weight").T
        return np.asarray(y + self._weights.read(f"{name}/bias") if f"{name}/bias" in self._weights else y)

    def _norm(self, name: str, x: Array) -> Array:
        """Layer normalisation, where the model has it."""
        if f"{name}/gamma" not in self._weights:
            return x
        centred = x - x.mean(axis=1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + np.float32(self._epsilon))
        return np.asarray(scaled * self._weights.read(f"{name}/gamma") + self._weights.read(f"{name}/beta"))

    def _look_up(self, table: str, ids: Ids) -> Array:
        return self._weights.read(
            f"{table}/weight", np.concatenate([np.asarray(sequence, np.int64) for sequence in ids])
        )


def _places(sequences: Sequence[Sequence[int] | Array]) -> list[slice]:
    """Where each sequence stands among all."""
    return [slice(*ends) for ends in pairwise(accumulate(map(len, sequences), initial=0))]


def _split_heads(x: Array, num_heads: int) -> Array:
    return np.asarray(x.reshape(len(x), num_heads, -1).transpose(1, 0, 2))


def _softmax(scores: Array) -> Array:
    exponents = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True))


def _take_apart(states: Array, places: Sequence[slice], layers: Sequence[Sequence[Array]]) -> list[NetworkOutput]:
    """Makes of what each layer says about all sequences what all layers say about each."""
    weights = (np.stack(parts) for parts in zip(*layers, strict=True))
    return [NetworkOutput(states[place], found) for place, found in zip(places, weights, strict=True)]
