"""What training does to text before the model sees it: MLM's masking and the noise of denoising auto-encoding.

Source: the original's ``Trainer.mask_out``, ``word_shuffle``, ``word_dropout`` and ``word_blank`` (``xlm/trainer.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlmcli.text.special import MASK_ID

Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MaskingOptions:
    """XLM's masking.

    Attributes:
        share: Share of the real positions that are predicted.
        masked: Of those, the share that becomes ``<mask>``.
        random: Of those, the share that becomes a random word; the rest stays as it is.
        smoothing: Exponent ``a`` of frequency smoothing: a word is chosen with a weight of count^-a; 0 chooses evenly.
    """

    share: float = 0.15
    masked: float = 0.8
    random: float = 0.1
    smoothing: float = 0.0


@dataclass(frozen=True, slots=True)
class NoiseOptions:
    """Noise for denoising auto-encoding.

    Attributes:
        shuffle: A word moves by fewer than this many places; 0 leaves the order.
        drop: Probability that a word is left out.
        blank: Probability that a word becomes ``<mask>``.
    """

    shuffle: float = 3.0
    drop: float = 0.1
    blank: float = 0.1


def mask_words(
    ids: Ids,
    candidates: Mask,
    weights: NDArray[np.float64] | None,
    vocab_size: int,
    options: MaskingOptions,
    rng: np.random.Generator,
) -> tuple[Ids, Mask]:
    """Hides words for the model to predict; the first position never is.

    Args:
        ids: Token ids, (batch, length).
        candidates: True at the tokens that may be predicted, (batch, length).
        weights: How likely each vocabulary entry is to be chosen, relative to the others, (vocab,); None is even.
        vocab_size: Random words are drawn below this.
        options: Shares.
        rng: Source of randomness.

    Returns:
        The ids with words hidden, and the positions to predict, True there, both (batch, length). At least one position
        is predicted wherever the batch has a candidate.
    """
    candidates = candidates.copy()
    candidates[:, 0] = False
    flat = np.flatnonzero(candidates)
    if len(flat) == 0:
        return ids.copy(), np.zeros_like(candidates)
    count = max(1, round(options.share * len(flat)))
    chosen = _choose(ids.ravel()[flat], count, weights, rng)
    predicted = np.zeros(ids.size, dtype=np.bool_)
    predicted[flat[chosen]] = True
    places = np.flatnonzero(predicted)
    draw = rng.random(len(places))
    hidden = ids.ravel().copy()
    hidden[places[draw < options.masked]] = MASK_ID
    randomised = places[(draw >= options.masked) & (draw < options.masked + options.random)]
    hidden[randomised] = rng.integers(vocab_size, size=len(randomised))
    return hidden.reshape(ids.shape), predicted.reshape(ids.shape)


def add_noise(words: list[int], options: NoiseOptions, rng: np.random.Generator) -> list[int]:
    """Shuffles, drops and blanks the words of a sentence (without ``</s>``); at least one word stays."""
    if len(words) < 2:
        return list(words)
    noisy = np.asarray(words, dtype=np.int64)
    if options.shuffle > 0:
        noisy = noisy[np.argsort(np.arange(len(noisy)) + rng.uniform(0, options.shuffle, len(noisy)), kind="stable")]
    kept = rng.random(len(noisy)) >= options.drop
    if not kept.any():
        kept[rng.integers(len(noisy))] = True
    noisy = noisy[kept]
    noisy[rng.random(len(noisy)) < options.blank] = MASK_ID
    return [int(word) for word in noisy]


def smoothing_weights(counts: NDArray[np.int64], exponent: float) -> NDArray[np.float64] | None:
    """Weights of frequency smoothing, (vocab,): count^-exponent, 0 for words never seen; None for exponent 0."""
    if exponent == 0:
        return None
    weights = np.zeros(len(counts), dtype=np.float64)
    np.power(counts, -exponent, out=weights, where=counts > 0)
    return weights


def _choose(words: Ids, count: int, weights: NDArray[np.float64] | None, rng: np.random.Generator) -> NDArray[np.intp]:
    """Picks ``count`` different indices of ``words``, weighted by word when weights are given."""
    if weights is None:
        return np.argpartition(rng.random(len(words)), count - 1)[:count]
    # The largest of u^(1/w) is a weighted sample without replacement (Efraimidis & Spirakis 2006).
    keys = np.log(rng.random(len(words))) / np.maximum(weights[words], 1e-12)
    return np.argpartition(-keys, count - 1)[:count]
