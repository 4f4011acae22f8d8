"""Pieces and words as labels: harmless, on one line, and not without end."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from xlmcli.facts import visible

_MAX_CHARS_PER_CELL = 4  # Any number of marks could stand in no space at all.


def spell(text: str) -> str:
    r"""Returns a text that says nothing to what shows it; of a tab, ``\t``."""
    return visible(text).replace("\t", r"\t")


def shorten(text: str, max_width: int, *, end: str = "…") -> str:
    """Returns a harmless text that takes so many cells of a terminal at most.

    Args:
        text: What a stranger wrote.
        max_width: At least 1.
        end: What stands where something was left out; one cell.
    """
    start = text[: max_width * _MAX_CHARS_PER_CELL]
    spelt = spell(start)
    if start == text and cell_len(spelt) <= max_width:
        return spelt
    return set_cell_size(spelt, max_width - 1).rstrip(" ") + end


def pad(label: str, width: int) -> str:
    """Returns a label with spaces in front, so that it takes as many cells as it should."""
    return " " * (width - cell_len(label)) + label
