"""Comparisons: contenders take turns, and what they took becomes rows of a table, ratios first."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal, TypeVar

Unit = Literal["s", "MB", "tokens/s"]

Cost = TypeVar("Cost")


@dataclass(frozen=True, slots=True)
class Question:
    """What a row answers.

    Attributes:
        name: What was measured.
        reference: What it is compared with.
        unit: Of the figures shown. Costs are seconds or megabytes; a rate is one over a cost in seconds a token.
        bar: Ratio that must be reached; None sets none.
    """

    name: str
    reference: str
    unit: Unit
    bar: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An answer.

    Attributes:
        question: What it answers.
        ratio: The reference's cost over ours, median over the rounds: more is better, 1 is equal.
        ours: Our figure, median.
        theirs: The reference's figure, median.
        our_costs: What each round cost us.
        their_costs: What it cost the reference.
        note: What else a reader should know.
    """

    question: Question
    ratio: float
    ours: float
    theirs: float
    our_costs: tuple[float, ...]
    their_costs: tuple[float, ...]
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the bar is reached; None where there is none."""
        return None if self.question.bar is None else self.ratio >= self.question.bar


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that could not be measured here, and why."""

    name: str
    reason: str


Entry = Row | Skipped


def compare(question: Question, ours: Sequence[float], theirs: Sequence[float], note: str = "") -> Row:
    """Makes a row of the costs of each round, those of a round side by side: a drifting machine cancels out."""
    ratio = median(their / our for our, their in zip(ours, theirs, strict=True))
    figures = [1 / median(costs) if question.unit == "tokens/s" else median(costs) for costs in (ours, theirs)]
    return Row(question, ratio, figures[0], figures[1], tuple(ours), tuple(theirs), note)


def alternate(rounds: int, *contenders: Callable[[], Cost]) -> list[list[Cost]]:
    """Lets contenders take turns, in the opposite order every other round.

    Returns:
        What each contender returned in each round, (contenders, rounds).
    """
    costs: list[list[Cost]] = [[] for _ in contenders]
    turns = list(zip(contenders, costs, strict=True))
    for round_number in range(rounds):
        for contender, taken in turns if round_number % 2 == 0 else reversed(turns):
            taken.append(contender())
    return costs


def format_table(entries: Sequence[Entry]) -> str:
    """Returns the rows as aligned text, ratios first; what was skipped follows with its reason."""
    rows = [entry for entry in entries if isinstance(entry, Row)]
    table = [("ratio", "bar", "", "what", "xlm", "reference", ""), *map(_format_row, rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(_align(cell, widths, index) for index, cell in enumerate(row)).rstrip() for row in table]
    lines += [f"skipped: {entry.name}: {entry.reason}" for entry in entries if isinstance(entry, Skipped)]
    return "\n".join([*lines, *(f"note: {row.question.name}: {row.note}" for row in rows if row.note)])


def describe_processor() -> str:
    """Returns the name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _format_row(row: Row) -> tuple[str, str, str, str, str, str, str]:
    question = row.question
    bar = "" if question.bar is None else f"≥ {question.bar:g}"
    verdict = {None: "", True: "met", False: "MISSED"}[row.is_met]
    ours, theirs = (_format_figure(figure, question.unit) for figure in (row.ours, row.theirs))
    return f"{row.ratio:.2f}", bar, verdict, question.name, ours, theirs, question.reference


def _format_figure(figure: float, unit: Unit) -> str:
    if unit == "s":
        return f"{figure:.3f} s" if figure >= 0.1 else f"{1000 * figure:.1f} ms"
    return f"{figure:,.0f} {unit}"


def _align(cell: str, widths: Sequence[int], column: int) -> str:
    return cell.rjust(widths[column]) if column in (0, 4, 5) else cell.ljust(widths[column])
