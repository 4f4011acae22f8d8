"""Which sentences come next: epochs, buckets of like length.

Every choice is drawn from the seed and a counter, so a run's place in the data is two numbers a stream, as long as
batches are made in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LENGTH_NOISE = 0.15
_SLICE = 1 << 20


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of the batches this process takes: every ``num_processes``-th, from ``process``."""

    process: int = 0
    num_processes: int = 1


@dataclass(slots=True)
class Position:
    """A place in a stream of batches."""

    epoch: int = 0
    batch: int = 0


class BatchSampler:
    """Endless batches of sentence indices; each epoch has its own order.

    Sentences of like length share a batch, so that little of it is padding; batches come in random order.
    """

    def __init__(
        self,
        lens: NDArray[np.int64],
        repeats: NDArray[np.float32],
        max_tokens: int,
        seed: Sequence[int],
        share: Share,
        max_sentences: int | None = None,
    ) -> None:
        """Takes what it samples from.

        Args:
            lens: Tokens that each sentence takes in a batch (the longer side of a pair), (sentences,).
            repeats: How often each sentence counts in an epoch; fractions are drawn, (sentences,).
            max_tokens: Longest sentence times sentences in a batch is at most this, unless one alone is longer.
            seed: Identifies the stream.
            share: The part that this process takes.
            max_sentences: Most sentences in a batch; None is no limit.
        """
        self.position = Position()
        self._lens, self._repeats = lens.astype(np.int32), repeats
        self._max_tokens, self._max_sentences = max_tokens, max_sentences
        self._seed, self._share = tuple(seed), share
        self._batches: list[NDArray[np.integer]] = []
        self._loaded_epoch = -1

    @property
    def making(self) -> dict[str, object]:
        """What decides which batches there are; a position is one among batches that are made so."""
        return {
            "tokens in a batch": self._max_tokens,
            "sentences in a batch": self._max_sentences,
            "seed": self._seed,
            "processes": self._share.num_processes,
            "sentences": len(self._lens),
            "tokens": int(self._lens.sum(dtype=np.int64)),
        }

    def next(self) -> NDArray[np.int64]:
        """The indices of the next batch, int64 (batch,)."""
        if self._loaded_epoch != self.position.epoch:
            self._load_epoch()
        if self.position.batch >= len(self._batches):
            self.position.epoch, self.position.batch = self.position.epoch + 1, 0
            self._load_epoch()
        batch = self._batches[self.position.batch]
        self.position.batch += 1
        return batch.astype(np.int64)

    def epoch_batches(self) -> int:
        """Batches of the current epoch."""
        if self._loaded_epoch != self.position.epoch:
            self._load_epoch()
        return len(self._batches)

    def _load_epoch(self) -> None:
        rng = np.random.default_rng((*self._seed, self.position.epoch))
        indices = draw_epoch(self._repeats, rng)
        noisy_lens = rng.random(len(indices))
        noisy_lens *= _LENGTH_NOISE
        noisy_lens += 1
        noisy_lens *= self._lens[indices]
        indices = indices[np.argsort(noisy_lens, kind="stable")]
        del noisy_lens
        batches = cut_batches(indices, self._lens[indices], self._max_tokens, self._max_sentences)
        order = rng.permutation(len(batches))
        # Every process gets as many batches as the others: the last few wrap around.
        num_each = -(-len(batches) // self._share.num_processes)
        mine = (np.arange(num_each) * self._share.num_processes + self._share.process) % len(batches)
        self._batches = [batches[order[i]] for i in mine]
        self._loaded_epoch = self.position.epoch


def draw_epoch(repeats: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.integer]:
    """Indices of an epoch in random order: each its whole number of times, and once more by chance for the fraction.

    They are as narrow as they can be: of a text that fits no memory, this is what must.
    """
    counts = np.floor(repeats).astype(np.int32)
    for rows in _slices(len(repeats)):
        counts[rows] += rng.random(len(counts[rows])) < repeats[rows] - counts[rows]
    if not counts.any():
        counts[rng.choice(np.flatnonzero(repeats))] = 1
    narrow = np.int32 if len(repeats) <= np.iinfo(np.int32).max else np.int64
    order = np.repeat(np.arange(len(repeats), dtype=narrow), counts)
    rng.shuffle(order)
    return order


def _slices(length: int) -> Iterator[slice]:
    """Parts of an array, so that what is computed of them does not take its memory over again."""
    return (slice(start, start + _SLICE) for start in range(0, length, _SLICE))


def cut_batches(
    indices: NDArray[np.integer], lens: NDArray[np.integer], max_tokens: int, max_sentences: int | None = None
) -> list[NDArray[np.integer]]:
    """Cuts sorted sentences into runs whose padded size is at most ``max_tokens``."""
    batches = []
    most = len(indices) if max_sentences is None else max_sentences
    start = 0
    while start < len(indices):
        room = max(1, min(most, max_tokens // int(lens[start])))
        longest = np.maximum.accumulate(lens[start : start + room])
        size = max(1, int((longest * np.arange(1, len(longest) + 1) <= max_tokens).sum()))
        batches.append(indices[start : start + size])
        start += size
    return batches
