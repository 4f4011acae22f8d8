"""Marks: what stands in a text for a protected span, and is read as one of XLM's reserved tokens.

The tokens are ``<special2>`` to ``<special9>``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from xlmcli.text.letters import in_word
from xlmcli.text.special import FIRST_SPECIAL_ID, NUM_SPECIAL

FIRST_MARK_ID = FIRST_SPECIAL_ID + 2
MARKS = tuple(chr(0xFDD2 + number) for number in range(NUM_SPECIAL - 2))
"""In a text, what stands for ``<special2>`` to ``<special9>``: noncharacters, which Unicode keeps for internal use."""

OPAQUE = tuple(map(chr, range(0xFDDA, 0xFDF0)))
"""In a text of a document, what stands for markup that must come out as it went in: noncharacters, too."""

MARK = re.compile("[\ufdd0-\ufdef]")


def has_marks(text: str) -> bool:
    """Whether a text has marks, its own or those of protected spans."""
    return not text.isascii() and MARK.search(text) is not None


def iter_marks(text: str) -> Iterator[str]:
    """The marks of a text in order."""
    return (match[0] for match in MARK.finditer(text))


def iter_mark_places(text: str) -> Iterator[int]:
    """Where the marks of a text stand, in order."""
    return (match.start() for match in MARK.finditer(text))


def find_marks(text: str) -> list[tuple[int, int]]:
    """Returns where the marks of a text are, start and end, in order; marks that touch are one place."""
    return merge_places([(place, place + 1) for place in iter_mark_places(text)])


def split_at_marks(text: str) -> list[str]:
    """The texts between marks, at even places, and the marks, at odd ones."""
    return re.split(f"({MARK.pattern})", text)


def without_marks(text: str) -> str:
    """Returns a text without the marks that a model wrote of itself."""
    return MARK.sub("", text)


def mark_spans(text: str, places: Sequence[tuple[int, int]]) -> str:
    """Puts marks in the places given, in order; after the last mark comes the first again."""
    return put_marks(text, places, [MARKS[number % len(MARKS)] for number in range(len(places))])


def put_marks(text: str, places: Sequence[tuple[int, int]], marks: Sequence[str]) -> str:
    """Puts the marks given in the places given, both in order."""
    parts, position = [], 0
    for (start, end), mark in zip(places, marks, strict=False):
        parts += [text[position:start], mark]
        position = end
    return "".join([*parts, text[position:]])


def restore_spans(text: str, spans: Mapping[str, str], words: Collection[str] = (), separator: str = "") -> str | None:
    """Puts spans back in place of their marks, or returns None if a mark is missing, doubled or of no span.

    Args:
        text: A text with marks.
        spans: What each mark stands for.
        words: Marks that stand for words.
        separator: What is put between these and other words.
    """
    if sorted(iter_marks(text)) != sorted(spans):
        return None
    return fill_marks(text, spans, words, separator)


def fill_marks(text: str, spans: Mapping[str, str], words: Collection[str] = (), separator: str = "") -> str:
    """Puts spans in place of their marks, as `restore_spans`; any other mark stays."""
    filled, before = "", ""
    for part in filter(None, split_at_marks(text)):
        new = spans.get(part, part)
        if (part in words and in_word(filled[-1:])) or (before in words and in_word(new[:1])):
            filled += separator
        filled += new
        before = part
    return filled


def merge_places(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Returns places in order, those that touch as one."""
    merged: list[tuple[int, int]] = []
    for start, end in places:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
