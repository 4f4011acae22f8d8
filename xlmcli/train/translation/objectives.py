"""Objectives of an encoder-decoder: translation, denoising auto-encoding and online back-translation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from xlmcli.model.seq2seq import Seq2Seq
from xlmcli.model.transformer import Tokens
from xlmcli.train.core.cross_entropy import cross_entropy
from xlmcli.train.core.objective import Loss, Stream, choose_stream
from xlmcli.train.data.corpus import Corpus
from xlmcli.train.data.masking import NoiseOptions, add_noise
from xlmcli.train.data.sequences import enclose, join_sentences


@dataclass(frozen=True, slots=True)
class TranslationOptions:
    """What the translation objectives share.

    Attributes:
        alpha: Exponent of sampling between directions or languages.
        label_smoothing: Probability mass spread over the vocabulary, 0-1.
        noise: Noise of denoising auto-encoding.
    """

    alpha: float
    label_smoothing: float
    noise: NoiseOptions


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Sentence pairs as an encoder-decoder reads them; right-padded, True in a mask at real tokens.

    Attributes:
        src_ids: ``</s> w … </s>``, int64 (batch, src_len).
        src_mask: (batch, src_len).
        tgt_ids: ``</s> w …``, int64 (batch, tgt_len).
        tgt_mask: (batch, tgt_len).
        expected: ``w … </s>`` of each target, end to end, int64 (real target tokens,).
        langs: Language ids of source and target.
        label_smoothing: Probability mass spread over the vocabulary, 0-1.
    """

    src_ids: NDArray[np.int64]
    src_mask: NDArray[np.bool_]
    tgt_ids: NDArray[np.int64]
    tgt_mask: NDArray[np.bool_]
    expected: NDArray[np.int64]
    langs: tuple[int, ...]
    label_smoothing: float

    @classmethod
    def of(cls, src: Corpus, tgt: Corpus, langs: tuple[int, ...], label_smoothing: float) -> PairBatch:
        """Puts pairs together, ids without ``</s>``."""
        expected = join_sentences(tgt).astype(np.int64)
        return cls(*enclose(src), *enclose(tgt, ends=False), expected, langs, label_smoothing)

    def loss(self, model: nn.Module, device: torch.device) -> Loss:
        """Cross-entropy of the targets given the sources."""
        src = _tokens(self.src_ids, self.src_mask, self.langs[0], device)
        tgt = _tokens(self.tgt_ids, self.tgt_mask, self.langs[1], device)
        expected = torch.as_tensor(self.expected, device=device)
        mean = cross_entropy(model(src, tgt), expected, smoothing=self.label_smoothing)
        return Loss(mean, int(self.src_mask.sum()) + len(self.expected))


class TranslationObjective:
    """MT on sentence pairs; a stream is a direction, its first side the source."""

    name = "mt"

    def __init__(self, streams: Sequence[Stream], options: TranslationOptions) -> None:
        self.streams, self.options = streams, options

    def draw(self, rng: np.random.Generator) -> PairBatch:
        stream = choose_stream(self.streams, self.options.alpha, rng)
        src, tgt = next_sides(stream)
        return PairBatch.of(src, tgt, stream.langs, self.options.label_smoothing)


class Denoising:
    """AE: restores a sentence from its shuffled, dropped and blanked words, in its own language."""

    name = "ae"

    def __init__(self, streams: Sequence[Stream], options: TranslationOptions) -> None:
        self.streams, self.options = streams, options

    def draw(self, rng: np.random.Generator) -> PairBatch:
        stream = choose_stream(self.streams, self.options.alpha, rng)
        (tgt,) = next_sides(stream)
        src = Corpus.from_sequences([add_noise(words, self.options.noise, rng) for words in tgt.to_sequences()])
        return PairBatch.of(src, tgt, (stream.langs[0], stream.langs[0]), self.options.label_smoothing)


class BackTranslation:
    """BT: translates real target text back, then learns to translate the result forth.

    A stream is a direction whose data is the target language's text. Source: the original's ``Trainer.bt_step``.
    """

    name = "bt"

    def __init__(self, streams: Sequence[Stream], options: TranslationOptions, translator: Seq2Seq) -> None:
        self.streams, self.options, self._translator = streams, options, translator

    def draw(self, rng: np.random.Generator) -> BackTranslationBatch:
        stream = choose_stream(self.streams, self.options.alpha, rng)
        (tgt,) = next_sides(stream)
        return BackTranslationBatch(tgt, stream.langs, self.options.label_smoothing, self._translator)


@dataclass(frozen=True, slots=True)
class BackTranslationBatch:
    """Target sentences whose sources the model makes itself, as it is when their turn comes."""

    tgt: Corpus
    langs: tuple[int, ...]
    label_smoothing: float
    translator: Seq2Seq

    def loss(self, model: nn.Module, device: torch.device) -> Loss:
        src = Corpus.from_sequences(self._translate_back(device))
        return PairBatch.of(src, self.tgt, self.langs, self.label_smoothing).loss(model, device)

    def _translate_back(self, device: torch.device) -> list[list[int]]:
        src_lang, tgt_lang = self.langs
        ids = torch.as_tensor(enclose(self.tgt)[0], device=device)
        lens = torch.as_tensor(self.tgt.lens + 2, device=device)
        max_len = int(1.3 * ids.shape[1] + 5)
        was_training = self.translator.training
        self.translator.eval()
        src = self.translator.greedy(ids, lens, tgt_lang, src_lang, max_len)
        self.translator.train(was_training)
        room = self.translator.encoder.shape.max_positions - 2
        return [words[:room] for words in src]


def next_sides(stream: Stream) -> tuple[Corpus, ...]:
    """The next sentences of a stream, one corpus a side."""
    rows = stream.sampler.next()
    return tuple(side.take(rows) for side in stream.data.sides)


def pair_loss(
    model: nn.Module,
    src: list[list[int]],
    tgt: list[list[int]],
    langs: tuple[int, ...],
    label_smoothing: float,
    device: torch.device,
) -> Loss:
    """Cross-entropy of the target sentences given the sources, ids without ``</s>``."""
    sides = (Corpus.from_sequences(src), Corpus.from_sequences(tgt))
    return PairBatch.of(*sides, langs, label_smoothing).loss(model, device)


def _tokens(ids: NDArray[np.int64], mask: NDArray[np.bool_], lang: int, device: torch.device) -> Tokens:
    """Tensors of right-padded sequences; without a mask where no row is padded."""
    return Tokens(
        torch.as_tensor(ids, device=device),
        None if mask.all() else torch.as_tensor(mask, device=device),
        torch.full((1, 1), lang, device=device),
    )
