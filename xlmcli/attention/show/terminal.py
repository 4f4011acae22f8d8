"""Attention in a terminal: shaded matrices and a table of entropies.

Shades are characters, which show on any ground; color says the same once more.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import click
import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from xlmcli.attention.maps import AttentionMap
from xlmcli.attention.show.labels import pad, shorten

_Levels = NDArray[np.intp]

# From these shares of the largest weight on, a weight has the next shade.
_STEPS = np.array([0.1, 0.3, 0.5, 0.75])
# Of the 256 of a terminal; none is too dark for a black ground or too light for a white one.
_COLORS = (None, 33, 134, 162, 196)


class _Marks(NamedTuple):
    """Characters to draw with.

    Attributes:
        shades: One for each level, from nothing to all.
        bar: Leads from a label to its column.
        corner: Where it turns.
        end: Stands where a label is cut.
    """

    shades: str
    bar: str
    corner: str
    end: str


_DRAWN = _Marks(" ░▒▓█", "│", "╭", "…")
_ASCII = _Marks(" .:*#", "|", ",", "~")


@dataclass(frozen=True, slots=True)
class Canvas:
    """What is drawn on.

    Attributes:
        width: In cells.
        encoding: What it can show; where that lacks shades, ASCII is drawn.
        has_color: Whether shades are colored.
    """

    width: int = 80
    encoding: str = "utf-8"
    has_color: bool = False

    @property
    def marks(self) -> _Marks:
        """The characters to draw with."""
        try:
            "".join(_DRAWN).encode(self.encoding)
        except UnicodeEncodeError:
            return _ASCII
        return _DRAWN

    def labels(self, words: Sequence[str]) -> list[str]:
        """Returns words as what can be shown, none wider than a fifth of the whole."""
        shown = [word.encode(self.encoding, "replace").decode(self.encoding) for word in words]
        return [shorten(word, max(4, self.width // 5), end=self.marks.end) for word in shown]

    def draw(self, levels: Sequence[int], cell_width: int) -> str:
        """Returns a row of shades."""
        parts = []
        for level, run in groupby(levels):
            text = self.marks.shades[level] * cell_width * len(list(run))
            color = _COLORS[level] if self.has_color else None
            parts.append(text if color is None else click.style(text, fg=color))
        return "".join(parts)


def stdout_canvas() -> Canvas:
    """Returns what stdout can show: where it is no terminal, 80 cells (or COLUMNS) without color."""
    is_plain = not sys.stdout.isatty() or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Canvas(shutil.get_terminal_size().columns, sys.stdout.encoding, has_color=not is_plain)


def format_text(attention: AttentionMap, canvas: Canvas) -> str:
    """Returns one matrix with its words, or, where there are several, small ones side by side."""
    return _lines(_iter_matrix(attention, canvas) if attention.is_single else _iter_grid(attention, canvas))


def format_entropy_text(attention: AttentionMap, canvas: Canvas) -> str:
    """Returns the entropy of each head, a row a layer, and what it means."""
    return _lines(_iter_entropy(attention, canvas))


def _iter_matrix(attention: AttentionMap, canvas: Canvas) -> Iterator[str]:
    weights = attention.weights[0, 0]
    queries, keys = canvas.labels(attention.queries), canvas.labels(attention.keys)
    label_width, key_width = max(map(cell_len, queries)), max(map(cell_len, keys))
    # What a column stands for is written to the right of it, and of the last column, too.
    num_columns = max(1, (canvas.width - label_width - 2 - key_width - len(" 100 %")) // 2)
    levels = _levels(weights, weights.max())
    yield f"{attention.title(0, 0)}: rows look at columns"
    yield _legend(float(weights.max()), canvas)
    for start in range(0, len(keys), num_columns):
        yield ""
        for number, key in enumerate(keys[start : start + num_columns]):
            yield f"{'':{label_width}} {f'{canvas.marks.bar} ' * number}{canvas.marks.corner} {key}"
        for query, row, row_levels in zip(queries, weights, levels.tolist(), strict=True):
            shaded = canvas.draw(row_levels[start : start + num_columns], cell_width=2)
            yield f"{pad(query, label_width)} {shaded} {keys[row.argmax()]} {_percent(row.max())}"


def _iter_grid(attention: AttentionMap, canvas: Canvas) -> Iterator[str]:
    largest = float(attention.weights.max())
    queries, keys = canvas.labels(attention.queries), canvas.labels(attention.keys)
    yield f"rows: {' '.join(queries)}"
    yield f"columns: {'the same' if attention.keys == attention.queries else ' '.join(keys)}"
    yield _legend(largest, canvas)
    step = math.ceil(len(keys) / max(1, canvas.width - 2))
    if step > 1:
        yield f"a character shows the largest weight of {step} by {step}"
    names = [f"head {name}" for name in attention.head_names]
    for layer, weights in zip(attention.layers, attention.weights, strict=True):
        yield ""
        yield f"layer {layer}"
        levels = _levels(_pooled(weights, step), largest)
        width = max(levels.shape[-1] + 2, *map(len, names)) + 1
        num_panels = max(1, (canvas.width + 1) // width)
        for start in range(0, len(names), num_panels):
            panels = slice(start, start + num_panels)
            yield "".join(f"{name:{width}}" for name in names[panels])
            for row in levels[panels].swapaxes(0, 1).tolist():
                framed = (f"{canvas.marks.bar}{canvas.draw(head, cell_width=1)}{canvas.marks.bar}" for head in row)
                yield (" " * (width - levels.shape[-1] - 2)).join(framed)


def _iter_entropy(attention: AttentionMap, canvas: Canvas) -> Iterator[str]:
    entropy, num_keys = attention.entropy(), len(attention.keys)
    yield f"entropy in bits: 0 looks at one place, {math.log2(num_keys):.2f} at all {num_keys} alike"
    for word, index in (("sharpest", entropy.argmin()), ("broadest", entropy.argmax())):
        place = divmod(int(index), entropy.shape[1])
        yield f"{word}: {attention.title(*place)} ({entropy[place]:.2f})"
    title_width, width = len(f"layer {max(attention.layers)}"), 6
    num_columns = max(1, (canvas.width - title_width) // width)
    for start in range(0, entropy.shape[1], num_columns):
        columns = slice(start, start + num_columns)
        yield ""
        yield f"{'head':{title_width}}{''.join(f'{name:>{width}}' for name in attention.head_names[columns])}"
        for layer, values in zip(attention.layers, entropy[:, columns], strict=True):
            yield f"{f'layer {layer}':{title_width}}{''.join(f'{bits:{width}.2f}' for bits in values)}"


def _levels(weights: NDArray[np.float32], largest: float) -> _Levels:
    return np.searchsorted(_STEPS * largest, weights, side="right")


def _legend(largest: float, canvas: Canvas) -> str:
    starts = [f"{canvas.draw([level], 2)} {_percent(step * largest)}" for level, step in enumerate(_STEPS, start=1)]
    return f"from {'  '.join(starts)}  to {_percent(largest)}"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _pooled(weights: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    for axis in (-2, -1):
        weights = np.maximum.reduceat(weights, range(0, weights.shape[axis], step), axis=axis)
    return weights


def _lines(lines: Iterator[str]) -> str:
    return "".join(f"{line.rstrip(' ')}\n" for line in lines)
