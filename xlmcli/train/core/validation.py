"""What a validation gives, whatever is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

_MAX_NATS = 700.0  # Of more there is no float.


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


def perplexity(loss: float) -> float:
    """e to the power of a loss in nats, or the largest that there is of a model that has diverged."""
    return math.exp(min(loss, _MAX_NATS))


class Validator(Protocol):
    """Scores the model that it was made with."""

    @property
    def text(self) -> Mapping[str, str]:
        """What tells the held-out text from other, by names that messages use."""

    def __call__(self) -> Scores: ...
