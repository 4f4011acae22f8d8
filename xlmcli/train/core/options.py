"""What the training commands share: where text is, how large a model is, where the result goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xlmcli.sources import Source
from xlmcli.train.core.optim import OptimOptions
from xlmcli.train.data.corpus import TextOptions


@dataclass(frozen=True, slots=True)
class DataOptions:
    """Text to learn from and to check on.

    Attributes:
        mono: Monolingual sources.
        parallel: Parallel sources.
        valid: Held-out sources, of either kind.
        text: Which lines are usable, and what variants of them there are.
        batch_tokens: Longest sentence times sentences in a batch, a side, per process.
        alpha: Exponent of language sampling, p ∝ n^alpha.
        shared: Options whose sources are named for several runs, in a settings file: this one may have no use for some.
    """

    mono: tuple[Source, ...]
    parallel: tuple[Source, ...]
    valid: tuple[Source, ...]
    text: TextOptions
    batch_tokens: int
    alpha: float
    shared: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SizeOptions:
    """Sizes of a new model; see ``XLMShape``."""

    dim: int
    num_layers: int
    num_heads: int
    max_positions: int
    gelu: bool
    sinusoidal: bool
    dropout: float
    attention_dropout: float


@dataclass(frozen=True, slots=True)
class LoopOptions:
    """How long and how a run goes.

    Attributes:
        max_steps: Optimizer steps; None is no limit.
        max_seconds: Time spent training and validating, over all resumes; None is no limit.
        accumulate: Batches whose gradients are averaged into a step.
        clip: Largest norm of the gradient.
        log_every: Steps between two lines of the log.
        valid_every: Steps between two validations, each with a checkpoint.
        save_seconds: Time between two checkpoints that a killed run goes on from.
        patience: Validations without a better score after which the run stops; None never stops.
        average: Newest checkpoints that are averaged at the end; the average is kept if it scores better. 1 averages
            none.
        seed: Seed of everything random.
        precision: ``bf16`` runs the model under autocast, weights stay float32; ``auto`` does where the processor can.
    """

    max_steps: int | None = None
    max_seconds: float | None = None
    accumulate: int = 1
    clip: float = 5.0
    log_every: int = 50
    valid_every: int = 1000
    save_seconds: float = 600.0
    patience: int | None = None
    average: int = 1
    seed: int = 0
    precision: Literal["auto", "bf16", "fp32"] = "auto"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """A run as a whole.

    Attributes:
        folder: Where the checkpoint goes.
        resume: Go on with the run that is in the folder.
        device: ``auto`` takes a GPU where there is one.
        loop: How long the run goes.
        optim: How the weights move.
    """

    folder: Path
    resume: bool
    device: Literal["auto", "cpu", "cuda"]
    loop: LoopOptions
    optim: OptimOptions
