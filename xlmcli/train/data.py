"""Training text in memory: token ids of every sentence, end to end, with where each one starts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xlmcli.errors import DataError
from xlmcli.sources import Source, iter_chunks
from xlmcli.text import Tokenizer
from xlmcli.text.augmentation import Augmentation, Variant, augment


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
    """

    limits: LengthFilter = LengthFilter()
    augmentations: tuple[Augmentation, ...] = ()
    seed: int = 0

    @property
    def protects_spans(self) -> bool:
        """Whether marks of protected spans are learned."""
        return any(augmentation.kind == "spans" for augmentation in self.augmentations)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Sentences of one language.

    Attributes:
        ids: All token ids without ``</s>``, int32 (total tokens,).
        starts: Where each sentence starts in ``ids``, and after the last its end, int64 (sentences + 1,).
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]

    @classmethod
    def from_sequences(cls, sequences: Sequence[Sequence[int]]) -> Corpus:
        lens = np.fromiter((len(s) for s in sequences), dtype=np.int64, count=len(sequences))
        ids = np.fromiter((i for s in sequences for i in s), dtype=np.int32, count=int(lens.sum()))
        return cls(ids, np.concatenate([[0], np.cumsum(lens)]))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> list[int]:
        return self.ids[self.starts[index] : self.starts[index + 1]].tolist()  # type: ignore[no-any-return]

    @property
    def lens(self) -> NDArray[np.int64]:
        """Tokens of each sentence, int64 (sentences,)."""
        return np.diff(self.starts)

    def gather(self, order: NDArray[np.int64]) -> NDArray[np.int32]:
        """The given sentences end to end, int32 (their tokens,)."""
        starts = self.starts[order]
        lens = self.starts[order + 1] - starts
        # Index of each word in the corpus: the sentence's start, plus how far into the sentence it is.
        offsets = starts - (np.cumsum(lens) - lens)
        return self.ids[np.repeat(offsets, lens) + np.arange(int(lens.sum()))]


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


def load_text(sources: Sequence[Source], tokenizer: Tokenizer, options: TextOptions) -> TextData:
    """Reads and tokenises sources of the same languages.

    Args:
        sources: One or more; all must name the same languages in the same order.
        tokenizer: Turns text to ids.
        options: Which rows are taken, and their variants.

    Raises:
        DataError: A file cannot be read, a row has too few columns, or no row is left.
    """
    langs = sources[0].langs
    parts, num_rows = [], 0
    for source in sources:
        for number, chunk in enumerate(iter_chunks(source)):
            variants = augment(chunk, options.augmentations, random.Random(f"{options.seed} {source} {number}"))
            num_rows += len(variants)
            part = _tokenized(variants, langs, tokenizer, options.limits)
            if len(part):
                parts.append(replace(part, repeats=np.full(len(part), source.repeat, dtype=np.float32)))
    if not parts:
        names = ", ".join(str(source.path) for source in sources)
        raise DataError(f"no usable line in {names}", hint="is --max-len too small, or the `only` pattern wrong?")
    text = join(parts)
    return replace(text, num_skipped=num_rows - len(text))


def _tokenized(
    variants: Sequence[Variant], langs: tuple[str, ...], tokenizer: Tokenizer, limits: LengthFilter
) -> TextData:
    encoded = [
        tokenizer.encode_batch([variant.texts[side] for variant in variants], lang) for side, lang in enumerate(langs)
    ]
    usable = [number for number, row in enumerate(zip(*encoded, strict=True)) if _is_usable(row, limits)]
    sides = tuple(Corpus.from_sequences([side[number] for number in usable]) for side in encoded)
    noisy = [-1 if (side := variants[number].noisy_side) is None else side for number in usable]
    repeats = np.ones(len(usable), dtype=np.float32)
    return TextData(langs, sides, repeats, 0, noisy_sides=np.array(noisy, dtype=np.int8))


def join(texts: Sequence[TextData]) -> TextData:
    """Texts of the same languages as one."""
    if len(texts) == 1:
        return texts[0]
    sides = []
    for parts in zip(*(text.sides for text in texts), strict=True):
        ids = np.concatenate([part.ids for part in parts])
        lens = np.concatenate([part.lens for part in parts])
        sides.append(Corpus(ids, np.concatenate([[0], np.cumsum(lens)])))
    repeats = np.concatenate([text.repeats for text in texts])
    num_skipped, num_cut = sum(text.num_skipped for text in texts), sum(text.num_cut for text in texts)
    noisy_sides = [
        np.full(len(text), -1, dtype=np.int8) if text.noisy_sides is None else text.noisy_sides for text in texts
    ]
    return TextData(
        texts[0].langs, tuple(sides), repeats, num_skipped, num_cut, noisy_sides=np.concatenate(noisy_sides)
    )


def _is_usable(row: tuple[list[int], ...], limits: LengthFilter) -> bool:
    lens = [len(ids) for ids in row]
    shortest, longest = min(lens), max(lens)
    if shortest == 0 or (limits.max_len is not None and longest > limits.max_len):
        return False
    return longest <= 10 or longest <= limits.max_ratio * shortest
