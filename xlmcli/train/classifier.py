"""Texts to labels: an XLM encoder and a linear layer on a vector of the text, named as in ``transformers``."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME
from xlmcli.errors import ModelError
from xlmcli.train.checkpoint import CheckpointConfig, fill_weights, load_config, load_weights, read_weights
from xlmcli.train.classifier_config import ClassifierConfig, Pooling
from xlmcli.train.model import Tokens, XLMShape, XLMTransformer

_ENCODER_PREFIX = "transformer."


class SequenceSummary(nn.Module):
    """The head: a text's vector, and the linear layer to its labels."""

    def __init__(self, shape: XLMShape, config: ClassifierConfig) -> None:
        super().__init__()
        self.pooling, self.activation, self.dropout = config.pooling, config.activation, shape.dropout
        self.summary = nn.Linear(shape.dim, len(config.labels))

    def forward(self, states: Tensor, mask: Tensor | None) -> Tensor:
        """Scores every label.

        Args:
            states: (batch, length, dim), zero at padding.
            mask: True at real tokens, bool (batch, length); None when nothing is padded.

        Returns:
            Logits, float32 (batch, labels).
        """
        vectors = F.dropout(pool(states, mask, self.pooling), self.dropout, self.training)
        logits = cast(Tensor, self.summary(vectors)).float()
        return logits.tanh() if self.activation == "tanh" else logits


class Classifier(nn.Module):
    """An encoder and its head."""

    def __init__(self, shape: XLMShape, config: ClassifierConfig) -> None:
        super().__init__()
        self.transformer = XLMTransformer(shape)
        self.sequence_summary = SequenceSummary(shape, config)

    def forward(self, tokens: Tokens) -> Tensor:
        """Scores every label of every text: logits, float32 (batch, labels)."""
        return cast(Tensor, self.sequence_summary(self.transformer(tokens), tokens.mask))


def pool(states: Tensor, mask: Tensor | None, pooling: Pooling) -> Tensor:
    """One vector a text, (batch, dim), of its states (batch, length, dim), which are zero at padding."""
    if pooling == "first":
        return states[:, 0]
    if mask is None:
        return states.mean(dim=1) if pooling == "mean" else states[:, -1]
    lens = mask.sum(dim=1)
    if pooling == "mean":
        return states.sum(dim=1) / lens[:, None]
    return states[torch.arange(len(states), device=states.device), lens - 1]


def load_classifier(folder: Path) -> tuple[Classifier, CheckpointConfig]:
    """Opens a classifier of ours, or of ``transformers.XLMForSequenceClassification``.

    Raises:
        ModelError: The folder is no such checkpoint, or weights are missing, unexpected or of another size.
    """
    config = load_config(folder)
    if config.classifier is None:
        raise ModelError(f"{folder}: not a classifier", hint="train one: xlm train classify --init …")
    model = Classifier(config.shape, config.classifier)
    load_weights(model, folder / CHECKPOINT_WEIGHTS_NAME)
    return model, config


def load_encoder(folder: Path) -> tuple[XLMTransformer, CheckpointConfig]:
    """Opens the encoder alone: of a pretrained XLM, of a classifier, or of ``transformers.XLMModel``.

    Raises:
        ModelError: The folder is no such checkpoint, or weights are missing, unexpected or of another size.
    """
    config = load_config(folder)
    if config.decoder_layers is not None:
        raise ModelError(f"{folder}: an encoder-decoder, where an encoder is needed")
    path = folder / CHECKPOINT_WEIGHTS_NAME
    state = read_weights(path)
    if any(name.startswith(_ENCODER_PREFIX) for name in state):
        parts = {name: weight for name, weight in state.items() if name.startswith(_ENCODER_PREFIX)}
        state = {name.removeprefix(_ENCODER_PREFIX): weight for name, weight in parts.items()}
    encoder = XLMTransformer(config.shape)
    fill_weights(encoder, state, path)
    return encoder, config
