from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xlmcli.train.data import sampling
from xlmcli.train.data.sampling import BatchSampler, Position, Share, cut_batches, draw_epoch

LENS = st.lists(st.integers(1, 40), min_size=1, max_size=60)
WHOLE = Share()


def ones(count: int) -> NDArray[np.float32]:
    return np.ones(count, dtype=np.float32)


def make_sampler(lens: list[int], max_tokens: int = 50, share: Share = WHOLE, seed: int = 0) -> BatchSampler:
    return BatchSampler(np.array(lens, dtype=np.int64), ones(len(lens)), max_tokens, (seed, 1), share)


def take_epoch(sampler: BatchSampler) -> list[NDArray[np.int64]]:
    """The rest of the epoch that the sampler is about to start or in."""
    first = sampler.next()
    epoch, batches = sampler.position.epoch, [first]
    while True:
        before = Position(sampler.position.epoch, sampler.position.batch)
        batch = sampler.next()
        if sampler.position.epoch != epoch:
            sampler.position = before
            return batches
        batches.append(batch)


@given(LENS, st.integers(1, 200), st.integers(1, 9))
def test_cut_batches_may_count_sentences_too(lens: list[int], max_tokens: int, max_sentences: int) -> None:
    indices = np.arange(len(lens))
    batches = cut_batches(indices, np.array(lens), max_tokens, max_sentences)
    assert np.concatenate(batches).tolist() == indices.tolist()
    assert max(map(len, batches)) <= max_sentences
    for batch, following in pairwise(batches):
        longest = max(lens[index] for index in (*batch, following[0]))
        assert len(batch) == max_sentences or longest * (len(batch) + 1) > max_tokens


@given(LENS, st.integers(1, 200))
def test_cut_batches_keeps_order_and_fits(lens: list[int], max_tokens: int) -> None:
    indices = np.random.default_rng(0).permutation(len(lens))
    batches = cut_batches(indices, np.array(lens), max_tokens)
    assert np.concatenate(batches).tolist() == indices.tolist()
    start = 0
    for number, batch in enumerate(batches):
        longest = max(lens[start : start + len(batch)])
        assert len(batch) == 1 or longest * len(batch) <= max_tokens
        start += len(batch)
        if number + 1 < len(batches):  # the next sentence would not have fitted
            assert max(longest, lens[start]) * (len(batch) + 1) > max_tokens


@given(LENS, st.integers(0, 1000))
def test_an_epoch_has_every_sentence_once_and_batches_fit(lens: list[int], seed: int) -> None:
    sampler = make_sampler(lens, seed=seed)
    for _ in range(2):
        batches = take_epoch(sampler)
        assert len(batches) == sampler.epoch_batches()
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(lens)))
        assert all(len(batch) == 1 or max(lens[i] for i in batch) * len(batch) <= 50 for batch in batches)


def test_epochs_differ_and_seeds_too() -> None:
    lens = np.random.default_rng(0).integers(3, 20, size=100).tolist()
    sampler = make_sampler(lens)
    first, second = take_epoch(sampler), take_epoch(sampler)
    other = take_epoch(make_sampler(lens, seed=1))
    as_sets = [{tuple(batch.tolist()) for batch in batches} for batches in (first, second, other)]
    assert as_sets[0] != as_sets[1]
    assert as_sets[0] != as_sets[2]


def test_sentences_of_like_length_share_a_batch() -> None:
    lens = np.random.default_rng(0).integers(3, 60, size=2000)
    batches = take_epoch(make_sampler(lens.tolist(), max_tokens=1000))
    padded = sum(len(batch) * lens[batch].max() for batch in batches)
    assert lens.sum() / padded > 0.9
    longest_by_turn = [int(lens[batch].max()) for batch in batches]
    assert longest_by_turn != sorted(longest_by_turn)


@given(LENS, st.integers(2, 4))
def test_processes_share_an_epoch(lens: list[int], num_processes: int) -> None:
    whole = Counter(map(tuple, (batch.tolist() for batch in take_epoch(make_sampler(lens)))))
    parts = [take_epoch(make_sampler(lens, share=Share(i, num_processes))) for i in range(num_processes)]
    assert len({len(part) for part in parts}) == 1
    together = Counter(tuple(batch.tolist()) for part in parts for batch in part)
    assert together.keys() == whole.keys()
    # All disjoint, but for the batches that wrap around so that every process has as many as the others.
    assert together.total() - whole.total() == -whole.total() % num_processes


def test_repeats_are_drawn() -> None:
    repeats = np.array([3.0] * 100 + [0.2] * 1000, dtype=np.float32)
    indices = draw_epoch(repeats, np.random.default_rng(0))
    counts = np.bincount(indices, minlength=1100)
    assert (counts[:100] == 3).all()
    assert set(counts[100:].tolist()) == {0, 1}
    assert counts[100:].mean() == pytest.approx(0.2, abs=0.04)
    assert indices.tolist() != sorted(indices.tolist())


def test_an_epoch_does_not_depend_on_the_parts_that_it_is_drawn_in(monkeypatch: pytest.MonkeyPatch) -> None:
    repeats = np.random.default_rng(1).random(1000).astype(np.float32) * 3
    whole = draw_epoch(repeats, np.random.default_rng(2))
    monkeypatch.setattr(sampling, "_SLICE", 7)
    assert (draw_epoch(repeats, np.random.default_rng(2)) == whole).all()


def test_an_epoch_is_never_empty() -> None:
    assert len(draw_epoch(np.array([1e-9, 1e-9], dtype=np.float32), np.random.default_rng(0))) == 1


def test_what_does_not_count_is_never_drawn() -> None:
    repeats = np.array([0.0] * 1000 + [1e-9], dtype=np.float32)
    assert {draw_epoch(repeats, np.random.default_rng(seed)).item() for seed in range(9)} == {1000}


@given(LENS, st.integers(0, 30))
def test_a_restored_position_gives_the_same_next_batches(lens: list[int], num_taken: int) -> None:
    sampler, restored = make_sampler(lens), make_sampler(lens)
    for _ in range(num_taken):
        sampler.next()
    restored.position.epoch, restored.position.batch = sampler.position.epoch, sampler.position.batch
    for _ in range(5):
        assert sampler.next().tolist() == restored.next().tolist()
