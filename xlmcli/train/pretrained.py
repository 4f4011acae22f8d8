"""What ``--init`` takes: a pretrained XLM, whoever made it.

A folder is a checkpoint of ours or of ``transformers``, a file is a checkpoint of the original code.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from xlmcli.errors import ModelError
from xlmcli.text import Tokenizer, load_tokenizer
from xlmcli.train.checkpoint import CheckpointConfig, fill_weights
from xlmcli.train.classifier import Classifier
from xlmcli.train.huggingface import read_published_config, read_published_weights
from xlmcli.train.model import XLMLanguageModel, XLMTransformer
from xlmcli.train.original import is_original, read_original
from xlmcli.train.seq2seq import XLMDecoder

_ENCODER, _OUTPUT = "transformer.", "pred_layer."


class Pretrained(Protocol):
    """A pretrained XLM. Weights are read when a part is asked for, and are in memory of their own."""

    @property
    def config(self) -> CheckpointConfig:
        """Languages and sizes."""

    def language_model(self) -> XLMLanguageModel:
        """The encoder with its output layer."""

    def encoder(self) -> XLMTransformer:
        """The encoder alone."""

    def classifier(self) -> Classifier | None:
        """The encoder with the head of a classifier, where it is one."""

    def decoder(self) -> XLMLanguageModel | XLMDecoder:
        """What a decoder starts from: one with attention to an encoder, where the checkpoint has it."""

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that it was trained with."""


@dataclass(frozen=True, slots=True)
class _Folder:
    path: Path
    config: CheckpointConfig

    def language_model(self) -> XLMLanguageModel:
        """The encoder with its output layer, whose bias is zero where only the encoder was saved."""
        if self.config.decoder_layers is not None:
            raise ModelError(f"{self.path}: an encoder-decoder, where a pretrained XLM is needed")
        if self.config.classifier is not None:
            raise ModelError(f"{self.path}: a classifier, where a pretrained XLM is needed")
        model = XLMLanguageModel(self.config.shape)
        state = self._weights()
        if self.config.shape.tied_output and not any(name.startswith(_OUTPUT) for name in state):
            state[f"{_OUTPUT}proj.bias"] = torch.zeros(self.config.shape.num_words)
        fill_weights(model, state, self.path)
        return model

    def encoder(self) -> XLMTransformer:
        if self.config.decoder_layers is not None:
            raise ModelError(f"{self.path}: an encoder-decoder, where an encoder is needed")
        weights = self._weights()
        state = {name.removeprefix(_ENCODER): weights[name] for name in weights if name.startswith(_ENCODER)}
        encoder = XLMTransformer(self.config.shape)
        fill_weights(encoder, state, self.path)
        return encoder

    def classifier(self) -> Classifier | None:
        if self.config.classifier is None:
            return None
        model = Classifier(self.config.shape, self.config.classifier)
        fill_weights(model, self._weights(), self.path)
        return model

    def decoder(self) -> XLMLanguageModel:
        return self.language_model()

    def tokenizer(self) -> Tokenizer:
        return load_tokenizer(self.path)

    def _weights(self) -> dict[str, Tensor]:
        return read_published_weights(self.path, tied_output=self.config.shape.tied_output)


def open_pretrained(path: Path) -> Pretrained:
    """Opens what ``--init`` names.

    Raises:
        ModelError: It is no XLM, or a damaged one.
    """
    return read_original(path) if is_original(path) else _Folder(path, read_published_config(path))
