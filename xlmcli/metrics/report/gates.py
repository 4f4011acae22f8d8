"""Scores that must be reached, for a build that stops where they are not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from xlmcli.errors import GateError, UsageError
from xlmcli.metrics.report.reports import Report


@dataclass(frozen=True, slots=True)
class Gate:
    """A limit that a score must keep.

    Attributes:
        metric: Index among the report's metrics.
        limit: The worst score that passes.
    """

    metric: int
    limit: float


def parse_gates(text: str, metric_names: Sequence[str]) -> tuple[Gate, ...]:
    """Reads ``bleu=30,chrf=50``.

    Args:
        text: Limits by metric, joined by commas. Case does not matter, ``_`` stands for a space, and ``chrf`` is any
            chrF.
        metric_names: Of the report's metrics.

    Raises:
        UsageError: A metric is not computed, or a limit is not a number.
    """
    return tuple(_parse_gate(part, metric_names) for part in text.split(","))


def check_gates(report: Report, gates: Sequence[Gate]) -> None:
    """Checks every system.

    Raises:
        GateError: Scores fall short; the message names all of them.
    """
    failures = [
        failure for gate in gates for index in range(len(report.systems)) if (failure := _failure(report, index, gate))
    ]
    if failures:
        raise GateError("; ".join(failures))


def _parse_gate(part: str, metric_names: Sequence[str]) -> Gate:
    name, separator, value = part.partition("=")
    try:
        limit = float(value)
    except ValueError:
        limit = math.nan
    if not separator or math.isnan(limit):
        raise UsageError(
            f"--fail-under {part}: expected METRIC=NUMBER", hint="for example --fail-under bleu=30,chrf=50"
        )
    wanted = _key(name)
    for index, metric_name in enumerate(metric_names):
        key = _key(metric_name)
        if wanted == key or (wanted == "chrf" and key.startswith("chrf")):
            return Gate(index, limit)
    raise UsageError(
        f"--fail-under {part}: {name!r} is not computed", hint=f"computed are {', '.join(map(_key, metric_names))}"
    )


def _key(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _failure(report: Report, system: int, gate: Gate) -> str | None:
    metric = report.metrics[gate.metric]
    value = report.systems[system].scores[gate.metric].value
    passes = value >= gate.limit if metric.higher_is_better else value <= gate.limit
    if passes:
        return None
    side = "under" if metric.higher_is_better else "over"
    name = report.systems[system].name
    return f"{name}: {metric.name} {_round_away(value, metric.decimals, gate.limit)} is {side} {gate.limit:g}"


def _round_away(value: float, decimals: int, limit: float) -> str:
    """Prints a score, with as many decimals as it takes to differ from the limit."""
    while float(text := f"{value:.{decimals}f}") == limit and decimals < 10:
        decimals += 1
    return text
