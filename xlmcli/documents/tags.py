"""Tags: which belong together, what they say, and which elements are not translated."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html import unescape
from typing import NamedTuple

_UNTRANSLATED = frozenset(("code", "pre", "kbd", "samp", "var", "svg", "math", "object"))
_MAX_PAIRS_INSIDE = 100  # What is deeper stands by itself.
_TAG = re.compile(r"<(/?)([A-Za-z0-9][\w.:-]*)[^<>]*?(/?)>")
_NAME = re.compile(r"</?([A-Za-z][^\s/>]*)")
_ATTRIBUTE = re.compile(r"([^\s=\"'<>/]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+))?")


class Attribute(NamedTuple):
    """An attribute of a tag, and where its value stands in it, quotes included."""

    name: str
    value: str
    start: int
    end: int


def paired_tags(raws: Sequence[str]) -> set[int]:
    """Returns the numbers of the tags that are the first or the second of a pair; what is no tag is in none."""
    return pair_up([tag_name(raw) for raw in raws])


def pair_up(tags: Sequence[tuple[str, bool] | None]) -> set[int]:
    """Returns the numbers of those that belong together, so that pairs are nested.

    Args:
        tags: The name of each, and whether it is the second of a pair; None for what is no tag.
    """
    paired: set[int] = set()
    opened: list[tuple[str, int]] = []
    num_opened: Counter[str] = Counter()
    for number, tag in enumerate(tags):
        if tag is None:
            continue
        name, is_second = tag
        if not is_second:
            if len(opened) == _MAX_PAIRS_INSIDE:
                continue
            opened.append((name, number))
            num_opened[name] += 1
            continue
        # Without one of its name, nothing is looked for.
        while num_opened[name]:
            other, first = opened.pop()
            num_opened[other] -= 1
            if other == name:
                paired |= {first, number}
                break
    return paired


def tag_name(raw: str) -> tuple[str, bool] | None:
    """Returns the name of a tag, and whether it is the second of a pair; None of what is no tag, or stands alone."""
    match = _TAG.fullmatch(raw)
    return None if match is None or match[3] else (match[2].lower(), bool(match[1]))


def name_of(tag: str) -> str:
    """Returns the name of a tag, in lower case."""
    match = _NAME.match(tag)
    return match[1].lower() if match else ""


def iter_attributes(tag: str) -> Iterator[Attribute]:
    """Yields the attributes of a tag that have values."""
    name = _NAME.match(tag)
    for match in _ATTRIBUTE.finditer(tag, name.end() if name else 0):
        if match[2] is not None:
            value = match[2][1:-1] if match[2][0] in "\"'" else match[2]
            yield Attribute(match[1].lower(), unescape(value), *match.span(2))


def is_untranslated(tag: str) -> bool:
    """Whether the element that begins with a tag is not translated."""
    if name_of(tag) in _UNTRANSLATED:
        return True
    if "translate" not in tag.lower():
        return False
    values = {item.name: item.value for item in iter_attributes(tag)}
    return values.get("translate", "").lower() == "no" or "notranslate" in values.get("class", "").split()


def find_untranslated(raws: Sequence[str]) -> dict[int, int]:
    """Returns the number of the second of each pair of tags whose element is not translated, by that of the first."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for number in sorted(paired_tags(raws)):
        if not raws[number].startswith("</"):
            opened.append(number)
        elif is_untranslated(raws[(first := opened.pop())]):
            ends[first] = number
    return ends
