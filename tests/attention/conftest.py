"""Attention without a model: what each word looks at follows from its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from xlmcli.attention.maps import AttentionMap

MakeMap = Callable[..., AttentionMap]

ENGLISH = ["</s>", "▁My", "▁sister", "▁reads", "▁a", "▁long", "▁book", ".", "</s>"]
FRENCH = ["</s>", "▁Ma", "▁so", "eur", "▁lit", "▁un", "▁long", "▁livre", ".", "</s>"]


@pytest.fixture(scope="session")
def make_map() -> MakeMap:
    """Makes a map of texts: the higher the head, the more a word looks at the one at its own place."""

    def make(
        queries: Sequence[str] = FRENCH, keys: Sequence[str] = ENGLISH, *, num_layers: int = 1, num_heads: int = 1
    ) -> AttentionMap:
        layer, head, row, column = np.ogrid[:num_layers, :num_heads, : len(queries), : len(keys)]
        distance = np.abs(row / len(queries) - column / len(keys)) * len(keys)
        scores = (head + 1) / (1 + distance) + (7 * row + 3 * column + layer) % 5 / 3
        weights = np.exp2(2 * scores)
        weights /= weights.sum(axis=-1, keepdims=True)
        layers, heads = tuple(range(1, num_layers + 1)), tuple(range(1, num_heads + 1))
        return AttentionMap(tuple(queries), tuple(keys), weights.astype(np.float32), layers, heads)

    return make
