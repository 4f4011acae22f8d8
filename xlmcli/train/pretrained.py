"""What ``--init`` takes: a pretrained XLM, whoever made it.

A folder is a checkpoint of ours or of ``transformers``, a file is a checkpoint of the original code.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from xlmcli.text import Tokenizer, load_tokenizer
from xlmcli.train.checkpoint import CheckpointConfig, load_config, load_language_model
from xlmcli.train.classifier import load_encoder
from xlmcli.train.model import XLMLanguageModel, XLMTransformer
from xlmcli.train.original import is_original, read_original
from xlmcli.train.seq2seq import XLMDecoder


class Pretrained(Protocol):
    """A pretrained XLM. Weights are read when a part is asked for, and are in memory of their own."""

    @property
    def config(self) -> CheckpointConfig:
        """Languages and sizes."""

    def language_model(self) -> XLMLanguageModel:
        """The encoder with its output layer."""

    def encoder(self) -> XLMTransformer:
        """The encoder alone."""

    def decoder(self) -> XLMLanguageModel | XLMDecoder:
        """What a decoder starts from: one with attention to an encoder, where the checkpoint has it."""

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that it was trained with."""


@dataclass(frozen=True, slots=True)
class _Folder:
    path: Path
    config: CheckpointConfig

    def language_model(self) -> XLMLanguageModel:
        return load_language_model(self.path)[0]

    def encoder(self) -> XLMTransformer:
        return load_encoder(self.path)[0]

    def decoder(self) -> XLMLanguageModel:
        return self.language_model()

    def tokenizer(self) -> Tokenizer:
        return load_tokenizer(self.path)


def open_pretrained(path: Path) -> Pretrained:
    """Opens what ``--init`` names.

    Raises:
        ModelError: It is no XLM, or a damaged one.
    """
    return read_original(path) if is_original(path) else _Folder(path, load_config(path))
