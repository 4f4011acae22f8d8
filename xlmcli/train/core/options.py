"""What the training commands share: where text is, how large a model is, where the result goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xlmcli.bundle.manifest import Pooling
from xlmcli.records import Direction
from xlmcli.sources import Source
from xlmcli.train.classification.files import Columns
from xlmcli.train.core.optim import OptimOptions
from xlmcli.train.data.corpus import TextOptions
from xlmcli.train.data.masking import MaskingOptions, NoiseOptions


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
    """

    mono: tuple[Source, ...]
    parallel: tuple[Source, ...]
    valid: tuple[Source, ...]
    text: TextOptions
    batch_tokens: int
    alpha: float


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


@dataclass(frozen=True, slots=True)
class PretrainOptions:
    """`xlm pretrain`.

    Attributes:
        tokenizer: A folder with a tokenizer; None takes that of ``init``, or learns one from the training text.
        init: A pretrained XLM to go on with, or None for random weights.
        vocab_size: Size of the vocabulary to learn.
        lowercase: Whether that vocabulary folds case.
        tells_languages: Whether a new model has language embeddings.
        embeddings: What the words of a new model start as: random, or near the words that they share texts with.
        objectives: Of ``mlm``, ``tlm``, ``clm``; they take turns.
        block_len: Longest sequence of running text for MLM and CLM, both ``</s>`` included; longer lines are cut.
        masking: Shares of masking.
        data: Text.
        size: Sizes of the model where none is given.
        run: The run.
    """

    tokenizer: Path | None
    init: Path | None
    vocab_size: int
    lowercase: bool
    tells_languages: bool
    embeddings: Literal["random", "cooccurrence"]
    objectives: tuple[str, ...]
    block_len: int
    masking: MaskingOptions
    data: DataOptions
    size: SizeOptions
    run: RunOptions


@dataclass(frozen=True, slots=True)
class TranslateTrainingOptions:
    """`xlm train translate`.

    Attributes:
        tokenizer: A folder with a tokenizer; None takes that of the pretrained encoder.
        init_encoder: A pretrained XLM, or None for random weights.
        init_decoder: A pretrained XLM, or None for random weights.
        decoder_layers: Depth of the decoder; None is that of the model to start from.
        directions: What to translate, such as ``en-fr``; empty takes both directions of all parallel text.
        objectives: Of ``mt``, ``ae``, ``bt``; they take turns.
        label_smoothing: Share of the target's mass, 0-1.
        noise: Noise of ``ae``.
        data: Text.
        size: Sizes of the model where no encoder is given.
        run: The run.
    """

    tokenizer: Path | None
    init_encoder: Path | None
    init_decoder: Path | None
    decoder_layers: int | None
    directions: tuple[Direction, ...]
    objectives: tuple[str, ...]
    label_smoothing: float
    noise: NoiseOptions
    data: DataOptions
    size: SizeOptions
    run: RunOptions


@dataclass(frozen=True, slots=True)
class ClassifyTrainingOptions:
    """`xlm train classify`.

    Attributes:
        tokenizer: A folder with a tokenizer; None takes that of the model to start from.
        init: A pretrained XLM or a classifier, or None for random weights.
        train: Labelled text to learn from.
        valid: Labelled text to check on, in any language that the model knows.
        select: Languages of ``valid`` whose mean macro-F1 decides which model is best; empty takes the first one's.
        columns: Where rows have label and text.
        pooling: What stands for a text; None takes what the classifier to start from has, otherwise its first state.
        is_balanced: Whether rare labels count as much as frequent ones.
        word_blank: Share of words that are masked while learning.
        max_len: Tokens that are kept of a text, or of both of a pair; None keeps what the model's positions allow.
        batch_size: Texts in a batch, per process.
        alpha: Exponent of language sampling, p ∝ n^alpha.
        max_epochs: Times that the text is gone through; None is no limit.
        num_seeds: Runs with seeds one after another; the best is kept.
        size: Sizes of the model where none is given.
        run: The run, of each seed.
    """

    tokenizer: Path | None
    init: Path | None
    train: tuple[Source, ...]
    valid: tuple[Source, ...]
    select: tuple[str, ...]
    columns: Columns
    pooling: Pooling | None
    is_balanced: bool
    word_blank: float
    max_len: int | None
    batch_size: int
    alpha: float
    max_epochs: float | None
    num_seeds: int
    size: SizeOptions
    run: RunOptions
