from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.infer.states import Array, StatePooling, States

DIM = 3


def make_states(lens: list[int]) -> States:
    """Padding is NaN, which must not come out."""
    padded = np.random.default_rng(1).normal(size=(len(lens), max(lens), DIM)).astype(np.float32)
    for row, length in zip(padded, lens, strict=True):
        row[length:] = np.nan
    return States(padded, lens)


def pool_one(states: Array, pooling: StatePooling) -> Array:
    pooled: dict[StatePooling, Array] = {
        "first": states[0],
        "last": states[-1],
        "mean": states.mean(axis=0),
        "max": states.max(axis=0),
    }
    return pooled[pooling]


def test_a_text_has_the_states_of_its_tokens() -> None:
    states = make_states([2, 4, 1])
    assert [array.shape for array in states] == [(2, DIM), (4, DIM), (1, DIM)]
    assert len(states) == 3
    assert not np.isnan(np.concatenate(list(states))).any()


@pytest.mark.parametrize("pooling", ["first", "last", "mean", "max"])
@given(lens=st.lists(st.integers(1, 5), min_size=1, max_size=9))
def test_a_vector_is_made_of_the_states_of_its_text(pooling: StatePooling, lens: list[int]) -> None:
    states = make_states(lens)
    expected = np.stack([pool_one(text, pooling) for text in states])
    np.testing.assert_allclose(states.pool(pooling), expected, rtol=1e-6)


@pytest.mark.parametrize("pooling", ["first", "last", "mean", "max"])
def test_vectors_do_not_keep_the_states_in_memory(pooling: StatePooling) -> None:
    assert make_states([2, 2, 4]).pool(pooling).base is None
