"""The text of a unit of XLIFF: elements inside it, placeholders, ICU's choices and the sentences that a tool marked."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from xlmcli.documents.inline import WHITE_SPACE, InlineBuilder, together
from xlmcli.documents.messages import Quoting, Stretch, find_placeholders, iter_stretches, quoting_of
from xlmcli.documents.parts import Segment
from xlmcli.documents.tags import pair_up, tag_name

# What encloses words, and which of its attributes tells both of a pair that are apart.
_ENCLOSING = ("g", "mrk", "pc", "a")
_FIRSTS = {"bpt": ("rid", "id"), "bx": ("rid", "id"), "sc": ("id",), "sm": ("id",)}
_SECONDS = {"ept": ("rid", "id"), "ex": ("rid", "id"), "ec": ("startRef", "id"), "em": ("startRef",)}
_ELEMENT = "\ufffc"

Spell = Callable[[str], str]


class Event(NamedTuple):
    """A tag, a text or what is neither, and where it stands in its unit, in bytes."""

    kind: Literal["start", "end", "text", "other"]
    start: int
    value: str
    attributes: dict[str, str] = {}  # noqa: RUF012  # never changed


class _Item(NamedTuple):
    """A text, or an element in it.

    Attributes:
        raw: As it is written; of text, as it reads.
        tag: The name of what may be one of a pair, and whether it is the second.
        is_text: Whether it is text.
        is_word: Whether it stands for one.
    """

    raw: str
    tag: tuple[str, bool] | None = None
    is_text: bool = False
    is_word: bool = False


@dataclass(slots=True)
class UnitContent:
    """What stands in a unit.

    Attributes:
        data: Its bytes.
        events: What they are, in order; behind the last one nothing is asked for.
    """

    data: bytes
    events: Sequence[Event]

    def raw(self, first: int, last: int) -> str:
        """What stands from one event up to another."""
        return self.data[self.events[first].start : self.events[last].start].decode()

    def is_empty(self, first: int, last: int) -> bool:
        """Whether there is nothing but marks around text that is still to come."""
        inside = self.events[first:last]
        return not any(
            (event.kind == "text" and event.value.strip()) or (event.kind == "start" and event.value != "mrk")
            for event in inside
        )

    def segment(self, first: int, last: int, spell: Spell, *, keeps_spaces: bool) -> Segment | None:
        """Returns what stands between two events as what is asked at once; None if nothing is to be translated.

        Args:
            first: The event that it begins with.
            last: The one behind it.
            spell: Returns how a text is written there.
            keeps_spaces: Whether line ends and more than one space have a meaning.
        """
        written: list[str | None] = []
        segments: list[Segment] = []
        position = first
        for start, end in self._sentences(first, last):
            written.append(self.raw(position, start))
            for part in self._parts(start, end, spell, keeps_spaces=keeps_spaces):
                if isinstance(part, Segment):
                    segments.append(part)
                written.append(part if isinstance(part, str) else None)
            position = end
        written.append(self.raw(position, last))
        if not segments:
            return None

        def combine(translations: Sequence[str]) -> str:
            said = iter(translations)
            return "".join(next(said) if part is None else part for part in written)

        return together(segments, self.raw(first, last), combine)

    def _sentences(self, first: int, last: int) -> list[tuple[int, int]]:
        """What is translated by itself: what stands in marks of sentences, else all."""
        marked = [
            (number + 1, self._end_of(number))
            for number in range(first, last)
            if self.events[number].kind == "start" and self.events[number].attributes.get("mtype") == "seg"
        ]
        outermost = [place for number, place in enumerate(marked) if number == 0 or place[0] > marked[number - 1][1]]
        return outermost or [(first, last)]

    def _parts(self, first: int, last: int, spell: Spell, *, keeps_spaces: bool) -> Iterator[str | Segment]:
        items = list(self._items(first, last))
        message = "".join(item.raw if item.is_text else _ELEMENT for item in items)
        collapses = not keeps_spaces and "\n" in message
        stretches = list(iter_stretches(message))
        quoting = quoting_of(stretches)
        for stretch in stretches:
            inside = list(_between(items, stretch))
            raw = "".join(spell(item.raw) if item.is_text else item.raw for item in inside)
            parts = list(_message_items(inside, stretch, spell, quoting)) if stretch.is_prose else []
            segment = _segment(parts, raw, lambda text: spell(quoting.write(text)), collapses=collapses)
            if segment is None:
                yield raw
                continue
            inner = raw.strip(WHITE_SPACE) if collapses else raw
            yield raw[: raw.index(inner)]
            yield segment
            yield raw[raw.index(inner) + len(inner) :]

    def _items(self, first: int, last: int) -> Iterator[_Item]:
        text = ""
        number = first
        while number < last:
            event = self.events[number]
            following = number + 1
            item = None
            if event.kind == "text":
                text += event.value
            elif event.kind == "start" and not (event.value in _ENCLOSING and _is_translated(event)):
                following = self._end_of(number) + 1
                item = _Item(self.raw(number, following), _part_of_pair(event), is_word=True)
            elif event.kind in ("start", "end"):
                item = _Item(self.raw(number, following), (f"<{event.value}", event.kind == "end"))
            # A comment, the start of CDATA and the like have no place in a translation.
            if item is not None:
                yield _Item(text, is_text=True)
                yield item
                text = ""
            number = following
        yield _Item(text, is_text=True)

    def _end_of(self, first: int) -> int:
        """The event that ends an element."""
        depth = 0
        for number in range(first, len(self.events)):
            kind = self.events[number].kind
            depth += (kind == "start") - (kind == "end")
            if depth == 0:
                return number
        raise AssertionError("expat has seen it end")


def _between(items: Sequence[_Item], stretch: Stretch) -> Iterator[_Item]:
    """What of a text is in a stretch of it."""
    position = 0
    for item in items:
        end = position + (len(item.raw) if item.is_text else len(_ELEMENT))
        if item.is_text:
            text = item.raw[max(0, stretch.start - position) : max(0, stretch.end - position)]
            if text:
                yield _Item(text, is_text=True)
        elif stretch.start <= position < stretch.end:
            yield item
        position = end


def _segment(parts: Sequence[_Item], raw: str, spell: Spell, *, collapses: bool) -> Segment | None:
    paired = pair_up([part.tag for part in parts])
    builder = InlineBuilder(collapses=collapses)
    for number, part in enumerate(parts):
        if part.is_text:
            builder.add_text(part.raw)
        elif number in paired and part.tag is not None:
            (builder.close if part.tag[1] else builder.open)(part.raw)
        else:
            builder.add_opaque(part.raw, is_word=part.is_word)
    inline = builder.build()
    return inline.segment(raw.strip(WHITE_SPACE) if collapses else raw, spell) if inline.has_words else None


def _message_items(items: Sequence[_Item], stretch: Stretch, spell: Spell, quoting: Quoting) -> Iterator[_Item]:
    """What a message is made of, its texts, too: placeholders, and tags that are text here."""
    for item in items:
        position = 0
        for start, end in (
            find_placeholders(item.raw, counts=stretch.is_branch, quoting=quoting) if item.is_text else ()
        ):
            yield _Item(quoting.read(item.raw[position:start]), is_text=True)
            yield _Item(spell(item.raw[start:end]), tag_name(item.raw[start:end]), is_word=True)
            position = end
        yield item._replace(raw=quoting.read(item.raw[position:])) if item.is_text else item


def _part_of_pair(event: Event) -> tuple[str, bool] | None:
    """What a tag that stands for the start or the end of something has in common with its second."""
    for names, is_second in ((_FIRSTS, False), (_SECONDS, True)):
        for attribute in names.get(event.value, ()):
            if attribute in event.attributes:
                return f"#{event.attributes[attribute]}", is_second
    return None


def _is_translated(event: Event) -> bool:
    return event.attributes.get("translate") != "no" and event.attributes.get("mtype") != "protected"


def escape(text: str) -> str:
    """Returns how a text is written in XML."""
    return html.escape(text, quote=False).replace("\r", "&#13;")


def escape_all(text: str) -> str:
    """Returns how a text is written in XML whose encoding is not known to have its letters."""
    return escape(text).encode("ascii", "xmlcharrefreplace").decode()
