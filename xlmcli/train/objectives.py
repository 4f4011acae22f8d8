"""What a model is trained to do. One class an objective; the loop calls them all in the same way.

An objective draws from streams, one a language or pair, chosen with p ∝ n^alpha, and turns a batch into a loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xlmcli.text.sampling import language_shares
from xlmcli.text.special import EOS_ID, PAD_ID
from xlmcli.train.cross_entropy import cross_entropy
from xlmcli.train.data import TextData
from xlmcli.train.masking import MaskingOptions, mask_words
from xlmcli.train.model import Tokens
from xlmcli.train.sampling import Position


@dataclass(frozen=True, slots=True)
class Loss:
    """A batch's loss.

    Attributes:
        mean: Cross-entropy in nats, averaged over the predicted tokens; carries the gradient.
        num_tokens: Real tokens that the model read, both sides together.
    """

    mean: Tensor
    num_tokens: int


class Sampler(Protocol):
    """Where a stream's batches come from; its position is all there is to save."""

    position: Position

    def next(self) -> NDArray[np.int64]: ...

    def epoch_batches(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Stream:
    """One language's or pair's batches.

    Attributes:
        name: ``en`` or ``en-fr``.
        size: Sentences an epoch, for sampling.
        sampler: Yields blocks of ids or indices of sentences.
        data: What the indices point into; None for blocks.
        langs: Language ids, one or two.
    """

    name: str
    size: float
    sampler: Sampler
    data: TextData | None
    langs: tuple[int, ...]


class Objective(Protocol):
    """A training objective: ``mlm``, ``tlm``, ``clm``, ``mt``, ``ae`` or ``bt``."""

    name: str
    streams: Sequence[Stream]

    def loss(self, model: nn.Module, rng: np.random.Generator, device: torch.device) -> Loss:
        """Draws a batch and runs the model on it, forward only."""
        ...


def choose_stream(streams: Sequence[Stream], alpha: float, rng: np.random.Generator) -> Stream:
    """Draws a stream with p ∝ size^alpha."""
    shares = language_shares([stream.size for stream in streams], alpha)
    return streams[int(rng.choice(len(streams), p=shares))]


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


class LanguageModelObjective(Protocol):
    """An objective of pretraining: it can be asked for its predictions on any stream, for validation."""

    name: str
    streams: Sequence[Stream]

    def loss(self, model: nn.Module, rng: np.random.Generator, device: torch.device) -> Loss: ...

    def predict(
        self, model: nn.Module, stream: Stream, rng: np.random.Generator, device: torch.device
    ) -> Predictions: ...


class MaskedLanguageModel:
    """MLM on running text, or TLM on sentence pairs: the same loss, on different sequences."""

    def __init__(self, name: str, streams: Sequence[Stream], options: LanguageModelOptions) -> None:
        self.name, self.streams, self.options = name, streams, options

    def loss(self, model: nn.Module, rng: np.random.Generator, device: torch.device) -> Loss:
        return self.predict(model, choose_stream(self.streams, self.options.alpha, rng), rng, device).loss()

    def predict(self, model: nn.Module, stream: Stream, rng: np.random.Generator, device: torch.device) -> Predictions:
        """Hides words of the stream's next batch and asks the model for them."""
        options = self.options
        if stream.data is None:
            batch = block_batch(stream)
        else:
            batch = pair_batch(stream, resets_positions=options.resets_positions)
        hidden, predicted = mask_words(
            batch.ids, batch.real, options.word_weights, options.vocab_size, options.masking, rng
        )
        logits = model(batch.tokens(hidden, device), torch.as_tensor(predicted, device=device))
        targets = torch.as_tensor(batch.ids[predicted], device=device)
        return Predictions(logits, targets, int(batch.real.sum()))


class CausalLanguageModel:
    """CLM: each word from those before it, on running text."""

    name = "clm"

    def __init__(self, streams: Sequence[Stream], options: LanguageModelOptions) -> None:
        self.streams, self.options = streams, options

    def loss(self, model: nn.Module, rng: np.random.Generator, device: torch.device) -> Loss:
        return self.predict(model, choose_stream(self.streams, self.options.alpha, rng), rng, device).loss()

    def predict(self, model: nn.Module, stream: Stream, rng: np.random.Generator, device: torch.device) -> Predictions:
        """Asks the model for every next word of the stream's next batch."""
        batch = block_batch(stream)
        predicted = np.ones_like(batch.real)
        predicted[:, -1] = False
        logits = model(batch.tokens(batch.ids, device), torch.as_tensor(predicted, device=device), causal=True)
        targets = torch.as_tensor(batch.ids[:, 1:].ravel(), device=device)
        return Predictions(logits, targets, batch.ids.size)


@dataclass(frozen=True, slots=True)
class LanguageModelBatch:
    """Sequences for a language model, all (batch, length): ids, real positions, language ids and positions."""

    ids: NDArray[np.int64]
    real: NDArray[np.bool_]
    langs: NDArray[np.int64]
    positions: NDArray[np.int64] | None

    def tokens(self, ids: NDArray[np.int64], device: torch.device) -> Tokens:
        """The batch as the model reads it, with ``ids`` in place of its own."""
        return Tokens(
            torch.as_tensor(ids, device=device),
            None if self.real.all() else torch.as_tensor(self.real, device=device),
            torch.as_tensor(self.langs, device=device),
            None if self.positions is None else torch.as_tensor(self.positions, device=device),
        )


def block_batch(stream: Stream) -> LanguageModelBatch:
    """The next blocks of running text in one language."""
    ids = stream.sampler.next()
    return LanguageModelBatch(ids, np.ones(ids.shape, dtype=np.bool_), np.full((1, 1), stream.langs[0]), None)


def pair_batch(stream: Stream, *, resets_positions: bool = True) -> LanguageModelBatch:
    """The next pairs as TLM reads them: ``</s> x </s> </s> y </s>``, positions reset at y or not, languages differ."""
    assert stream.data is not None
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
    return LanguageModelBatch(ids, real, langs, np.where(real, positions, 0))
