"""Spans that must come out of a translator as they went in: addresses, placeholders, tags, code, file names, emoji.

A protected span is replaced by a mark (see `xlmcli.text.marks`). The same patterns serve inference and training, where
spans that stand alike on both sides teach a model to carry marks (see `xlmcli.text.alike`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

from xlmcli.text.marks import has_marks, merge_places

# Text without any of these has no span, but for characters that a vocabulary lacks.
_HINT = re.compile(
    r"[`{}\[\]<>&@#%$\\/*_=^|+~!\d]|[a-z][A-Z]|[A-Z]{2}[a-z]|\.\w|-[A-Za-z]\b|--|[^\x00-\u2027\u202f\u20ac]|[©®²³¹¼-¾§]"
    r"|([.·•–—])\1{3}|[:;]['’]?-?[()DPpOo/|]|\(\)|mailto:|doi:"
)

_TOKEN = re.compile(r"[^\s'’\"«»“”„‘,;…]+")
_LONGEST_WORD = 100  # what is longer is a checksum or a picture, in letters
_OPENING = {")": "(", "]": "["}

# A word with a character outside ASCII, or a run of such characters. An accent may stand for itself, after its letter.
_UNCOMMON = re.compile(
    r"(?<![\w\u0300-\u036f])[A-Za-z0-9_]*(?:[^\W\x00-\x7f]|[\u0300-\u036f])[\w\u0300-\u036f]*|[^\w\s\x00-\x7f]+"
)


def find_spans(text: str, is_strange: Callable[[str], bool] | None = None) -> list[tuple[int, int]]:
    """Returns where the spans to protect are, start and end, in order; spans that touch are one.

    Args:
        text: A line.
        is_strange: Whether a vocabulary lacks a character; words and runs of such characters are spans as well.
    """
    found: list[tuple[int, int]] = []
    if _HINT.search(text) or len(text) > _LONGEST_WORD:
        from xlmcli.text.span_patterns import SPAN, SYMBOLS, is_name

        found += (match.span() for match in SPAN.finditer(text))
        found += apart(found, _names(text, is_name))
        taken = merge_places(sorted(found))
        gaps = zip([0, *(end for _, end in taken)], [*(start for start, _ in taken), len(text)], strict=True)
        for start, end in gaps:
            found += ((start + match.start(), start + match.end()) for match in SYMBOLS.finditer(text[start:end]))
    if is_strange is not None:
        found += apart(found, find_strange(text, is_strange))
    return merge_places(sorted(found))


def find_strange(text: str, is_strange: Callable[[str], bool]) -> list[tuple[int, int]]:
    """Returns where the words and runs of characters are that hold some that a vocabulary lacks, as `find_spans`.

    A mark of the text's own is one of them, so that nobody takes it for one of ours.
    """
    if text.isascii():
        return []
    characters = set(unicodedata.normalize("NFC", text))
    strange = {character for character in characters if has_marks(character) or is_strange(character)}
    if not strange:
        return []
    return [
        match.span()
        for match in _UNCOMMON.finditer(text)
        if not strange.isdisjoint(unicodedata.normalize("NFC", match[0]))
    ]


def apart(taken: Sequence[tuple[int, int]], places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Returns the places that touch no letter of those taken."""
    letters = {letter for place in taken for letter in range(*place)}
    return [place for place in places if letters.isdisjoint(range(*place))]


class FreePlaces:
    """Places of a text that are still free: they touch none taken before, and no span, unless they hold all of it.

    Args:
        spans: The spans.
    """

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        self._spans: dict[int, list[tuple[int, int]]] = {}
        for span in spans:
            for letter in range(*span):
                self._spans.setdefault(letter, []).append(span)
        self._taken: set[int] = set()

    def take(self, place: tuple[int, int]) -> bool:
        """Takes a place, if it is free; tells whether it was."""
        start, end = place
        touched = {span for letter in range(start, end) for span in self._spans.get(letter, ())}
        is_free = self._taken.isdisjoint(range(start, end)) and all(start <= a and b <= end for a, b in touched)
        if is_free:
            self._taken.update(range(start, end))
        return is_free


def _names(text: str, is_name: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    """Where tokens stand that are names of their own, without the punctuation around them."""
    for match in _TOKEN.finditer(text):
        start, end = _without_edges(text, *match.span())
        token = text[start:end]
        if token.isascii() if len(token) > _LONGEST_WORD else is_name(token):
            yield start, end


def _without_edges(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in "([<*":
        start += 1
    unopened = {
        closing: text.count(closing, start, end) - text.count(opening, start, end)
        for closing, opening in _OPENING.items()
    }
    while end > start:
        last = text[end - 1]
        if unopened.get(last, 0) > 0:
            unopened[last] -= 1
        elif last not in ".:!?>*":
            break
        end -= 1
    return start, end
