"""Facts as people read them: a title and rows, sizes in decimal units."""

from __future__ import annotations

from collections.abc import Sequence


def format_rows(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """Returns the title, then a line a row that has a value; further lines of a value stand below its first."""
    width = max(len(label) for label, _ in rows) + 2
    lines = [title]
    for label, value in rows:
        if value:
            lines.append(f"  {label:{width}}" + f"\n{'':{width + 2}}".join(value.splitlines()))
    return "\n".join(lines)


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
