"""Texts to labels: an XLM encoder and a linear layer on a vector of the text, named as in ``transformers``."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xlmcli.bundle.manifest import Pooling
from xlmcli.model.classifier_config import ClassifierConfig
from xlmcli.model.transformer import Tokens, XLMShape, XLMTransformer


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
