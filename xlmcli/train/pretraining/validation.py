"""Scores of a language model on held-out text: perplexity and accuracy per language and objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from xlmcli.model.transformer import XLMLanguageModel
from xlmcli.train.core.differences import describe_lines
from xlmcli.train.core.objective import Stream
from xlmcli.train.core.validation import Scores, perplexity
from xlmcli.train.data.sampling import Position
from xlmcli.train.pretraining.objectives import LanguageModelObjective

_VALIDATION_SEED = 20190122  # masks are the same at every validation


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A held-out stream and the objective that it is scored by."""

    objective: LanguageModelObjective
    stream: Stream

    @property
    def name(self) -> str:
        """``en mlm``."""
        return f"{self.stream.name} {self.objective.name}"


class LanguageModelValidator:
    """Perplexity and accuracy of each language and objective; the best model has the lowest mean log-perplexity."""

    def __init__(self, model: XLMLanguageModel, held_out: Sequence[HeldOut], device: torch.device) -> None:
        self._model, self._held_out, self._device = model, held_out, device

    @property
    def text(self) -> Mapping[str, str]:
        described: dict[str, str] = {}
        for part in self._held_out:
            described |= describe_lines(f"held-out text in {part.name}", part.stream.size, part.stream.beginning)
        return described

    @torch.no_grad()
    def __call__(self) -> Scores:
        values: dict[str, float] = {}
        losses = []
        for part in self._held_out:
            loss, accuracy = self._score(part)
            values[f"{part.name} ppl"] = perplexity(loss)
            values[f"{part.name} acc"] = 100 * accuracy
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
