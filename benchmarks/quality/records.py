"""What was measured, a figure a record, and how a part of the measurements is laid out as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from xlmcli.records import Direction

Field = Literal["direction", "src", "tgt", "test_set", "variant", "metric"]


@dataclass(frozen=True, slots=True)
class Record:
    """One figure.

    Attributes:
        direction: What was translated.
        test_set: What it was measured on.
        metric: For example BLEU.
        value: On the metric's own scale; a count is an ``int``.
        signature: How it was computed, where sacreBLEU says so.
        variant: A part of the test set, or what was done to it; empty for the set as it is.
    """

    direction: Direction
    test_set: str
    metric: str
    value: float
    signature: str | None = None
    variant: str = ""

    @property
    def full_name(self) -> str:
        """The test set and its variant."""
        return f"{self.test_set}, {self.variant}" if self.variant else self.test_set

    def as_json(self) -> dict[str, object]:
        """The record as `xlm convert --scores` reads it."""
        fields = {"direction": str(self.direction), "test_set": self.full_name, "metric": self.metric}
        signature = {} if self.signature is None else {"signature": self.signature}
        return {**fields, "value": round(self.value, 2), **signature}

    def __str__(self) -> str:
        return f"{self.direction} {self.full_name} {self.metric} {round(self.value, 2)}"


@dataclass(frozen=True, slots=True)
class Layout:
    """Which fields of its records name a table's rows, with the heading of each, and which its columns."""

    rows: Mapping[Field, str]
    columns: tuple[Field, ...]


def percentage(num_hits: int, num_all: int) -> float:
    """Returns a share in percent; 0 of nothing."""
    return 100 * num_hits / num_all if num_all else 0.0
