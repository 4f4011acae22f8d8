from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xlmcli.text.special import EOS_ID, FIRST_WORD_ID, MASK_ID, PAD_ID
from xlmcli.train.data.masking import MaskingOptions, NoiseOptions, add_noise, mask_words, smoothing_weights

VOCAB_SIZE = 50
SHARES = st.floats(0, 1)
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def batches(draw: st.DrawFn) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Padded sequences and which of their positions are real."""
    lens = np.array(draw(st.lists(st.integers(1, 12), min_size=1, max_size=6)))
    real = np.arange(lens.max())[None] < lens[:, None]
    ids = np.random.default_rng(draw(SEEDS)).integers(FIRST_WORD_ID, VOCAB_SIZE, size=real.shape)
    ids[:, 0] = EOS_ID
    ids[~real] = PAD_ID
    return ids, real


@given(batches(), SHARES, SHARES, SHARES, st.sampled_from([0.0, 0.5]), SEEDS)
def test_only_real_words_are_predicted_and_the_rest_stays(
    batch: tuple[NDArray[np.int64], NDArray[np.bool_]],
    share: float,
    masked: float,
    random: float,
    smoothing: float,
    seed: int,
) -> None:
    ids, real = batch
    before = ids.copy()
    weights = smoothing_weights(np.bincount(ids[real], minlength=VOCAB_SIZE), smoothing)
    options = MaskingOptions(share, masked, random, smoothing)
    hidden, predicted = mask_words(ids, real, weights, VOCAB_SIZE, options, np.random.default_rng(seed))
    assert np.array_equal(ids, before)
    assert not predicted[:, 0].any()
    assert not predicted[~real].any()
    assert np.array_equal(hidden[~predicted], ids[~predicted])
    assert ((hidden >= 0) & (hidden < VOCAB_SIZE)).all()
    num_candidates = int(real[:, 1:].sum())
    assert predicted.sum() == (max(1, round(share * num_candidates)) if num_candidates else 0)


def big_batch() -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    ids = np.random.default_rng(0).integers(FIRST_WORD_ID, 5000, size=(400, 100))
    return ids, np.ones(ids.shape, dtype=np.bool_)


def test_shares_of_masked_random_and_kept_words() -> None:
    ids, real = big_batch()
    hidden, predicted = mask_words(ids, real, None, 5000, MaskingOptions(), np.random.default_rng(1))
    assert predicted[:, 1:].mean() == pytest.approx(0.15, abs=1e-4)
    now, before = hidden[predicted], ids[predicted]
    assert (now == MASK_ID).mean() == pytest.approx(0.8, abs=0.02)
    assert (now == before).mean() == pytest.approx(0.1, abs=0.015)
    others = now[(now != before) & (now != MASK_ID)]
    assert len(others) / len(now) == pytest.approx(0.1, abs=0.015)
    assert len(np.unique(others)) > 300


def test_positions_are_chosen_evenly() -> None:
    ids, real = big_batch()
    _, predicted = mask_words(ids, real, None, 5000, MaskingOptions(share=0.5), np.random.default_rng(1))
    by_position = predicted[:, 1:].mean(0)
    assert by_position.min() > 0.4
    assert by_position.max() < 0.6


def test_the_seed_decides() -> None:
    ids, real = big_batch()
    first, second, other = (
        mask_words(ids, real, None, 5000, MaskingOptions(), np.random.default_rng(seed))[0] for seed in (1, 1, 2)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("smoothing", "expected_ratio"), [(0.0, 1.0), (0.5, 10.0)])
def test_smoothing_prefers_rare_words(smoothing: float, expected_ratio: float) -> None:
    # The rare word is a hundredth as frequent: with an exponent of 0.5 an occurrence counts ten times as much.
    common, rare = 20, 21
    ids = np.full((400, 101), common)
    ids[::4, 50] = rare
    ids[:, 0] = EOS_ID
    counts = np.zeros(VOCAB_SIZE, dtype=np.int64)
    counts[[common, rare]] = 10_000, 100
    weights = smoothing_weights(counts, smoothing)
    options = MaskingOptions(share=0.01, smoothing=smoothing)
    rng = np.random.default_rng(3)
    chosen = {common: 0, rare: 0}
    for _ in range(20):
        _, predicted = mask_words(ids, np.ones(ids.shape, dtype=np.bool_), weights, VOCAB_SIZE, options, rng)
        for word in chosen:
            chosen[word] += int((ids[predicted] == word).sum())
    ratio = (chosen[rare] / (ids == rare).sum()) / (chosen[common] / (ids == common).sum())
    assert ratio == pytest.approx(expected_ratio, rel=0.3)


def test_smoothing_weights() -> None:
    weights = smoothing_weights(np.array([0, 1, 4, 100]), 0.5)
    assert weights is not None
    assert weights.tolist() == [0, 1, 0.5, 0.1]
    assert smoothing_weights(np.array([0, 1, 4]), 0) is None


WORDS = st.lists(st.integers(FIRST_WORD_ID, 1000), max_size=20, unique=True)


@given(WORDS, st.floats(0, 6), SHARES, SHARES, SEEDS)
def test_noise_only_takes_away_and_blanks(
    words: list[int], shuffle: float, drop: float, blank: float, seed: int
) -> None:
    before = list(words)
    noisy = add_noise(words, NoiseOptions(shuffle, drop, blank), np.random.default_rng(seed))
    assert words == before
    assert min(1, len(words)) <= len(noisy) <= len(words)
    left = [word for word in noisy if word != MASK_ID]
    assert len(set(left)) == len(left)
    assert set(left) <= set(words)


@given(WORDS, st.integers(1, 6), SEEDS)
def test_words_move_by_fewer_than_k_places(words: list[int], k: int, seed: int) -> None:
    noisy = add_noise(words, NoiseOptions(shuffle=k, drop=0, blank=0), np.random.default_rng(seed))
    assert sorted(noisy) == sorted(words)
    assert all(abs(noisy.index(word) - place) < k for place, word in enumerate(words))


@given(WORDS, SEEDS)
def test_no_noise_changes_nothing(words: list[int], seed: int) -> None:
    assert add_noise(words, NoiseOptions(0, 0, 0), np.random.default_rng(seed)) == words


def test_shares_of_noise() -> None:
    words, rng = list(range(100, 200)), np.random.default_rng(0)
    noisy = [add_noise(words, NoiseOptions(), rng) for _ in range(200)]
    assert np.mean([len(sentence) for sentence in noisy]) == pytest.approx(90, abs=1)
    assert np.mean([sentence.count(MASK_ID) for sentence in noisy]) == pytest.approx(9, abs=1)
    moved = [add_noise(words, NoiseOptions(3, 0, 0), rng) for _ in range(20)]
    assert np.mean([[a != b for a, b in zip(sentence, words, strict=True)] for sentence in moved]) > 0.4
