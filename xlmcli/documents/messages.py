"""The texts of programs: placeholders, tags and ICU's choices in them are no prose."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from xlmcli.documents.inline import Inline, InlineBuilder
from xlmcli.documents.parts import Part
from xlmcli.documents.tags import find_untranslated, paired_tags

_PLACEHOLDER = re.compile(
    "|".join(
        (
            r"\{\{[^{}]*\}\}|[$%#@]?\{[^{}]*\}",
            r"%(?:\d+\$|\(\w+\))?[-+0\#']*(?:[1-9]\d*|\*)?(?:\.\d+)?(?:hh|h|ll|l|z|q|j)?[sdiufFeEgGxXoc@]|%%|%[A-Z_]{2,}%",
            r"\$t\([^()]*\)|\$[A-Za-z_]\w*",
            r"<!--[^<>]*-->|</?[A-Za-z0-9][^<>]*>",
            r"&(?:[A-Za-z]\w{1,30}|\#\d{1,6}|\#x[0-9A-Fa-f]{1,6});",
            r"(?:https?|ftp)://[^\s<>\"'{}]*[^\s<>\"'{}.,;:!?)]|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
        )
    ),
    re.DOTALL,
)
_PLACEHOLDER_OR_COUNT = re.compile(f"{_PLACEHOLDER.pattern}|#", re.DOTALL)
# What is no prose: names of things in programs, colours, addresses, what is longer than any word.
_IDENTIFIER = re.compile(r"[\w./:@#+=-]+", re.ASCII)
_INSIDE_IDENTIFIER = re.compile(r"[a-z][A-Z]|[_\d/:@.][\w/]", re.ASCII)
_LONGEST_WORD = 100
_BRACE = re.compile(r"[{}]")
_MAX_DEPTH = 10  # Of choices in choices.
_CHOICE = re.compile(r"\{\s*[\w.-]+\s*,\s*(?:plural|select|selectordinal)\s*,")
_BRANCH = re.compile(r"(?:\s|offset:\s*\d+)*(?:=\d+|[\w-]+)\s*\{")


class Stretch(NamedTuple):
    """A part of a message: what stands around ICU's choices, a text that is chosen, or what says how that is done.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        is_prose: Whether it is a text.
        is_branch: Whether it is one that is chosen, in which ``#`` may stand for a number.
    """

    start: int
    end: int
    is_prose: bool
    is_branch: bool = False


def message_parts(value: str, raw: str, spell: Callable[[str], str]) -> list[Part]:
    """Returns what of a message stays and what is translated: what stands around ICU's choices, and each of these.

    Args:
        value: The message as it reads.
        raw: As it is written in the document.
        spell: Returns how a text is written there.
    """
    found = [(value[item.start : item.end], _inline(value, item)) for item in iter_stretches(value)]
    if all(inline is None for _, inline in found):
        return [raw]
    raws = [raw] if len(found) == 1 else [spell(text) for text, _ in found]
    return [
        written if inline is None else inline.message(written, spell)
        for (_, inline), written in zip(found, raws, strict=True)
    ]


def _inline(value: str, stretch: Stretch) -> Inline | None:
    """What of a message is translated; None if nothing is."""
    text = value[stretch.start : stretch.end]
    if not stretch.is_prose or _is_identifier(text.strip()):
        return None
    inline = message_inline(text, counts=stretch.is_branch)
    return inline if inline.has_words else None


def iter_stretches(text: str) -> Iterator[Stretch]:
    """Yields what a message is made of, in order, without gaps."""
    return _iter_stretches(text, 0, len(text), 0)


def _iter_stretches(text: str, start: int, end: int, depth: int) -> Iterator[Stretch]:
    position = start
    for choice in _CHOICE.finditer(text, start, end):
        if choice.start() < position:
            continue
        close = _end_of_braces(text, choice.start())
        branches = None if close is None else _branches(text, choice.end(), close)
        if close is None or branches is None or depth == _MAX_DEPTH:
            break
        yield from _prose(position, choice.start(), depth)
        position = choice.start()
        for first, last in branches:
            yield Stretch(position, first, is_prose=False)
            yield from _iter_stretches(text, first, last, depth + 1)
            position = last
        yield Stretch(position, close, is_prose=False)
        position = close
    yield from _prose(position, end, depth)


def _prose(start: int, end: int, depth: int) -> Iterator[Stretch]:
    if start < end:
        yield Stretch(start, end, is_prose=True, is_branch=depth > 0)


def _is_identifier(text: str) -> bool:
    if len(text) > _LONGEST_WORD:
        return " " not in text and text.isascii()
    return _IDENTIFIER.fullmatch(text) is not None and _INSIDE_IDENTIFIER.search(text) is not None


def find_placeholders(text: str, *, counts: bool = False) -> list[tuple[int, int]]:
    """Returns where the placeholders and tags of a message stand, and elements that are not translated."""
    matches = list((_PLACEHOLDER_OR_COUNT if counts else _PLACEHOLDER).finditer(text))
    places: list[tuple[int, int]] = []
    ends = find_untranslated([match[0] for match in matches])
    for number, match in enumerate(matches):
        if not places or places[-1][1] <= match.start():
            places.append((match.start(), matches[ends.get(number, number)].end()))
    return places


def message_inline(text: str, *, counts: bool = False) -> Inline:
    """Returns a message without choices as a text with its placeholders and tags.

    Args:
        text: The message.
        counts: Whether ``#`` stands for a number, as in ICU's choices.
    """
    places = find_placeholders(text, counts=counts)
    paired = paired_tags([text[start:end] for start, end in places])
    builder = InlineBuilder()
    position = 0
    for number, (start, end) in enumerate(places):
        builder.add_text(text[position:start])
        raw = text[start:end]
        if number in paired:
            (builder.close if raw.startswith("</") else builder.open)(raw)
        else:
            builder.add_opaque(raw)
        position = end
    builder.add_text(text[position:])
    return builder.build()


def _end_of_braces(text: str, start: int) -> int | None:
    """Where the brace that opens at a place is closed; None if it is not."""
    depth = 0
    for match in _BRACE.finditer(text, start):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.end()
    return None


def _branches(text: str, start: int, end: int) -> list[tuple[int, int]] | None:
    """Where the texts of a choice stand; None if it is none."""
    found: list[tuple[int, int]] = []
    while branch := _BRANCH.match(text, start, end):
        close = _end_of_braces(text, branch.end() - 1)
        if close is None:
            return None
        found.append((branch.end(), close - 1))
        start = close
    return found if found and text[start:end].strip() == "}" else None
