"""What a validation gives, whatever is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


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
