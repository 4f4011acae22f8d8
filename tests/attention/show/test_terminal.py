"""Pictures are compared with files: ``pictures/NAME.txt``."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from xlmcli.attention.maps import AttentionMap
from xlmcli.attention.show.terminal import Canvas, format_entropy_text, format_text, stdout_canvas

MakeMap = Callable[..., AttentionMap]

PICTURES = Path(__file__).with_name("pictures")
STYLE = re.compile(r"\x1b\[[\d;]*m")
LONG = [f"word{number}" for number in range(36)]
CHINESE = ["</s>", "我", "姐姐", "在", "看", "书", "👩\u200d👧", "é", "सलाम", "سلام", "</s>"]

CANVASES = {
    "80": Canvas(80),
    "120": Canvas(120),
    "80_color": Canvas(80, has_color=True),
    "120_color": Canvas(120, has_color=True),
    "80_ascii": Canvas(80, "ascii"),
}


def draw(name: str, make_map: MakeMap, canvas: Canvas) -> str:
    if name == "head":
        return format_text(make_map(num_heads=2).mean(), canvas)
    if name == "long":
        return format_text(make_map(LONG, LONG), canvas)
    if name == "wide":
        return format_text(make_map(CHINESE, CHINESE), canvas)
    attention = make_map(num_layers=2, num_heads=16)
    return format_text(attention, canvas) if name == "heads" else format_entropy_text(attention, canvas)


@pytest.mark.parametrize(
    "name",
    ["head_80", "head_120", "head_80_color", "head_80_ascii", "long_80", "long_120", "wide_80", "wide_80_ascii",
     "heads_80", "heads_120_color", "entropy_80", "entropy_120"],
)  # fmt: skip
def test_pictures_are_as_in_their_files(make_map: MakeMap, name: str) -> None:
    what, _, canvas = name.partition("_")
    shown = draw(what, make_map, CANVASES[canvas])
    assert shown == (PICTURES / f"{name}.txt").read_text(encoding="utf-8")
    assert max(map(cell_len, STYLE.sub("", shown).splitlines())) <= CANVASES[canvas].width


@pytest.mark.parametrize("name", ["head", "long", "heads"])
def test_color_says_nothing_that_shades_do_not_say(make_map: MakeMap, name: str) -> None:
    plain, colored = (draw(name, make_map, Canvas(90, has_color=has_color)) for has_color in (False, True))
    assert colored != plain
    assert STYLE.sub("", colored) == plain


@pytest.mark.parametrize("width", [1, 20, 40, 80])
@pytest.mark.parametrize("words", [CHINESE, LONG], ids=["wide", "long"])
def test_each_shade_stands_below_the_label_of_its_column(words: list[str], width: int) -> None:
    one_each = np.eye(len(words), dtype=np.float32)[None, None]
    attention = AttentionMap(tuple(words), tuple(words), one_each, (1,), (1,))
    lines = format_text(attention, Canvas(width)).splitlines()[2:]
    corners = [cell_len(line[: line.index("╭")]) for line in lines if "╭" in line]
    shades = [cell_len(line[: line.index("█")]) for line in lines if "█" in line]
    assert len(shades) == len(words)
    assert shades == corners


def test_small_matrices_have_a_character_for_each_weight() -> None:
    weights = np.eye(3, dtype=np.float32)[None, [0, 1, 2]][:, :, None].repeat(3, axis=2)
    shown = format_text(AttentionMap(("a", "b", "c"), ("d", "e", "f"), weights, (4,), (5, 6, 7)), Canvas(80))
    assert shown.splitlines()[:2] == ["rows: a b c", "columns: d e f"]
    row = "│█  │  │ █ │  │  █│"
    assert shown.splitlines()[4:] == ["layer 4", "head 5 head 6 head 7", *[row] * 3]


def test_matrices_that_are_too_large_are_drawn_smaller() -> None:
    words = ("a",) * 100
    weights = np.eye(100, dtype=np.float32)[None, None].repeat(2, axis=1)
    lines = format_text(AttentionMap(words, words, weights, (1,), (1, 2)), Canvas(52)).splitlines()
    assert "a character shows the largest weight of 2 by 2" in lines
    rows = [line for line in lines if line.startswith("│")]
    assert rows == 2 * [f"│{'█':>{number}}".ljust(51) + "│" for number in range(1, 51)]


def test_the_legend_says_where_shades_begin() -> None:
    weights = np.array([[[[0.79, 0.08, 0.08, 0.05]]]], dtype=np.float32)
    lines = format_text(AttentionMap(("a",), tuple("bcde"), weights, (1,), (1,)), Canvas(80)).splitlines()
    assert lines[1] == "from ░░ 8 %  ▒▒ 24 %  ▓▓ 40 %  ██ 59 %  to 79 %"
    assert lines[-1] == "a ██░░░░   b 79 %"


@pytest.mark.parametrize(("name", "num_heads"), [("one head", 1), ("all heads", 3)])
def test_hostile_words_only_show(make_map: MakeMap, name: str, num_heads: int) -> None:
    words = ["<script>alert(1)</script>", "\x1b[2J", "\x9b2J", "\u202eabc\u2066", "\0", "a\r\nb\tc", "x" * 10_000]
    words.append("e" + "\u0301" * 10_000)
    lines = format_text(make_map(words, words, num_heads=num_heads), Canvas(80)).split("\n")
    assert max(map(len, lines)) < 400
    assert all(character.isprintable() for line in lines for character in line)
    assert any(r"\x1b[2J" in line for line in lines)
    assert any(r"\u202eabc" in line for line in lines)


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("is_terminal", "settings", "has_color"),
    [
        (True, {"TERM": "xterm-256color"}, True),
        (True, {"TERM": "xterm-256color", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {"TERM": "xterm-256color"}, False),
    ],
)
def test_only_terminals_that_want_it_get_color(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, settings: dict[str, str], has_color: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {**settings, "COLUMNS": "91"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", (Terminal if is_terminal else io.TextIOWrapper)(io.BytesIO(), "latin-1"))
    assert stdout_canvas() == Canvas(91, "latin-1", has_color)
