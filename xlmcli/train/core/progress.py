"""What a run tells about itself, and whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from xlmcli.train.core.validation import Scores
from xlmcli.train.data.corpus import TextData


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """What the display and the log show while training.

    Attributes:
        step: Steps done.
        share: Share of the budget that is spent, 0-1.
        losses: Mean loss of each objective since the last report, nats.
        tokens_per_second: Real tokens read, over all processes.
        lr: Learning rate.
        elapsed_seconds: Time spent so far.
    """

    step: int
    share: float
    losses: dict[str, float]
    tokens_per_second: float
    lr: float
    elapsed_seconds: float


class Reporter(Protocol):
    """Shows or stores what happens."""

    def loaded(self, text: TextData) -> None:
        """Takes training text of one language or pair."""

    def progress(self, progress: TrainingProgress) -> None:
        """Takes how far the run is."""

    def validated(self, step: int, elapsed_seconds: float, scores: Scores, is_best: bool) -> None:
        """Takes the result of a validation."""

    def noted(self, figures: Mapping[str, float]) -> None:
        """Takes figures about a run as a whole, by name."""

    def warned(self, warning: str) -> None:
        """Takes what looks wrong with a run."""
