from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from xlmcli.infer.batching import plan_batches

LENS = st.lists(st.integers(min_value=1, max_value=40))


@given(LENS, st.integers(min_value=1, max_value=100))
def test_every_sequence_is_in_one_batch(lens: list[int], max_tokens: int) -> None:
    plan = plan_batches(lens, max_tokens)
    assert sorted(index for batch in plan for index in batch) == list(range(len(lens)))


@given(LENS, st.integers(min_value=1, max_value=100))
def test_batches_keep_to_the_limit(lens: list[int], max_tokens: int) -> None:
    for batch in plan_batches(lens, max_tokens):
        padded = len(batch) * max(lens[index] for index in batch)
        assert padded <= max_tokens or len(batch) == 1


@given(LENS, st.integers(min_value=1, max_value=100))
def test_no_two_neighbouring_batches_would_fit_into_one(lens: list[int], max_tokens: int) -> None:
    plan = plan_batches(lens, max_tokens)
    for batch, following in pairwise(plan):
        assert (len(batch) + 1) * max(lens[index] for index in batch) > max_tokens
        assert max(lens[index] for index in following) <= min(lens[index] for index in batch)


def test_equal_lengths_keep_their_order() -> None:
    assert plan_batches([3, 3, 3, 3], 6) == [[0, 1], [2, 3]]
