"""An XLM encoder or classifier as transformers runs it, to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

if TYPE_CHECKING:
    from xlmcli.convert.xlm.encoder import EncoderCheckpoint


class XLMReference:
    """The model of transformers."""

    def __init__(self, checkpoint: EncoderCheckpoint) -> None:
        from transformers import XLMForSequenceClassification, XLMModel

        config = checkpoint.published
        self._encoder: nn.Module
        self._head: nn.Module | None = None
        if checkpoint.config.classifier is not None:
            classifier = XLMForSequenceClassification(config)
            self._encoder, self._head = classifier.transformer, classifier.sequence_summary
            prefix = "sequence_summary."
            head = {name.removeprefix(prefix): w for name, w in checkpoint.state.items() if name.startswith(prefix)}
            self._head.load_state_dict(head)
        else:
            self._encoder = XLMModel(config)
        # And not `eval`, which transformers leaves without annotations.
        for part in (self._encoder, self._head):
            if part is not None:
                part.train(False)
        own = self._encoder.state_dict()
        self._encoder.load_state_dict({name: weight for name, weight in checkpoint.state.items() if name in own})
        tokens, vocab = checkpoint.tokens, checkpoint.tokenizer.vocab
        self._bos, self._eos = vocab.index(tokens.bos), vocab.index(tokens.eos)

    @torch.no_grad()
    def __call__(
        self, batch: Sequence[Sequence[int]], lang: int | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Returns states, (batch, length, dim), and logits, (batch, labels), of texts that are all of one length."""
        ids = torch.tensor([[self._bos, *text, self._eos] for text in batch])
        # Without a mask, so that a padding id inside a text, if there were one, counts for both models.
        lens = torch.full((len(batch),), ids.shape[1])
        langs = None if lang is None else torch.full_like(ids, lang)
        states = self._encoder(ids, lengths=lens, langs=langs).last_hidden_state
        logits = None if self._head is None else self._head(states).numpy()
        return states.numpy(), logits
