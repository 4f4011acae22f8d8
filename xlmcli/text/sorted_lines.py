"""Files of lines in the order of their bytes, searched as they are.

To take one apart takes longer than to translate a line of text.
"""

from __future__ import annotations

from bisect import bisect_left


def first_line_from(content: bytes, key: bytes) -> bytes:
    """Returns the first line that is not before a key; empty if all are.

    Args:
        content: The lines, each with a line end.
        key: What to look for.
    """

    def line_at(place: int) -> bytes:
        return content[content.rfind(b"\n", 0, place) + 1 : content.find(b"\n", place)]

    place = bisect_left(range(len(content)), key, key=line_at)
    return line_at(place) if place < len(content) else b""
