"""Files of lines in the order of their bytes, searched as they are.

To take one apart takes longer than to translate a line of text.
"""

from __future__ import annotations

from bisect import bisect_left


def find_place(content: bytes, key: bytes) -> int:
    """Returns where the first line begins that is not before a key; the end if all are.

    Args:
        content: The lines, each with a line end.
        key: What to look for.
    """

    def line_at(place: int) -> bytes:
        return content[content.rfind(b"\n", 0, place) + 1 : content.find(b"\n", place)]

    return bisect_left(range(len(content)), key, key=line_at)


def find_line(content: bytes, key: bytes) -> bytes:
    """Returns the first line that is not before a key; empty if all are. See `find_place`."""
    place = find_place(content, key)
    return content[place : content.find(b"\n", place)] if place < len(content) else b""
