"""Reports as rows of text, for formats that people read."""

from __future__ import annotations

from dataclasses import dataclass

from xlmcli.metrics.report.reports import Report, Table, Value
from xlmcli.metrics.sides import count_lines

_TEST_NAMES = {
    "bootstrap": "the paired bootstrap",
    "randomization": "approximate randomization",
    "mcnemar": "McNemar's exact test",
}

# More would not stand side by side.
_MAX_METRIC_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place.

    Attributes:
        text: The figure or the name.
        note: What is said about it in words, may be empty.
        is_best: Whether it is the best of its column.
    """

    text: str
    note: str = ""
    is_best: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table ready to print.

    Attributes:
        title: What it shows.
        columns: Their names.
        rows: As many cells each as there are columns; the first is the row's name.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def score_grid(report: Report) -> Grid:
    """Returns the scores: a row for each system and a column for each metric, or the other way if metrics are many."""
    title = count_lines(report.num_lines)
    systems = [system.name for system in report.systems]
    metrics = [
        metric.name if metric.higher_is_better else f"{metric.name} (less is better)" for metric in report.metrics
    ]
    cells = [[_score_cell(report, row, column) for column in range(len(metrics))] for row in range(len(systems))]
    if len(metrics) <= _MAX_METRIC_COLUMNS:
        rows = [(Cell(name), *scores) for name, scores in zip(systems, cells, strict=True)]
        return Grid(title, ("system", *metrics), tuple(rows))
    rows = [(Cell(name), *scores) for name, scores in zip(metrics, zip(*cells, strict=True), strict=True)]
    return Grid(title, ("metric", *systems), tuple(rows))


def table_grid(table: Table) -> Grid:
    """Returns one of the report's further tables."""
    rows = [tuple(Cell(format_value(value, table.decimals)) for value in row) for row in table.rows]
    # Labels stand as they are; of other names the words can go below each other.
    columns = table.columns if table.name == "confusion" else tuple(name.replace("_", " ") for name in table.columns)
    return Grid(table.title, columns, tuple(rows))


def format_value(value: Value, decimals: int) -> str:
    """Prints a value; nothing for None."""
    if value is None:
        return ""
    return f"{value:.{decimals}f}" if isinstance(value, float) else str(value)


def signature_lines(report: Report) -> list[str]:
    """Returns each metric's name and signature, as ``sacrebleu`` joins them."""
    return [f"{metric.name}|{metric.signature}" for metric in report.metrics if metric.signature is not None]


def interval_note(report: Report) -> str:
    """Explains the figures in parentheses and the words beside them; empty if there are none."""
    scores = [score for system in report.systems for score in system.scores]
    parts = []
    if any(score.interval is not None for score in scores):
        parts.append("in parentheses: mean of the resamples ± half of the 95 % confidence interval")
    if any(score.tests for score in scores):
        tests = list(dict.fromkeys(_TEST_NAMES[test.name] for score in scores for test in score.tests))
        most = "the larger p-value of " if len(tests) > 1 else ""
        parts.append(f"p: {most}{' and '.join(tests)} against the baseline, ties counted, significant below 0.05")
    return "; ".join(parts)


def _score_cell(report: Report, system: int, column: int) -> Cell:
    score, decimals = report.systems[system].scores[column], report.metrics[column].decimals
    text = f"{score.value:.{decimals}f}"
    if score.interval is not None:
        text += f" ({score.interval.mean:.{decimals}f} ± {score.interval.half_width:.{decimals}f})"
    is_best = len(report.systems) > 1 and system in report.best(column)
    return Cell(text, report.verdict(system, column), is_best)
