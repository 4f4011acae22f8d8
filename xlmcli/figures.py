"""Pictures in files. The only importer of matplotlib (extra ``plot``)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from xlmcli.outputs import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE_SUFFIXES = (".png", ".svg", ".pdf")

_DOTS_PER_INCH = 150
_DATE_KEYS = {"svg": "Date", "pdf": "CreationDate"}


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure of that size in inches."""
    # Not pyplot, which looks for a screen.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a figure as the file's suffix says.

    Raises:
        DataError: The file cannot be written.
    """
    from matplotlib import rc_context

    kind = path.suffix[1:].lower()
    # Without dates, and with ids that are not drawn by chance, the same figure gives the same file.
    metadata = {_DATE_KEYS[kind]: None} if kind in _DATE_KEYS else None
    with atomic_write(path, "wb") as stream, warnings.catch_warnings(), rc_context({"svg.hashsalt": "xlm"}):
        # Of a character that no font has, a box is drawn.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing")
        figure.savefig(stream, format=kind, dpi=_DOTS_PER_INCH, metadata=metadata)


def find_fonts(text: str) -> list[str]:
    """Returns the names of installed fonts that together have the characters of a text, the usual one first."""
    from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

    usual = FontProperties()
    missing = set(map(ord, text)) - get_font(findfont(usual)).get_charmap().keys()
    fonts = [usual.get_name()]
    for font in fontManager.ttflist:
        if not missing:
            break
        # Of every character, this one draws what script it is of.
        if font.name.startswith("Last Resort"):
            continue
        found = missing & get_font(font.fname).get_charmap().keys()
        # A bold face may have what the face that is drawn has not.
        if found and findfont(FontProperties(family=[font.name])) == font.fname:
            fonts.append(font.name)
            missing -= found
    return fonts
