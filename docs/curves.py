"""Draws docs/few-pairs.svg: the tables of few pairs in docs/results.md as curves, BLEU against sentence pairs.

python -m docs.curves
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from docs.blocks import REPOSITORY
from xlmcli.figures import new_figure, save_figure

PAGE = REPOSITORY / "docs" / "results.md"
PICTURE = REPOSITORY / "docs" / "few-pairs.svg"

_TABLE = re.compile(r"^\| (\w+-\w+), BLEU / chrF2 of .*\n(?:\|.*\n)+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Curves:
    """A table of scores.

    Attributes:
        direction: What is translated, as ``en-it``.
        pairs: How many pairs each column is of.
        bleu: What a row is of to its BLEU, one for each column; not a number where there is none.
    """

    direction: str
    pairs: list[int]
    bleu: dict[str, list[float]]


def read_curves(page: str) -> list[Curves]:
    """Returns the tables of a page whose head is ``| DIRECTION, BLEU / chrF2 of | PAIRS | ... |``."""
    curves = []
    for table in _TABLE.finditer(page):
        head, _, *rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table.group().splitlines())
        bleu = {row[0].replace("`", ""): [_bleu(cell) for cell in row[1:]] for row in rows}
        curves.append(Curves(table.group(1), [int(cell.replace(",", "")) for cell in head[1:]], bleu))
    return curves


def _bleu(cell: str) -> float:
    """The first of a cell's scores; not a number where nothing was measured, which no curve goes through."""
    return float(cell.split(" / ")[0]) if cell else math.nan


def draw(tables: list[Curves], path: Path) -> None:
    """Draws one plot for each table, beside each other."""
    figure = new_figure(5 * len(tables), 4.5)
    plots = figure.subplots(1, len(tables), sharey=True)
    for plot, table in zip(plots, tables, strict=True):
        for name, bleu in table.bleu.items():
            plot.plot(table.pairs, bleu, marker="o", label=name)
        plot.set_xscale("log")
        plot.set_xticks(table.pairs, [f"{pairs:,}" for pairs in table.pairs])
        plot.minorticks_off()
        plot.set(title=table.direction, xlabel="sentence pairs")
        plot.grid(alpha=0.3)
    plots[0].set_ylabel("BLEU")
    plots[0].set_ylim(bottom=0)
    figure.legend(*plots[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    save_figure(figure, path)


if __name__ == "__main__":
    draw(read_curves(PAGE.read_text(encoding="utf-8")), PICTURE)
