"""Pictures of attention."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlmcli.attention.maps import AttentionMap
from xlmcli.attention.show.labels import shorten
from xlmcli.figures import find_fonts, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLORS = "Blues"
_MAX_LABEL_WIDTH = 16
_INCHES_PER_WORD = 0.3
_INCHES_AROUND = 1.5
_MAX_INCHES = 40.0
_POINTS_PER_INCH = 36
_INCHES_PER_HEAD = 1.0


def plot_attention(attention: AttentionMap, path: Path) -> None:
    """Draws attention into a file, as its suffix says.

    Raises:
        DataError: The file cannot be written.
    """
    save_figure(draw_head(attention) if attention.is_single else draw_heads(attention), path)


def draw_head(attention: AttentionMap) -> Figure:
    """Draws the only head with its words: rows look at columns, darker is more."""
    queries = [shorten(word, _MAX_LABEL_WIDTH) for word in attention.queries]
    keys = [shorten(word, _MAX_LABEL_WIDTH) for word in attention.keys]
    inches = min(_INCHES_PER_WORD, _MAX_INCHES / max(len(queries), len(keys)))
    figure = new_figure(inches * len(keys) + 2 * _INCHES_AROUND, inches * len(queries) + _INCHES_AROUND)
    axes = figure.subplots()
    figure.colorbar(axes.imshow(attention.weights[0, 0], cmap=_COLORS, vmin=0))
    # A dollar starts no formula.
    fonts, points = find_fonts("".join(queries + keys)), _POINTS_PER_INCH * inches
    axes.set_yticks(range(len(queries)), queries, fontfamily=fonts, fontsize=points, parse_math=False)
    axes.set_xticks(range(len(keys)), keys, fontfamily=fonts, fontsize=points, parse_math=False)
    axes.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False)
    for label in axes.get_xticklabels():
        label.set(rotation=60, ha="left", va="baseline", rotation_mode="anchor")
    axes.set_xlabel(attention.title(0, 0))
    return figure


def draw_heads(attention: AttentionMap) -> Figure:
    """Draws all heads as tiles of one image, a row of them for each layer."""
    num_layers, num_heads, num_queries, num_keys = attention.weights.shape
    gap_rows, gap_columns = 1 + num_queries // 10, 1 + num_keys // 10
    gaps = ((0, 0), (0, 0), (0, gap_rows), (0, gap_columns))
    tiles = np.pad(attention.weights, gaps, constant_values=np.nan).swapaxes(1, 2)
    height, width = num_queries + gap_rows, num_keys + gap_columns
    image = tiles.reshape(num_layers * height, num_heads * width)[:-gap_rows, :-gap_columns]
    figure = new_figure(_INCHES_PER_HEAD * num_heads + _INCHES_AROUND, _INCHES_PER_HEAD * num_layers + 0.5)
    axes = figure.subplots()
    figure.colorbar(axes.imshow(image, cmap=_COLORS, vmin=0, aspect=num_keys / num_queries))
    axes.set_yticks(
        (np.arange(num_layers) + 0.5) * height - gap_rows / 2 - 0.5, [f"layer {number}" for number in attention.layers]
    )
    axes.set_xticks(
        (np.arange(num_heads) + 0.5) * width - gap_columns / 2 - 0.5, [f"head {name}" for name in attention.head_names]
    )
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure
