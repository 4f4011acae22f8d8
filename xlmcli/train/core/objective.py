"""What a model is trained to do. One class an objective; the loop calls them all in the same way.

An objective draws batches from streams, one a language or pair, chosen with p ∝ n^alpha; a batch gives a model's loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xlmcli.sources import Source
from xlmcli.text.sampling import language_shares
from xlmcli.train.data.corpus import TextData
from xlmcli.train.data.sampling import Position


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
    """Where a stream's batches come from; its position among them is all there is to save."""

    position: Position

    @property
    def making(self) -> Mapping[str, object]:
        """What decides which batches there are, by names that messages use."""

    def next(self) -> NDArray[np.int64]: ...

    def epoch_batches(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Stream:
    """One language's or pair's batches.

    Attributes:
        name: ``en`` or ``en-fr``.
        size: Sentences an epoch, for sampling.
        beginning: See ``TextData``.
        sampler: Yields indices of sentences.
        data: What the indices point into.
        langs: Language ids, one or two.
    """

    name: str
    size: float
    beginning: str
    sampler: Sampler
    data: TextData
    langs: tuple[int, ...]

    def reads(self, source: Source) -> bool:
        """Whether text of a source is among the stream's, with a side that the model may learn to write."""
        langs = self.data.langs
        # Of what is read with all its sides, each row knows which one nobody should learn to write.
        is_written = self.data.noisy_sides is not None or source.synthetic != langs[-1]
        return set(langs) <= set(source.langs) and is_written


class Batch(Protocol):
    """What an objective has drawn: arrays, made without the model, so that they can be made while it is busy."""

    def loss(self, model: nn.Module, device: torch.device) -> Loss:
        """Runs the model on the batch, forward only."""
        ...


class Objective(Protocol):
    """A training objective: ``mlm``, ``tlm``, ``clm``, ``mt``, ``ae`` or ``bt``."""

    name: str
    streams: Sequence[Stream]

    def draw(self, rng: np.random.Generator) -> Batch:
        """The next batch of one of the streams."""
        ...


def choose_stream(streams: Sequence[Stream], alpha: float, rng: np.random.Generator) -> Stream:
    """Draws a stream with p ∝ size^alpha."""
    shares = language_shares([stream.size for stream in streams], alpha)
    return streams[int(rng.choice(len(streams), p=shares))]
