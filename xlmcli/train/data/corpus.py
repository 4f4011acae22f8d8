"""Training text: token ids of every sentence, end to end, with where each one starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlmcli.text.augmentation import Augmentation

_HEAD_IDS = 1 << 18


@dataclass(frozen=True, slots=True)
class LengthFilter:
    """Which sentences and pairs are worth training on, in tokens without ``</s>``.

    Attributes:
        max_len: Longest sentence that is kept; None is no limit.
        max_ratio: Largest ratio of the two sides of a pair, once the longer one has more than ten tokens.
    """

    max_len: int | None = 100
    max_ratio: float = 3.0


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How text becomes what a model learns from.

    Attributes:
        limits: Rows outside are skipped and counted.
        augmentations: Variants to add.
        seed: Draws the variants.
        cache: Folder that keeps token ids for the next time, or None.
    """

    limits: LengthFilter = LengthFilter()
    augmentations: tuple[Augmentation, ...] = ()
    seed: int = 0
    cache: Path | None = None

    @property
    def protects_spans(self) -> bool:
        """Whether marks of protected spans are learned."""
        return any(augmentation.kind == "spans" for augmentation in self.augmentations)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Sentences of one language.

    Attributes:
        segments: All token ids without ``</s>``, int32 (total tokens,), in one or more arrays that follow each other;
            no sentence is in two of them. Those of a cache are mapped files: only the pages in use take memory.
        starts: Where each sentence starts, as if the arrays were one, and after the last its end, int64
            (sentences + 1,).
    """

    segments: tuple[NDArray[np.int32], ...]
    starts: NDArray[np.int64]

    @classmethod
    def from_sequences(cls, sequences: Sequence[Sequence[int]]) -> Corpus:
        lens = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
        ids = np.fromiter(chain.from_iterable(sequences), dtype=np.int32, count=int(lens.sum()))
        return cls((ids,), _starts(lens))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> list[int]:
        return self.gather(np.array([index])).tolist()  # type: ignore[no-any-return]

    @property
    def ids(self) -> NDArray[np.int32]:
        """All token ids, int32 (total tokens,); a copy where there are several segments."""
        return self.segments[0] if len(self.segments) == 1 else np.concatenate(self.segments)

    @property
    def lens(self) -> NDArray[np.int64]:
        """Tokens of each sentence, int64 (sentences,)."""
        return np.diff(self.starts)

    def lens_of(self, order: NDArray[np.integer]) -> NDArray[np.int64]:
        """Tokens of each of the given sentences, int64 (given,)."""
        lens: NDArray[np.int64] = self.starts[order + 1] - self.starts[order]
        return lens

    def take(self, order: NDArray[np.integer]) -> Corpus:
        """The given sentences, copied."""
        return Corpus((self.gather(order),), _starts(self.lens_of(order)))

    def gather(self, order: NDArray[np.integer]) -> NDArray[np.int32]:
        """The given sentences end to end, int32 (their tokens,)."""
        starts, lens = self.starts[order], self.lens_of(order)
        if len(self.segments) == 1:
            return self.segments[0][_places(starts, lens)]
        segment_starts = _starts(np.array([len(segment) for segment in self.segments]))
        segment_of = np.searchsorted(segment_starts, starts, side="right") - 1
        gathered, targets = np.empty(int(lens.sum()), dtype=np.int32), np.cumsum(lens) - lens
        for number in np.unique(segment_of[lens > 0]).tolist():
            rows = segment_of == number
            places = _places(starts[rows] - segment_starts[number], lens[rows])
            gathered[_places(targets[rows], lens[rows])] = self.segments[number][places]
        return gathered

    def to_sequences(self) -> list[list[int]]:
        """The ids of each sentence."""
        ids, starts = self.ids.tolist(), self.starts.tolist()
        return [ids[start:end] for start, end in pairwise(starts)]


def join_corpora(corpora: Sequence[Corpus]) -> Corpus:
    """Corpora of the same language as one; the ids stay where they are."""
    lens = np.concatenate([corpus.lens for corpus in corpora])
    return Corpus(tuple(segment for corpus in corpora for segment in corpus.segments), _starts(lens))


def _starts(lens: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where parts of these lengths start that follow each other, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lens)])


def _places(starts: NDArray[np.int64], lens: NDArray[np.int64]) -> NDArray[np.int64]:
    """The index of each token of sentences that start there: the start, plus how far into the sentence it is."""
    offsets = starts - (np.cumsum(lens) - lens)
    return np.repeat(offsets, lens) + np.arange(int(lens.sum()))


@dataclass(frozen=True, slots=True)
class TextData:
    """Aligned sentences in one or more languages: monolingual text has one side, parallel text two.

    Attributes:
        langs: Language code of each side.
        sides: One corpus a language, all with the same number of sentences.
        repeats: How often each sentence counts in an epoch, float32 (sentences,).
        num_skipped: Rows left out: an empty side, too long, or too different in length.
        num_cut: Rows of labelled text that were too long, and of which the start is kept.
        noisy_sides: The side of each row that nobody should learn to write, -1 for none, int8 (sentences,); None where
            no row has one.
    """

    langs: tuple[str, ...]
    sides: tuple[Corpus, ...]
    repeats: NDArray[np.float32]
    num_skipped: int
    num_cut: int = 0
    noisy_sides: NDArray[np.int8] | None = None

    def __len__(self) -> int:
        return len(self.repeats)

    @property
    def epoch_size(self) -> float:
        """Sentences (or pairs) drawn in an epoch."""
        return float(self.repeats.sum())

    @property
    def beginning(self) -> str:
        """A hash of the first ids of each array of them."""
        heads = (ids[:_HEAD_IDS].tobytes() for side in self.sides for ids in side.segments)
        return blake2b(b"".join(heads), digest_size=8).hexdigest()

    def side(self, lang: str) -> TextData:
        """One side of parallel text, as monolingual text."""
        return TextData((lang,), (self.sides[self.langs.index(lang)],), self.repeats_writing(lang), 0)

    def direction(self, src: str, tgt: str) -> TextData:
        """Parallel text with the source side first, without the rows that would teach to write errors."""
        sides = tuple(self.sides[self.langs.index(lang)] for lang in (src, tgt))
        return TextData((src, tgt), sides, self.repeats_writing(tgt), 0)

    def repeats_writing(self, lang: str) -> NDArray[np.float32]:
        """How often each sentence counts where ``lang`` is what the model learns to write, float32 (sentences,)."""
        if self.noisy_sides is None:
            return self.repeats
        return np.where(self.noisy_sides == self.langs.index(lang), np.float32(0), self.repeats)


def cut_lines(text: TextData, max_len: int) -> TextData:
    """Monolingual text whose lines of more than ``max_len`` tokens have become several; the ids are not copied."""
    (side,) = text.sides
    num_pieces = np.maximum(1, -(-side.lens // max_len))
    if not (num_pieces > 1).any():
        return text
    nth_pieces = np.arange(int(num_pieces.sum())) - np.repeat(np.cumsum(num_pieces) - num_pieces, num_pieces)
    starts = np.repeat(side.starts[:-1], num_pieces) + max_len * nth_pieces
    pieces = Corpus(side.segments, np.append(starts, side.starts[-1]))
    return replace(text, sides=(pieces,), repeats=np.repeat(text.repeats, num_pieces))


def join(texts: Sequence[TextData]) -> TextData:
    """Texts of the same languages as one; their ids are not copied."""
    if len(texts) == 1:
        return texts[0]
    noisy_sides = None
    if any(text.noisy_sides is not None for text in texts):
        noisy_sides = np.concatenate(
            [np.full(len(text), -1, dtype=np.int8) if text.noisy_sides is None else text.noisy_sides for text in texts]
        )
    return TextData(
        texts[0].langs,
        tuple(join_corpora(parts) for parts in zip(*(text.sides for text in texts), strict=True)),
        np.concatenate([text.repeats for text in texts]),
        num_skipped=sum(text.num_skipped for text in texts),
        num_cut=sum(text.num_cut for text in texts),
        noisy_sides=noisy_sides,
    )


def concatenate(langs: tuple[str, ...], parts: Iterable[TextData]) -> TextData:
    """Parts of a text as one, whose ids are in one array a side."""
    nothing = Corpus.from_sequences([])
    text = join([TextData(langs, (nothing,) * len(langs), np.zeros(0, dtype=np.float32), 0), *parts])
    sides = tuple(Corpus((side.ids,), side.starts) for side in text.sides)
    is_clean = text.noisy_sides is None or bool((text.noisy_sides == -1).all())
    return replace(text, sides=sides, noisy_sides=None if is_clean else text.noisy_sides)
