"""Objectives of an encoder-decoder: translation, denoising auto-encoding and online back-translation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from xlmcli.text.special import EOS_ID, PAD_ID
from xlmcli.train.cross_entropy import cross_entropy
from xlmcli.train.masking import NoiseOptions, add_noise
from xlmcli.train.model import Tokens
from xlmcli.train.objectives import Loss, Stream, choose_stream
from xlmcli.train.seq2seq import Seq2Seq, pad


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


class Translation:
    """MT on sentence pairs; a stream is a direction, its first side the source."""

    name = "mt"

    def __init__(self, streams: Sequence[Stream], options: TranslationOptions) -> None:
        self.streams, self.options = streams, options

    def loss(self, model: nn.Module, rng: np.random.Generator, device: torch.device) -> Loss:
        stream = choose_stream(self.streams, self.options.alpha, rng)
        src, tgt = next_sides(stream)
        return pair_loss(model, src, tgt, stream.langs, self.options.label_smoothing, device)


class Denoising:
    """AE: restores a sentence from its shuffled, dropped and blanked words, in its own language."""

    name = "ae"

    def __init__(self, streams: Sequence[Stream], options: TranslationOptions) -> None:
        self.streams, self.options = streams, options

    def loss(self, model: nn.Module, rng: np.random.Generator, device: torch.device) -> Loss:
        stream = choose_stream(self.streams, self.options.alpha, rng)
        (tgt,) = next_sides(stream)
        src = [add_noise(words, self.options.noise, rng) for words in tgt]
        langs = (stream.langs[0], stream.langs[0])
        return pair_loss(model, src, tgt, langs, self.options.label_smoothing, device)


class BackTranslation:
    """BT: translates real target text back, then learns to translate the result forth.

    A stream is a direction whose data is the target language's text. Source: the original's ``Trainer.bt_step``.
    """

    name = "bt"

    def __init__(self, streams: Sequence[Stream], options: TranslationOptions, translator: Seq2Seq) -> None:
        self.streams, self.options, self._translator = streams, options, translator

    def loss(self, model: nn.Module, rng: np.random.Generator, device: torch.device) -> Loss:
        stream = choose_stream(self.streams, self.options.alpha, rng)
        (tgt,) = next_sides(stream)
        src_lang, tgt_lang = stream.langs
        ids, lens = pad([[EOS_ID, *words, EOS_ID] for words in tgt], device)
        max_len = int(1.3 * int(lens.max()) + 5)
        was_training = self._translator.training
        self._translator.eval()
        src = self._translator.greedy(ids, lens, tgt_lang, src_lang, max_len)
        self._translator.train(was_training)
        room = self._translator.encoder.shape.max_positions - 2
        src = [words[:room] for words in src]
        return pair_loss(model, src, tgt, stream.langs, self.options.label_smoothing, device)


def next_sides(stream: Stream) -> tuple[list[list[int]], ...]:
    """The next sentences of a stream, one list a side, ids without ``</s>``."""
    assert stream.data is not None
    indices = stream.sampler.next().tolist()
    return tuple([side[i] for i in indices] for side in stream.data.sides)


def pair_loss(
    model: nn.Module,
    src: list[list[int]],
    tgt: list[list[int]],
    langs: tuple[int, ...],
    label_smoothing: float,
    device: torch.device,
) -> Loss:
    """Cross-entropy of the target sentences given the sources, ids without ``</s>``."""
    src_ids, src_lens = pad([[EOS_ID, *words, EOS_ID] for words in src], device)
    tgt_ids, _ = pad([[EOS_ID, *words] for words in tgt], device)
    expected, tgt_lens = pad([[*words, EOS_ID] for words in tgt], device)
    src_tokens = Tokens(src_ids, real_mask(src_ids, src_lens), torch.full((1, 1), langs[0], device=device))
    tgt_tokens = Tokens(tgt_ids, real_mask(tgt_ids, tgt_lens), torch.full((1, 1), langs[1], device=device))
    logits = model(src_tokens, tgt_tokens)
    mean = cross_entropy(logits, expected[expected != PAD_ID], smoothing=label_smoothing)
    return Loss(mean, int(src_lens.sum()) + int(tgt_lens.sum()))


def real_mask(ids: torch.Tensor, lens: torch.Tensor) -> torch.Tensor | None:
    """True at real tokens, bool (batch, length); None when no row is padded."""
    if int(lens.min()) == ids.shape[1]:
        return None
    return torch.arange(ids.shape[1], device=ids.device)[None] < lens[:, None]
