"""Options of pretraining."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xlmcli.train.core.options import DataOptions, RunOptions, SizeOptions
from xlmcli.train.data.masking import MaskingOptions


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
