"""Objectives of pretraining: MLM on running text, TLM on pairs, CLM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xlmcli.model.transformer import Tokens
from xlmcli.text.special import EOS_ID, PAD_ID
from xlmcli.train.core.cross_entropy import cross_entropy
from xlmcli.train.core.objective import Loss, Stream, choose_stream
from xlmcli.train.data.masking import MaskingOptions, mask_words
from xlmcli.train.data.sequences import enclose


@dataclass(frozen=True, slots=True)
class LanguageModelOptions:
    """What the pretraining objectives share.

    Attributes:
        alpha: Exponent of language sampling.
        vocab_size: Random words of masking are drawn below this.
        masking: Shares of masking.
        word_weights: Frequency smoothing's weight of each word, (vocab,), or None.
        resets_positions: Whether positions start again at the second side of a pair, as in the original. They must not
            where the model is not told languages: nothing else would tell the sides apart.
    """

    alpha: float
    vocab_size: int
    masking: MaskingOptions
    word_weights: NDArray[np.float64] | None = None
    resets_positions: bool = True


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a language model says at the positions to predict.

    Attributes:
        logits: (predicted positions, vocab).
        targets: The right words, int64 (predicted positions,).
        num_tokens: Real tokens that the model read.
    """

    logits: Tensor
    targets: Tensor
    num_tokens: int

    def loss(self) -> Loss:
        return Loss(cross_entropy(self.logits, self.targets), self.num_tokens)


@dataclass(frozen=True, slots=True)
class Sequences:
    """What a language model reads, all (batch, length): ids, real positions, language ids and positions.

    ``written`` are the real positions that it may learn to write; None is all.
    """

    ids: NDArray[np.int64]
    real: NDArray[np.bool_]
    langs: NDArray[np.int64]
    positions: NDArray[np.int64] | None
    written: NDArray[np.bool_] | None = None

    def tokens(self, device: torch.device) -> Tokens:
        """The sequences as tensors."""
        return Tokens(
            torch.as_tensor(self.ids, device=device),
            None if self.real.all() else torch.as_tensor(self.real, device=device),
            torch.as_tensor(self.langs, device=device),
            None if self.positions is None else torch.as_tensor(self.positions, device=device),
        )


@dataclass(frozen=True, slots=True)
class LanguageModelBatch:
    """Sequences, and what to ask about them.

    Attributes:
        sequences: What the model is shown.
        predicted: True at the positions to predict, (batch, length).
        targets: The right words there, int64 (predicted positions,).
        causal: Whether a position sees only those before it, and predicts the one after it.
    """

    sequences: Sequences
    predicted: NDArray[np.bool_]
    targets: NDArray[np.int64]
    causal: bool = False

    def predict(self, model: nn.Module, device: torch.device) -> Predictions:
        """Asks the model."""
        tokens, predicted = self.sequences.tokens(device), torch.as_tensor(self.predicted, device=device)
        logits = model(tokens, predicted, causal=True) if self.causal else model(tokens, predicted)
        return Predictions(logits, torch.as_tensor(self.targets, device=device), int(self.sequences.real.sum()))

    def loss(self, model: nn.Module, device: torch.device) -> Loss:
        return self.predict(model, device).loss()


class LanguageModelObjective(Protocol):
    """An objective of pretraining: it can be asked for batches of any stream, for validation."""

    name: str
    streams: Sequence[Stream]

    def draw(self, rng: np.random.Generator) -> LanguageModelBatch: ...

    def draw_from(self, stream: Stream, rng: np.random.Generator) -> LanguageModelBatch: ...


class MaskedLanguageModel:
    """MLM on running text, or TLM on sentence pairs: the same loss, on different sequences."""

    def __init__(self, name: str, streams: Sequence[Stream], options: LanguageModelOptions) -> None:
        self.name, self.streams, self.options = name, streams, options

    def draw(self, rng: np.random.Generator) -> LanguageModelBatch:
        return self.draw_from(choose_stream(self.streams, self.options.alpha, rng), rng)

    def draw_from(self, stream: Stream, rng: np.random.Generator) -> LanguageModelBatch:
        """Hides words of the stream's next sequences, to ask for them."""
        options = self.options
        if len(stream.langs) == 1:
            read = line_sequences(stream)
        else:
            read = pair_sequences(stream, resets_positions=options.resets_positions)
        candidates = read.real if read.written is None else read.written
        hidden, predicted = mask_words(
            read.ids, candidates, options.word_weights, options.vocab_size, options.masking, rng
        )
        return LanguageModelBatch(replace(read, ids=hidden), predicted, read.ids[predicted])


class CausalLanguageModel:
    """CLM: each word from those before it, on running text."""

    name = "clm"

    def __init__(self, streams: Sequence[Stream], options: LanguageModelOptions) -> None:
        self.streams, self.options = streams, options

    def draw(self, rng: np.random.Generator) -> LanguageModelBatch:
        return self.draw_from(choose_stream(self.streams, self.options.alpha, rng), rng)

    def draw_from(self, stream: Stream, rng: np.random.Generator) -> LanguageModelBatch:
        """The stream's next sequences, to ask for every next word."""
        read = line_sequences(stream)
        predicted = np.zeros_like(read.real)
        predicted[:, :-1] = read.real[:, 1:]
        return LanguageModelBatch(read, predicted, read.ids[:, 1:][read.real[:, 1:]], causal=True)


def line_sequences(stream: Stream) -> Sequences:
    """The next lines of running text in one language: ``</s> x </s>``."""
    (side,) = stream.data.sides
    ids, real = enclose(side.take(stream.sampler.next()))
    return Sequences(ids, real, np.full((1, 1), stream.langs[0]), None)


def pair_sequences(stream: Stream, *, resets_positions: bool = True) -> Sequences:
    """The next pairs as TLM reads them: ``</s> x </s> </s> y </s>``, positions reset at y or not, languages differ."""
    first, second = stream.data.sides
    rows = stream.sampler.next()
    # Each (pairs, 1), to compare with the columns: tokens of x, where y's part begins, and where the pair ends.
    x_lens, y_lens = ((side.starts[rows + 1] - side.starts[rows])[:, None] for side in (first, second))
    middles = x_lens + 2
    ends = middles + y_lens + 2
    columns = np.arange(int(ends.max()))
    real, is_second = columns < ends, columns >= middles
    ids = np.where(real, EOS_ID, PAD_ID)
    ids[(columns >= 1) & (columns <= x_lens)] = first.gather(rows)
    ids[(columns > middles) & (columns < ends - 1)] = second.gather(rows)
    langs = np.where(is_second, stream.langs[1], stream.langs[0])
    positions = np.where(is_second & resets_positions, columns - middles, columns)
    noisy = stream.data.noisy_sides
    written = None if noisy is None else real & (noisy[rows][:, None] != is_second)
    return Sequences(ids, real, langs, np.where(real, positions, 0), written)
