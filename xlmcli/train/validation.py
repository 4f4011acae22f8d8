"""Scores of a model on held-out text: perplexity and accuracy per language, BLEU of decoded text per direction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from xlmcli.records import Direction
from xlmcli.text import Tokenizer
from xlmcli.text.special import EOS_ID
from xlmcli.train.model import XLMLanguageModel
from xlmcli.train.objectives import LanguageModelObjective, Stream
from xlmcli.train.sampling import Position
from xlmcli.train.seq2seq import Seq2Seq, pad
from xlmcli.train.translation import pair_loss

_VALIDATION_SEED = 20190122  # masks are the same at every validation
_LINES_PER_BATCH = 128


@dataclass(frozen=True, slots=True)
class Scores:
    """The result of a validation.

    Attributes:
        values: Named figures, such as ``en mlm ppl`` or ``en-fr bleu``.
        rank: What decides which model is best: the first figure that differs, higher is better.
        warnings: What looks wrong.
    """

    values: dict[str, float]
    rank: tuple[float, ...]
    warnings: tuple[str, ...] = ()


class Validator(Protocol):
    """Scores the model that it was made with."""

    def __call__(self) -> Scores: ...


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A held-out stream and the objective that it is scored by."""

    objective: LanguageModelObjective
    stream: Stream


class LanguageModelValidator:
    """Perplexity and accuracy of each language and objective; the best model has the lowest mean log-perplexity."""

    def __init__(self, model: XLMLanguageModel, held_out: Sequence[HeldOut], device: torch.device) -> None:
        self._model, self._held_out, self._device = model, held_out, device

    @torch.no_grad()
    def __call__(self) -> Scores:
        values: dict[str, float] = {}
        losses = []
        for part in self._held_out:
            loss, accuracy = self._score(part)
            name = f"{part.stream.name} {part.objective.name}"
            values[f"{name} ppl"] = math.exp(loss)
            values[f"{name} acc"] = 100 * accuracy
            losses.append(loss)
        return Scores(values, (-sum(losses) / len(losses),))

    def _score(self, part: HeldOut) -> tuple[float, float]:
        """Mean loss in nats and share of right words, over all words to predict."""
        # From the start each time, so that all validations see the same text with the same masks.
        part.stream.sampler.position = Position()
        rng = np.random.default_rng(_VALIDATION_SEED)
        total_loss, num_right, num_words = 0.0, 0, 0
        for _ in range(part.stream.sampler.epoch_batches()):
            predictions = part.objective.draw_from(part.stream, rng).predict(self._model, self._device)
            count = len(predictions.targets)
            total_loss += float(predictions.loss().mean) * count
            num_right += int((predictions.logits.argmax(-1) == predictions.targets).sum())
            num_words += count
        return total_loss / num_words, num_right / num_words


@dataclass(frozen=True, slots=True)
class ParallelText:
    """Held-out pairs of one direction: the text as it is, and the ids of both sides without ``</s>``."""

    direction: Direction
    langs: tuple[int, int]
    references: list[str]
    src: list[list[int]]
    tgt: list[list[int]]


class TranslationValidator:
    """BLEU of greedy output and perplexity of each direction; the best model has the highest mean BLEU."""

    def __init__(
        self, model: Seq2Seq, held_out: Sequence[ParallelText], tokenizer: Tokenizer, device: torch.device
    ) -> None:
        self._model, self._held_out, self._tokenizer, self._device = model, held_out, tokenizer, device

    @torch.no_grad()
    def __call__(self) -> Scores:
        from xlmcli.metrics.translation.scorer import corpus_bleu

        values: dict[str, float] = {}
        scores, losses = [], []
        for text in self._held_out:
            hypotheses = translate(self._model, text.src, text.langs, self._tokenizer, self._device)
            bleu = corpus_bleu(hypotheses, [text.references])
            values[f"{text.direction} bleu"] = bleu
            loss = self._loss(text)
            values[f"{text.direction} ppl"] = math.exp(loss)
            scores.append(bleu)
            losses.append(loss)
        # Perplexity decides between models whose output is not worth any BLEU yet.
        return Scores(values, (sum(scores) / len(scores), -sum(losses) / len(losses)))

    def _loss(self, text: ParallelText) -> float:
        total, num_words = 0.0, 0
        for start in range(0, len(text.src), _LINES_PER_BATCH):
            chunk = slice(start, start + _LINES_PER_BATCH)
            loss = pair_loss(self._model, text.src[chunk], text.tgt[chunk], text.langs, 0.0, self._device)
            words = sum(len(ids) + 1 for ids in text.tgt[chunk])
            total += float(loss.mean) * words
            num_words += words
        return total / num_words


def translate(
    model: Seq2Seq, src: list[list[int]], langs: tuple[int, int], tokenizer: Tokenizer, device: torch.device
) -> list[str]:
    """Greedy translations as text, in the order of ``src`` (ids without ``</s>``)."""
    order = sorted(range(len(src)), key=lambda i: len(src[i]))
    outputs: list[list[int]] = [[] for _ in src]
    for start in range(0, len(order), _LINES_PER_BATCH):
        rows = order[start : start + _LINES_PER_BATCH]
        ids, lens = pad([[EOS_ID, *src[i], EOS_ID] for i in rows], device)
        max_len = int(1.5 * int(lens.max()) + 10)
        for i, words in zip(rows, model.greedy(ids, lens, *langs, max_len), strict=True):
            outputs[i] = words
    return tokenizer.decode_batch(outputs)
