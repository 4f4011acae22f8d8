from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from xlmcli.attention.maps import AttentionMap
from xlmcli.errors import UsageError

MakeMap = Callable[..., AttentionMap]


def test_heads_have_a_mean(make_map: MakeMap) -> None:
    attention = make_map(num_layers=2, num_heads=3)
    mean = attention.mean()
    assert mean.head_names == ("mean",)
    assert mean.layers == (1, 2)
    np.testing.assert_allclose(mean.weights[:, 0], attention.weights.mean(axis=1))
    np.testing.assert_allclose(mean.weights.sum(axis=-1), 1, rtol=1e-6)


def test_a_layer_and_a_head_are_chosen_by_number(make_map: MakeMap) -> None:
    attention = make_map(num_layers=3, num_heads=4)
    chosen = attention.layer(2).head(4)
    assert (chosen.layers, chosen.heads, chosen.is_single) == ((2,), (4,), True)
    np.testing.assert_array_equal(chosen.weights[0, 0], attention.weights[1, 3])
    assert chosen.title(0, 0) == "layer 2, head 4"
    assert attention.mean().title(2, 0) == "layer 3, mean of its heads"
    # What was chosen keeps its number.
    np.testing.assert_array_equal(chosen.layer(2).head(4).weights, chosen.weights)


def test_what_is_not_there_is_not_chosen(make_map: MakeMap) -> None:
    attention = make_map(num_layers=2, num_heads=3)
    with pytest.raises(UsageError, match="--layer 3") as layer:
        attention.layer(3)
    assert layer.value.hint == "it has 1, 2"
    with pytest.raises(UsageError, match="--head 4"):
        attention.head(4)
    with pytest.raises(UsageError, match="--head 1"):
        attention.mean().head(1)


def test_entropy_tells_one_word_from_all() -> None:
    one, all_alike, two = np.eye(4), np.full((4, 4), 0.25), np.array([[0.5, 0.5, 0, 0]] * 4)
    weights = np.array([[one, all_alike], [two, one]], dtype=np.float32)
    attention = AttentionMap(("a",) * 4, ("b",) * 4, weights, (1, 2), (1, 2))
    np.testing.assert_array_equal(attention.entropy(), [[0, 2], [1, 0]])


def test_pieces_fold_to_words() -> None:
    weights = np.array([[[[0.5, 0.25, 0.25], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3]]]], dtype=np.float32)
    attention = AttentionMap(("so", "eur", "lit"), ("my", "sis", "ter"), weights, (1,), (1,))
    folded = attention.fold([("soeur", [0, 1]), ("lit", [2])], [("my", [0]), ("sister", [1, 2])])
    assert (folded.queries, folded.keys) == (("soeur", "lit"), ("my", "sister"))
    np.testing.assert_allclose(folded.weights, [[[[0.3, 0.7], [0.3, 0.7]]]], rtol=1e-6)
    assert folded.weights.dtype == np.float32
