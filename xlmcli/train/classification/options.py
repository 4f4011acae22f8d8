"""Options of training a classifier."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xlmcli.bundle.manifest import Pooling
from xlmcli.sources import Source
from xlmcli.train.classification.files import Columns
from xlmcli.train.core.options import RunOptions, SizeOptions


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
