"""The objective of a classifier, and how its batches are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from xlmcli.model.seq2seq import pad, real_mask
from xlmcli.model.transformer import Tokens
from xlmcli.text.special import BOS_ID, EOS_ID, MASK_ID
from xlmcli.train.classification.examples import MixedText
from xlmcli.train.core.objective import Loss, Sampler, Stream


@dataclass(frozen=True, slots=True)
class ClassificationOptions:
    """How a classifier learns.

    Attributes:
        multi_label: Whether each label is a question of its own.
        start_id: What a sequence starts with.
        word_blank: Share of words that are masked while learning, 0-1.
        weights: How much each label counts (with ``multi_label``, its presence against its absence), (labels,); None
            counts all alike.
    """

    multi_label: bool
    start_id: int
    word_blank: float = 0.0
    weights: NDArray[np.float32] | None = None


class ClassificationObjective:
    """Cross-entropy of the labels; a batch mixes the languages, whose labels may be distributed differently."""

    name = "classify"

    def __init__(self, text: MixedText, sampler: Sampler, options: ClassificationOptions) -> None:
        """Takes what it draws from.

        Args:
            text: Texts, labels and languages.
            sampler: Yields rows of them.
            options: How to learn.
        """
        texts = text.text
        self.streams: Sequence[Stream] = [Stream("texts", texts.epoch_size, text.beginning, sampler, texts, ())]
        self.options = options
        self._text = text

    def draw(self, rng: np.random.Generator) -> ClassificationBatch:
        (stream,) = self.streams
        rows = stream.sampler.next()
        (corpus,) = self._text.text.sides
        ids = [blank_words(words, self.options.word_blank, rng) for words in corpus.take(rows).to_sequences()]
        return ClassificationBatch(ids, self._text.lang_ids[rows], self._text.labels[rows], self.options)


@dataclass(frozen=True, slots=True)
class ClassificationBatch:
    """Texts and their labels.

    Attributes:
        ids: The ids of each text, without what a sequence starts and ends with.
        lang_ids: Its language, int64 (batch,).
        labels: The probability of each label, float32 (batch, labels).
        options: How to learn.
    """

    ids: list[list[int]]
    lang_ids: NDArray[np.int64]
    labels: NDArray[np.float32]
    options: ClassificationOptions

    def loss(self, model: nn.Module, device: torch.device) -> Loss:
        logits = model(make_tokens(self.ids, self.lang_ids, self.options.start_id, device))
        wanted = torch.as_tensor(self.labels, device=device)
        return Loss(label_loss(logits, wanted, self.options), sum(map(len, self.ids)) + 2 * len(self.ids))


def blank_words(ids: list[int], share: float, rng: np.random.Generator) -> list[int]:
    """Masks each word with a chance of ``share``; the ``</s>`` between the texts of a pair stays."""
    if share == 0:
        return ids
    chances = rng.random(len(ids))
    return [MASK_ID if chance < share and word != EOS_ID else word for word, chance in zip(ids, chances, strict=True)]


def make_tokens(ids: list[list[int]], lang_ids: NDArray[np.int64], start_id: int, device: torch.device) -> Tokens:
    """A batch as the model reads it: each sequence between ``start_id`` and ``</s>``; languages are int64 (batch,)."""
    padded, lens = pad([[start_id, *words, EOS_ID] for words in ids], device)
    # What starts with <s> was fine-tuned through transformers' tokenizer, which tells the model no language.
    langs = None if start_id == BOS_ID else torch.as_tensor(lang_ids[:, None], device=device)
    return Tokens(padded, real_mask(padded, lens), langs)


def label_loss(logits: Tensor, wanted: Tensor, options: ClassificationOptions) -> Tensor:
    """Mean cross-entropy in nats; each text weighs as much as its labels do.

    Args:
        logits: (batch, labels).
        wanted: The probability of each label, float32 (batch, labels); without ``multi_label``, a row has 1 together.
        options: Weights, and whether labels exclude each other.
    """
    weights = None if options.weights is None else torch.as_tensor(options.weights, device=logits.device)
    if options.multi_label:
        return F.binary_cross_entropy_with_logits(logits, wanted, pos_weight=weights)
    mass = wanted if weights is None else wanted * weights
    return -(mass * logits.log_softmax(dim=1)).sum() / mass.sum()


def balanced_weights(text: MixedText, multi_label: bool) -> NDArray[np.float32]:
    """Weights by which rare labels count as much as frequent ones, as often as their texts are drawn.

    Args:
        text: Texts and labels. A label that next to no text has, or (with ``multi_label``) lacks, counts as one text.
        multi_label: Weighs a label's presence against its absence, instead of labels against each other.
    """
    num_texts, num_labels = text.labels.shape
    draws = text.text.repeats / text.text.repeats.mean()
    present = draws @ text.labels
    counts, absent = np.maximum(present, 1), np.maximum(num_texts - present, 1)
    weights = absent / counts if multi_label else num_texts / (num_labels * counts)
    return cast("NDArray[np.float32]", weights.astype(np.float32))
