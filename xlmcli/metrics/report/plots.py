"""Pictures of reports."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlmcli.errors import UsageError
from xlmcli.figures import PICTURE_SUFFIXES, find_fonts, new_figure, save_figure
from xlmcli.metrics.report.reports import Report, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_PANELS_IN_A_ROW = 4
_PANEL_INCHES = 3.2
_INCHES_PER_SYSTEM = 0.4
_INCHES_PER_LABEL = 0.6
_MAX_INCHES = 40.0
_POINTS_PER_INCH = 16
_MOST_LABELS_WITH_NUMBERS = 50


def check_plot_path(path: Path) -> None:
    """Raises a UsageError if a file's suffix names no kind of picture."""
    if path.suffix.lower() not in PICTURE_SUFFIXES:
        raise UsageError(
            f"--plot {path}: cannot tell the kind of picture", hint=f"end it with {', '.join(PICTURE_SUFFIXES)}"
        )


def plot_report(report: Report, path: Path) -> None:
    """Draws the confusion matrix if there is just one, else the systems with their intervals.

    Raises:
        UsageError: The suffix names no kind of picture.
        DataError: The file cannot be written.
    """
    check_plot_path(path)
    confusions = [table for table in report.tables if table.name == "confusion"]
    save_figure(draw_confusion(confusions[0]) if len(confusions) == 1 else draw_systems(report), path)


def draw_systems(report: Report) -> Figure:
    """Draws a panel for each metric: a point for each system, its interval as a bar; the best is filled."""
    num_columns = min(len(report.metrics), _MAX_PANELS_IN_A_ROW)
    num_rows = math.ceil(len(report.metrics) / num_columns)
    height = _INCHES_PER_SYSTEM * len(report.systems) + 1.0
    figure = new_figure(_PANEL_INCHES * num_columns + 1.5, height * num_rows)
    panels = figure.subplots(num_rows, num_columns, sharey=True, squeeze=False).flatten()
    for column, axes in enumerate(panels):
        if column < len(report.metrics):
            _draw_metric(axes, report, column)
        else:
            axes.set_visible(False)
    names = [system.name for system in report.systems]
    panels[0].set_yticks(range(len(names)), names, fontfamily=find_fonts("".join(names)), parse_math=False)
    panels[0].invert_yaxis()
    return figure


def draw_confusion(table: Table) -> Figure:
    """Draws a confusion matrix: rows are gold, columns are predicted, darker is more.

    Of few labels each cell has its number, too.
    """
    labels = table.columns[1:]
    counts = [[float(value or 0) for value in row[1:]] for row in table.rows]
    inches = min(_INCHES_PER_LABEL, _MAX_INCHES / len(labels))
    size = inches * len(labels) + 2
    figure = new_figure(size, size)
    axes = figure.subplots()
    largest, points = max(map(max, counts)), _POINTS_PER_INCH * inches
    # A dollar starts no formula.
    words: dict[str, Any] = {"fontfamily": find_fonts("".join(labels)), "fontsize": points, "parse_math": False}
    axes.imshow(counts, cmap="Blues", vmin=0, vmax=largest or 1)
    for row, values in enumerate(counts if len(labels) <= _MOST_LABELS_WITH_NUMBERS else []):
        for column, value in enumerate(values):
            color = "white" if value > largest / 2 else "black"
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=color, fontsize=points)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right", **words)
    axes.set_yticks(range(len(labels)), labels, **words)
    axes.set_xlabel("predicted")
    axes.set_ylabel("gold")
    name = table.system or ""
    axes.set_title(name, fontfamily=find_fonts(name), parse_math=False)
    return figure


def _draw_metric(axes: Axes, report: Report, column: int) -> None:
    metric, best = report.metrics[column], report.best(column)
    for row, system in enumerate(report.systems):
        score = system.scores[column]
        # Filled is best: not told by colour alone.
        is_filled = row in best and len(report.systems) > 1
        if score.interval is not None:
            axes.plot([score.interval.low, score.interval.high], [row, row], color="0.4", linewidth=1.5)
        axes.plot([score.value], [row], "o", color="0.1", markerfacecolor="0.1" if is_filled else "white")
    axes.set_title(metric.name if metric.higher_is_better else f"{metric.name} (less is better)")
    axes.set_ylim(-0.5, len(report.systems) - 0.5)
    axes.margins(x=0.15)
    axes.grid(axis="x", color="0.9")
