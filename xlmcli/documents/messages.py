"""The texts of programs: placeholders, tags and ICU's choices in them are no prose."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from xlmcli.documents.inline import Inline, InlineBuilder
from xlmcli.documents.parts import Part
from xlmcli.documents.tags import find_untranslated, paired_tags

_PLACEHOLDER = "|".join(
    (
        r"\{\{[^{}]*\}\}|[$%#@]?\{[^{}]*\}",
        r"%(?:\d+\$|\(\w+\))?[-+0\#']*(?:[1-9]\d*|\*)?(?:\.\d+)?(?:hh|h|ll|l|z|q|j)?[sdiufFeEgGxXoc@]|%%|%[A-Z_]{2,}%",
        r"\$t\([^()]*\)|\$[A-Za-z_]\w*",
        r"<!--[^<>]*-->|</?[A-Za-z0-9][^<>]*>",
        r"&(?:[A-Za-z]\w{1,30}|\#\d{1,6}|\#x[0-9A-Fa-f]{1,6});",
        r"(?:https?|ftp)://[^\s<>\"'{}]*[^\s<>\"'{}.,;:!?)]|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    )
)
# What is no prose: names of things in programs, colours, addresses, what is longer than any word.
_IDENTIFIER = re.compile(r"[\w./:@#+=-]+", re.ASCII)
_INSIDE_IDENTIFIER = re.compile(r"[a-z][A-Z]|[_\d/:@.][\w/]", re.ASCII)
_LONGEST_WORD = 100
_QUOTED = r"'[{}][^']*(?:''[^']*)*'(?!')"
_BRACE = re.compile(rf"''|{_QUOTED}|[{{}}]")
_MAX_DEPTH = 10  # Of choices in choices.
_CHOICE = re.compile(rf"''|{_QUOTED}|(?P<choice>\{{\s*[\w.-]+\s*,\s*(?:plural|select|selectordinal)\s*,)")
_BRANCH = re.compile(r"(?:\s|offset:\s*\d+)*(?:=\d+|[\w-]+)\s*\{")


@dataclass(frozen=True, slots=True)
class Quoting:
    """How a message says that signs in it are text.

    Attributes:
        quoted: What stands between quotes and comes out as it went in.
        bare: Quotes that are apostrophes, and what stands between them.
        doubled: Apostrophes of a text that are written twice.
    """

    quoted: str
    bare: str = "(?!)"
    doubled: str = "(?!)"

    def read(self, text: str) -> str:
        """Returns what a text says that is not quoted."""
        return text if self is PLAIN else text.replace("''", "'")

    def write(self, text: str) -> str:
        """Returns how that is written."""
        return re.sub(self.doubled, "''", text)


PLAIN = Quoting("'[{}]+'")
ICU = Quoting(_QUOTED, bare="''", doubled=r"'(?=['{}#]|\Z)")
"""What stands in apostrophes is text if it begins with a brace."""
JAVA = Quoting(r"'[^'<]*(?:''[^'<]*)*'(?!')", bare=r"''|'[^'<{}]+'(?!')", doubled="'")
"""What stands in apostrophes is text; without braces in it, they were meant to be read."""


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


def message_parts(value: str, raw: str, spell: Callable[[str], str], quoting: Quoting = PLAIN) -> list[Part]:
    """Returns what of a message stays and what is translated: what stands around ICU's choices, and each of these.

    Args:
        value: The message as it reads.
        raw: As it is written in the document.
        spell: Returns how a text is written there.
        quoting: Of a message without choices.
    """
    stretches = list(iter_stretches(value))
    quoting = quoting_of(stretches, quoting)
    found = [(value[item.start : item.end], _inline(value, item, quoting)) for item in stretches]
    if all(inline is None for _, inline in found):
        return [raw]
    raws = [raw] if len(found) == 1 else [spell(text) for text, _ in found]
    return [
        written if inline is None else inline.message(written, spell, quoting.write)
        for (_, inline), written in zip(found, raws, strict=True)
    ]


def quoting_of(stretches: Sequence[Stretch], quoting: Quoting = PLAIN) -> Quoting:
    """Returns how a message is quoted: as ICU does, if it has choices."""
    return ICU if len(stretches) > 1 else quoting


def _inline(value: str, stretch: Stretch, quoting: Quoting) -> Inline | None:
    """What of a message is translated; None if nothing is."""
    text = value[stretch.start : stretch.end]
    if not stretch.is_prose or _is_identifier(text.strip()):
        return None
    inline = message_inline(text, counts=stretch.is_branch, quoting=quoting)
    return inline if inline.has_words else None


def iter_stretches(text: str) -> Iterator[Stretch]:
    """Yields what a message is made of, in order, without gaps."""
    return _iter_stretches(text, 0, len(text), 0)


def _iter_stretches(text: str, start: int, end: int, depth: int) -> Iterator[Stretch]:
    position = start
    for choice in _CHOICE.finditer(text, start, end):
        if choice["choice"] is None or choice.start() < position:
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


def find_placeholders(text: str, *, counts: bool = False, quoting: Quoting = PLAIN) -> list[tuple[int, int]]:
    """Returns where the placeholders and tags of a message stand, what is quoted, and elements that are not translated.

    Args:
        text: A message without choices.
        counts: Whether ``#`` stands for a number, as in ICU's choices.
        quoting: How it is quoted.
    """
    matches = list(_iter_matches(_pattern(quoting, counts), text, 0, len(text)))
    places: list[tuple[int, int]] = []
    ends = find_untranslated([match[0] for match in matches])
    for number, match in enumerate(matches):
        if not places or places[-1][1] <= match.start():
            places.append((match.start(), matches[ends.get(number, number)].end()))
    return places


@cache
def _pattern(quoting: Quoting, counts: bool) -> re.Pattern[str]:
    kinds = (f"(?P<bare>{quoting.bare})", quoting.quoted, "'#'|#" if counts else "(?!)", _PLACEHOLDER)
    return re.compile("|".join(kinds), re.DOTALL)


def _iter_matches(pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    for match in pattern.finditer(text, start, end):
        if match["bare"] is None:
            yield match
        else:
            yield from _iter_matches(pattern, text, match.start() + 1, match.end() - 1)


def message_inline(text: str, *, counts: bool = False, quoting: Quoting = PLAIN) -> Inline:
    """Returns a message without choices as a text with its placeholders and tags; see `find_placeholders`."""
    places = find_placeholders(text, counts=counts, quoting=quoting)
    paired = paired_tags([text[start:end] for start, end in places])
    builder = InlineBuilder()
    position = 0
    for number, (start, end) in enumerate(places):
        builder.add_text(quoting.read(text[position:start]))
        raw = text[start:end]
        if number in paired:
            (builder.close if raw.startswith("</") else builder.open)(raw)
        else:
            builder.add_opaque(raw)
        position = end
    builder.add_text(quoting.read(text[position:]))
    return builder.build()


def _end_of_braces(text: str, start: int) -> int | None:
    """Where the brace that opens at a place is closed; None if it is not."""
    depth = 0
    for match in _BRACE.finditer(text, start):
        depth += (match[0] == "{") - (match[0] == "}")
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
