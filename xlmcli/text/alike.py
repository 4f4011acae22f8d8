"""What stands alike in texts that say the same gets the same marks, so that a model learns to carry marks."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence

from xlmcli.text.marks import MARKS, has_marks, put_marks
from xlmcli.text.spans import apart, find_spans

# Numbers that are written alike in all languages: no separator, sign or unit beside them.
_PLAIN_NUMBER = re.compile(r"(?<![\w.,:/%$€£+-])\d{2,}(?![\w:/%$€£-]|[.,]\d| ?[%€°])")
_CAPITALISED = re.compile(r"(?<![\w'’.-])[A-Z][^\W\d_]+(?![\w'’-])")
_SHARE_OF_WORDS = 0.2


def protect_alike(texts: Sequence[str], rng: random.Random) -> tuple[str, ...] | None:
    """Puts the same marks in place of what stands alike in texts that say the same.

    These are spans, whole numbers of two digits and more, and, since everyday text has few of them, now and then a word
    with a capital that all share, such as a name.

    Args:
        texts: A text per language.
        rng: Draws words, and which mark stands for what, so that all are learned alike.

    Returns:
        The texts with marks, or None if they share nothing.
    """
    if any(map(has_marks, texts)):
        return None
    marks = iter(rng.sample(MARKS, len(MARKS)))
    placed: list[list[tuple[int, int, str]]] = [[] for _ in texts]
    for span, count in Counter(_candidates(texts[0], rng)).items():
        spots = [_free_spots(span, text, places) for text, places in zip(texts, placed, strict=True)]
        if all(len(side) == count for side in spots):
            for together in zip(*spots, strict=True):
                if mark := next(marks, None):
                    for places, (start, end) in zip(placed, together, strict=True):
                        places.append((start, end, mark))
    if not placed[0]:
        return None
    return tuple(
        put_marks(text, [place[:2] for place in sorted(places)], [mark for _, _, mark in sorted(places)])
        for text, places in zip(texts, placed, strict=True)
    )


def _candidates(text: str, rng: random.Random) -> list[str]:
    candidates = [text[start:end] for start, end in find_spans(text)] + _PLAIN_NUMBER.findall(text)
    if rng.random() < _SHARE_OF_WORDS:
        words = _CAPITALISED.findall(text)
        candidates += rng.sample(words, min(len(words), rng.choice((1, 1, 2))))
    return candidates


def _free_spots(span: str, text: str, placed: Sequence[tuple[int, int, str]]) -> list[tuple[int, int]]:
    """Where a span stands in a text, not as a part of a word nor of what is placed."""
    if span.isdecimal():
        spots = (match.span() for match in _PLAIN_NUMBER.finditer(text) if match[0] == span)
    else:
        before = r"(?<!\w)" if span[0].isalnum() else ""
        after = r"(?!\w)" if span[-1].isalnum() else ""
        spots = (match.span() for match in re.finditer(before + re.escape(span) + after, text))
    return apart([(start, end) for start, end, _ in placed], spots)
