"""Which sentences come next: epochs, buckets of like length, fixed-length blocks of running text.

Every choice is drawn from the seed and a counter, so a run's place in the data is two numbers a stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlmcli.text.special import EOS_ID
from xlmcli.train.data.corpus import Corpus

_LENGTH_NOISE = 0.15
_SLICE = 1 << 20


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of the batches this process takes: every ``num_processes``-th, from ``process``."""

    process: int = 0
    num_processes: int = 1


@dataclass(frozen=True, slots=True)
class BlockShape:
    """Tokens of a block of running text, and blocks in a batch."""

    length: int
    batch: int


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
        self._lens, self._repeats = lens, repeats
        self._max_tokens, self._max_sentences = max_tokens, max_sentences
        self._seed, self._share = tuple(seed), share
        self._batches: list[NDArray[np.int64]] = []
        self._loaded_epoch = -1

    def next(self) -> NDArray[np.int64]:
        """The indices of the next batch, int64 (batch,)."""
        if self._loaded_epoch != self.position.epoch:
            self._load_epoch()
        if self.position.batch >= len(self._batches):
            self.position.epoch, self.position.batch = self.position.epoch + 1, 0
            self._load_epoch()
        batch = self._batches[self.position.batch]
        self.position.batch += 1
        return batch

    def epoch_batches(self) -> int:
        """Batches of the current epoch."""
        if self._loaded_epoch != self.position.epoch:
            self._load_epoch()
        return len(self._batches)

    def _load_epoch(self) -> None:
        rng = np.random.default_rng((*self._seed, self.position.epoch))
        indices = draw_epoch(self._repeats, rng).astype(np.int64)
        noisy_lens = self._lens[indices] * (1 + _LENGTH_NOISE * rng.random(len(indices)))
        indices = indices[np.argsort(noisy_lens, kind="stable")]
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
    indices: NDArray[np.int64], lens: NDArray[np.int64], max_tokens: int, max_sentences: int | None = None
) -> list[NDArray[np.int64]]:
    """Cuts sorted sentences into runs whose padded size is at most ``max_tokens``."""
    batches = []
    most = len(indices) if max_sentences is None else max_sentences
    start = longest = 0
    for end, length in enumerate(lens.tolist()):
        longest = max(longest, length)
        size = end - start + 1
        if size > 1 and (size > most or longest * size > max_tokens):
            batches.append(indices[start:end])
            start, longest = end, length
    if start < len(indices):
        batches.append(indices[start:])
    return batches


class BlockSampler:
    """Endless batches of fixed-length blocks cut from running text, as XLM's MLM and CLM read it.

    An epoch shuffles the sentences, puts ``</s>`` between them and cuts; every block starts with ``</s>``.
    """

    def __init__(
        self, corpus: Corpus, repeats: NDArray[np.float32], shape: BlockShape, seed: Sequence[int], share: Share
    ) -> None:
        self.position = Position()
        self._corpus, self._repeats, self._shape = corpus, repeats, shape
        self._seed, self._share = tuple(seed), share
        self._order: NDArray[np.integer] = np.zeros(0, dtype=np.int32)
        self._ends = np.zeros(0, dtype=np.int64)
        self._num_blocks = 0
        self._loaded_epoch = -1

    def next(self) -> NDArray[np.int64]:
        """The next blocks, int64 (batch, length)."""
        if self._loaded_epoch != self.position.epoch:
            self._load_epoch()
        size, stride = self._shape.batch, self._shape.batch * self._share.num_processes
        start = self.position.batch * stride + self._share.process * size
        # The end of an epoch comes at the same batch in every process: when the last of them would start past the text.
        last_start = self.position.batch * stride + (self._share.num_processes - 1) * size
        if self.position.batch > 0 and last_start >= self._num_blocks:
            self.position.epoch, self.position.batch = self.position.epoch + 1, 0
            self._load_epoch()
            start = self._share.process * size
        self.position.batch += 1
        rows = np.arange(start, start + size) % self._num_blocks
        # Runs of blocks that follow each other: the whole batch, but where an epoch is shorter or ends.
        runs = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
        words = np.concatenate([self._read(int(run[0]), int(run[-1]) + 1) for run in runs])
        return np.concatenate([np.full((size, 1), EOS_ID), words], axis=1)

    def epoch_batches(self) -> int:
        """Batches of the current epoch."""
        if self._loaded_epoch != self.position.epoch:
            self._load_epoch()
        size, stride = self._shape.batch, self._shape.batch * self._share.num_processes
        return max(1, -(-(self._num_blocks - (stride - size)) // stride))

    def _load_epoch(self) -> None:
        rng = np.random.default_rng((*self._seed, self.position.epoch))
        self._order = draw_epoch(self._repeats, rng)
        self._ends = np.empty(len(self._order), dtype=np.int64)
        for rows in _slices(len(self._order)):
            self._ends[rows] = self._corpus.lens_of(self._order[rows]) + 1
        np.cumsum(self._ends, out=self._ends)
        self._num_blocks = max(1, int(self._ends[-1]) // (self._shape.length - 1))
        self._loaded_epoch = self.position.epoch

    def _read(self, first: int, end: int) -> NDArray[np.int64]:
        """Blocks of the epoch's text without the ``</s>`` that they start with, int64 (end - first, length - 1)."""
        width = self._shape.length - 1
        start, stop = first * width, end * width
        sentences = slice(np.searchsorted(self._ends, start, side="right"), np.searchsorted(self._ends, stop) + 1)
        text = join_sentences(self._corpus.take(self._order[sentences])).astype(np.int64)
        if len(text) < width:  # All there is. Were it repeated, a hidden word would stand beside itself.
            return text[None]
        skipped = start - (int(self._ends[sentences.start - 1]) if sentences.start else 0)
        return text[skipped : skipped + stop - start].reshape(end - first, width)


def join_sentences(sentences: Corpus) -> NDArray[np.int32]:
    """The sentences end to end, ``</s>`` after each, int32 (total tokens,)."""
    ends = np.cumsum(sentences.lens + 1)
    text = np.full(int(ends[-1]), EOS_ID, dtype=np.int32)
    is_word = np.ones(len(text), dtype=np.bool_)
    is_word[ends - 1] = False
    text[is_word] = sentences.ids
    return text
