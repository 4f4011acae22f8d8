"""Facts as people read them: a title and rows, sizes in decimal units, nothing that a terminal would act on."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Control characters but for tabs, what ends a line, what turns the direction of writing, bytes of names in no encoding.
_UNSEEN = re.compile("[\x00-\x08\n-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def visible(text: str) -> str:
    r"""Returns what others wrote as one line that says nothing to a terminal: ``\x1b`` and ``\u202e`` are spelt out."""
    return _UNSEEN.sub(_spelt, text)


def _spelt(match: re.Match[str]) -> str:
    # A byte of a file's name that is no UTF-8 is kept by Python as half a surrogate pair.
    is_byte = "\udc80" <= match[0] <= "\udcff"
    return f"\\x{ord(match[0]) - 0xDC00:02x}" if is_byte else match[0].encode("unicode_escape").decode()


def has_controls(text: str) -> bool:
    """Tells whether there are control characters or line ends in a text, which no name of a language or label has."""
    return _CONTROLS.search(text) is not None


def format_document(document: object) -> str:
    """Returns a report as JSON, where what a terminal would act on is spelt out."""
    import json

    lines = json.dumps(document, ensure_ascii=False, indent=2).split("\n")
    return "\n".join(_UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", line) for line in lines)


def format_rows(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """Returns the title, then a line a row that has a value; further lines of a value stand below its first."""
    width = max(len(label) for label, _ in rows) + 2
    lines = [visible(title)]
    for label, value in rows:
        if value:
            lines.append(f"  {label:{width}}" + f"\n{'':{width + 2}}".join(map(visible, value.splitlines())))
    return "\n".join(lines)


def format_columns(rows: Sequence[Sequence[str]], num_left: int) -> str:
    """Returns a line a row, its cells below each other.

    Args:
        rows: The cells; all rows have as many.
        num_left: How many columns are text, which stands at the left of its column; numbers stand at the right.
    """
    cells = [list(map(visible, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    aligned = [
        [
            f"{cell:{'<' if number < num_left else '>'}{width}}"
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in cells
    ]
    return "\n".join("  ".join(row).rstrip() for row in aligned)


def format_name(name: object) -> str:
    """Returns the name of a file as text: what is not UTF-8 in it becomes U+FFFD."""
    return str(name).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def format_bytes(num_bytes: int) -> str:
    """Returns a size."""
    amount = float(num_bytes)
    for unit in ("bytes", "kB", "MB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
