"""Who looks at whom: the attention of a text's pieces or words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xlmcli.errors import UsageError

When = Literal["chosen", "read"]

Group = tuple[str, Sequence[int]]
"""A word, and the indices of its pieces."""


@dataclass(frozen=True, slots=True)
class AttentionMap:
    """Who looks at whom.

    Attributes:
        queries: What looks (rows): the pieces or words of a text, in order, with special tokens such as ``</s>``.
        keys: What is looked at (columns).
        weights: (num_layers, num_heads, num_queries, num_keys) float32; each row sums to 1.
        layers: The number of each layer, counted from 1.
        heads: The number of each head, counted from 1; None where the one that is shown is the mean of all.
        aligning: The layer and the head of a translator that align words, where that is known.
        when: Of a translator, whether a query is the piece that it chooses or the one that it reads.
    """

    queries: tuple[str, ...]
    keys: tuple[str, ...]
    weights: NDArray[np.float32]
    layers: tuple[int, ...]
    heads: tuple[int, ...] | None
    aligning: tuple[int, int] | None = None
    when: When | None = None

    @property
    def head_names(self) -> tuple[int | str, ...]:
        """What the heads are called: by their numbers, or ``mean``."""
        return self.heads or ("mean",)

    @property
    def is_single(self) -> bool:
        """Whether it shows one head, or one mean, of one layer."""
        return self.weights.shape[:2] == (1, 1)

    def title(self, layer_index: int, head_index: int) -> str:
        """Returns what a head, or the mean, of a layer is called."""
        head = "mean of its heads" if self.heads is None else f"head {self.heads[head_index]}"
        when = "" if self.when is None else f", what is {self.when}"
        return f"layer {self.layers[layer_index]}, {head}{when}"

    def mean(self) -> AttentionMap:
        """Returns the mean of the heads of each layer."""
        return replace(self, weights=self.weights.mean(axis=1, keepdims=True), heads=None)

    def layer(self, number: int) -> AttentionMap:
        """Returns one layer.

        Raises:
            UsageError: There is none of that number.
        """
        index = _index("--layer", number, self.layers)
        return replace(self, weights=self.weights[index : index + 1], layers=(number,))

    def head(self, number: int) -> AttentionMap:
        """Returns one head of each layer.

        Raises:
            UsageError: There is none of that number.
        """
        index = _index("--head", number, self.heads or ())
        return replace(self, weights=self.weights[:, index : index + 1], heads=(number,))

    def entropy(self) -> NDArray[np.float64]:
        """Returns how spread what each head looks at is, in bits, as a mean over queries: (num_layers, num_heads).

        It is 0 where each query looks at one key, and log2(num_keys) where each looks at all alike.
        """
        weights = self.weights.astype(np.float64)
        surprise = -np.log2(weights, out=np.zeros_like(weights), where=weights > 0)
        return np.asarray((weights * surprise).sum(axis=-1).mean(axis=-1))

    def fold(self, query_words: Sequence[Group], key_words: Sequence[Group]) -> AttentionMap:
        """Returns the attention of words: summed over the pieces that are looked at, their mean over those that look.

        Args:
            query_words: Those that look. Every piece belongs to one word.
            key_words: Those that are looked at, likewise.
        """
        weights = np.stack([self.weights[..., list(pieces)].sum(axis=-1) for _, pieces in key_words], axis=-1)
        weights = np.stack([weights[..., list(pieces), :].mean(axis=-2) for _, pieces in query_words], axis=-2)
        queries, keys = (tuple(word for word, _ in words) for words in (query_words, key_words))
        return replace(self, queries=queries, keys=keys, weights=weights)


def _index(option: str, number: int, numbers: Sequence[int]) -> int:
    if number not in numbers:
        raise UsageError(f"{option} {number}: the model has none", hint=f"it has {', '.join(map(str, numbers))}")
    return numbers.index(number)
