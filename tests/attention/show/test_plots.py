from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from xlmcli.attention.maps import AttentionMap
from xlmcli.attention.show.plots import draw_head, draw_heads, plot_attention

MakeMap = Callable[..., AttentionMap]


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".SVG", b"<?xml"), (".pdf", b"%PDF")])
@pytest.mark.parametrize("num_heads", [1, 3])
def test_a_picture_is_written_as_its_suffix_says(
    make_map: MakeMap, tmp_path: Path, suffix: str, start: bytes, num_heads: int
) -> None:
    path = tmp_path / f"plot{suffix}"
    plot_attention(make_map(num_heads=num_heads), path)
    assert path.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [path]


def test_one_head_has_its_words(make_map: MakeMap) -> None:
    attention = make_map(num_heads=2).mean()
    axes, _ = draw_head(attention).axes
    assert tuple(label.get_text() for label in axes.get_xticklabels()) == attention.keys
    assert tuple(label.get_text() for label in axes.get_yticklabels()) == attention.queries
    assert axes.get_xlabel() == "layer 1, mean of its heads"
    np.testing.assert_array_equal(axes.images[0].get_array(), attention.weights[0, 0])


def test_heads_are_tiles_of_one_image(make_map: MakeMap) -> None:
    attention = make_map(num_layers=2, num_heads=3)
    axes, _ = draw_heads(attention).axes
    image = np.ma.filled(axes.images[0].get_array(), np.nan)
    num_queries, num_keys = len(attention.queries), len(attention.keys)
    for layer, name in enumerate(["layer 1", "layer 2"]):
        for head in range(3):
            # The tile around the place that has the names of both.
            row, column = axes.get_yticks()[layer], axes.get_xticks()[head]
            top, left = row - (num_queries - 1) / 2, column - (num_keys - 1) / 2
            assert top.is_integer()
            assert left.is_integer()
            tile = image[int(top) :, int(left) :][:num_queries, :num_keys]
            np.testing.assert_array_equal(tile, attention.weights[layer, head])
        assert axes.get_yticklabels()[layer].get_text() == name
    assert np.isnan(image).sum() == image.size - attention.weights.size


def test_hostile_words_only_show(make_map: MakeMap, tmp_path: Path) -> None:
    words = [
        r"$\frac{1}{$",
        "<script>alert(1)</script>",
        "\x1b[2J\0",
        "\u202eabc",
        "我",
        "x" * 10_000,
        "\ue000",
        "e\u0301",
    ]
    attention = make_map(words, words)
    plot_attention(attention, tmp_path / "plot.svg")
    assert "<script" not in (tmp_path / "plot.svg").read_text(encoding="utf-8")
    labels = [label.get_text() for label in draw_head(attention).axes[0].get_xticklabels()]
    assert labels[0] == r"$\frac{1}{$"
    assert labels[2:4] == [r"\x1b[2J\x00", r"\u202eabc"]
    assert max(map(len, labels)) == 16
