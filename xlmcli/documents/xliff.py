"""XLIFF 1.2 and 2.x: targets are filled in; all else stays byte for byte. Documents with a DTD are refused.

expat says where each tag stands; the libraries that build trees do not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, NamedTuple
from xml.parsers.expat import ExpatError, ParserCreate

from xlmcli.documents.formats import DocumentOptions
from xlmcli.documents.inline import Inline, InlineBuilder
from xlmcli.documents.messages import find_placeholders, pair_up, tag_name
from xlmcli.documents.parts import Answered, Part, Segment, WholeDocument
from xlmcli.errors import DataError

_UNITS = ("trans-unit", "segment")
# Inside text: what encloses words, and which of its attributes tells both of a pair that are apart.
_ENCLOSING = ("g", "mrk", "pc", "a")
_FIRSTS = {"bpt": ("rid", "id"), "bx": ("rid", "id"), "sc": ("id",), "sm": ("id",)}
_SECONDS = {"ept": ("rid", "id"), "ex": ("rid", "id"), "ec": ("startRef", "id"), "em": ("startRef",)}
_OPEN_STATES = ("new", "needs-translation", "initial")
_STATE = {"trans-unit": "needs-review-translation", "segment": "translated"}
_ATTRIBUTE = r"""(?<=\s){name}\s*=\s*("[^"]*"|'[^']*')"""
_INDENT = re.compile(rb"\r?\n[ \t]*\Z")
_MAX_INDENT = 200
_MAX_DEPTH = 500


class _Event(NamedTuple):
    """A tag, a text or what is neither, and where it stands in the document, in bytes."""

    kind: Literal["start", "end", "text", "other"]
    start: int
    value: str
    attributes: dict[str, str] = {}  # noqa: RUF012  # never changed


@dataclass(slots=True)
class _Unit:
    """What is to be translated at once: numbers of the events of its tags.

    Attributes:
        start: Its own first tag.
        source: The first tag of the text, and the last.
        target: Likewise of the translation.
        after: The tag behind which a translation is to stand.
    """

    start: int
    translates: bool
    source: tuple[int, int] | None = None
    target: tuple[int, int] | None = None
    after: int = 0


@dataclass(slots=True)
class _Edits:
    """What stands in the place of stretches of the document, in bytes."""

    found: list[tuple[int, int, Part]] = field(default_factory=list)

    def add(self, start: int, end: int, part: Part) -> None:
        self.found.append((start, end, part))


def xliff_parser(options: DocumentOptions) -> WholeDocument:
    """Returns a parser of XLIFF."""
    return WholeDocument(partial(_parse, options=options))


def _parse(text: str, name: str, options: DocumentOptions) -> list[Part]:
    document = _Document(text.encode(), name)
    edits = _Edits()
    if options.target_lang is not None:
        document.tell_language(options.target_lang, edits)
    for unit in document.find_units():
        document.fill(unit, edits, redoes=options.redoes)
    parts: list[Part] = []
    position = 0
    for start, end, part in sorted(edits.found, key=lambda edit: edit[0]):
        parts += [document.data[position:start].decode(), part]
        position = end
    return [*parts, document.data[position:].decode()]


class _Document:
    """A document's tags and texts, and where they stand.

    Raises:
        DataError: It is no XML, has a DTD, or is no XLIFF.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.events: list[_Event] = []
        self._name = name
        self._read()
        root = next(event for event in self.events if event.kind == "start")
        if root.value != "xliff":
            raise DataError(f"{name}: expected <xliff>, found <{root.value}>")

    def _read(self) -> None:
        parser = ParserCreate("utf-8")
        depth = 0

        def start(tag: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            if depth > _MAX_DEPTH:
                raise DataError(f"{self._name}:{parser.CurrentLineNumber}: nested more than {_MAX_DEPTH} deep")
            self.events.append(_Event("start", parser.CurrentByteIndex, _local(tag), attributes))

        def end(tag: str) -> None:
            nonlocal depth
            depth -= 1
            self.events.append(_Event("end", parser.CurrentByteIndex, _local(tag)))

        def refuse(*_: object) -> None:
            raise DataError(
                f"{self._name}:{parser.CurrentLineNumber}: a document type definition, which is refused",
                hint="XLIFF needs none: take the DOCTYPE out",
            )

        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.CharacterDataHandler = lambda text: self.events.append(_Event("text", parser.CurrentByteIndex, text))
        parser.DefaultHandler = lambda text: self.events.append(_Event("other", parser.CurrentByteIndex, text))
        parser.StartDoctypeDeclHandler = refuse
        parser.EntityDeclHandler = refuse
        try:
            parser.Parse(self.data, True)
        except ExpatError as error:
            reason = str(error).partition(":")[0]
            raise DataError(
                f"{self._name}:{error.lineno}: not XML: {reason} at character {error.offset + 1}"
            ) from error
        self.events.append(_Event("other", len(self.data), ""))

    def raw(self, first: int, last: int) -> str:
        """What stands from one event up to another."""
        return self.data[self.events[first].start : self.events[last].start].decode()

    def tell_language(self, lang: str, edits: _Edits) -> None:
        """Sets the language of the targets."""
        is_new = any(event.value == "xliff" and event.attributes.get("version", "")[:1] == "2" for event in self.events)
        tag, attribute = ("xliff", "trgLang") if is_new else ("file", "target-language")
        for number, event in enumerate(self.events):
            known = event.attributes.get(attribute, "")
            if event.kind == "start" and event.value == tag and not re.match(rf"{re.escape(lang)}\b", known):
                end = self.events[number + 1].start
                edits.add(event.start, end, _with_attribute(self.raw(number, number + 1), attribute, lang))

    def find_units(self) -> list[_Unit]:
        """Returns the units of a document that are to be translated and have a text."""
        units: list[_Unit] = []
        opened: list[tuple[int, bool]] = []
        unit: _Unit | None = None
        for number, event in enumerate(self.events):
            if event.kind == "start":
                wish = event.attributes.get("translate")
                translates = wish != "no" and (wish == "yes" or not opened or opened[-1][1])
                opened.append((number, translates))
                if event.value in _UNITS:
                    unit = _Unit(number, translates)
            elif event.kind == "end":
                first, _ = opened.pop()
                is_own = unit is not None and bool(opened) and opened[-1][0] == unit.start
                if unit is not None and is_own and event.value in ("source", "seg-source", "target"):
                    if event.value == "source":
                        unit.source = (first, number)
                    if event.value == "target":
                        unit.target = (first, number)
                    else:
                        unit.after = number
                elif unit is not None and first == unit.start:
                    if unit.translates and unit.source is not None:
                        units.append(unit)
                    unit = None
        return units

    def fill(self, unit: _Unit, edits: _Edits, *, redoes: bool) -> None:
        """Puts a translation into a unit that has none."""
        assert unit.source is not None
        tag = self.events[unit.start]
        old = "" if unit.target is None else self.raw(unit.target[0] + 1, unit.target[1])
        attributes = {} if unit.target is None else self.events[unit.target[0]].attributes
        state = attributes.get("state", tag.attributes.get("state", "") if tag.value == "segment" else "")
        if old.strip() and state not in _OPEN_STATES and not redoes:
            return
        inline = self._inline(unit.source[0] + 1, unit.source[1])
        if not inline.has_words:
            return
        if tag.value == "segment":
            end = self.events[unit.start + 1].start
            written = _with_attribute(self.raw(unit.start, unit.start + 1), "state", _STATE["segment"])
            edits.add(tag.start, end, written)
        opening, closing, place = self._around(unit, _STATE[tag.value] if tag.value == "trans-unit" else None)
        segment = inline.segment(self.raw(unit.source[0] + 1, unit.source[1]), _escape)

        def write(translated: Answered) -> str:
            return opening + segment.write(translated) + closing

        edits.add(*place, Segment(segment.text, self.data[slice(*place)].decode(), write))

    def _around(self, unit: _Unit, state: str | None) -> tuple[str, str, tuple[int, int]]:
        """What stands before a translation and after it, and in the place of what bytes."""
        assert unit.source is not None
        source = self.raw(unit.source[0], unit.source[0] + 1)
        prefix = re.match(r"<([\w.-]+:)?", source)
        name = f"{prefix[1] or '' if prefix else ''}target"
        if unit.target is not None:
            first, last = unit.target
            tag = self.raw(first, first + 1)
            tag = re.sub(r"\s*/>$", ">", tag)
            tag = _with_attribute(tag, "state", state) if state is not None else tag
            return tag, f"</{name}>", (self.events[first].start, self.events[last + 1].start)
        start = self.events[unit.source[0]].start
        indent = _INDENT.search(self.data[max(0, start - _MAX_INDENT) : start])
        place = self.events[unit.after + 1].start
        tag = f"<{name}>" if state is None else f'<{name} state="{state}">'
        return (indent[0].decode() if indent else "") + tag, f"</{name}>", (place, place)

    def _inline(self, first: int, last: int) -> Inline:
        stretches = list(self._stretches(first, last))
        paired = pair_up([stretch.tag for stretch in stretches])
        has_line_ends = any("\n" in stretch.raw for stretch in stretches if stretch.is_text)
        builder = InlineBuilder(collapses=has_line_ends)
        for number, stretch in enumerate(stretches):
            if stretch.is_text:
                builder.add_text(stretch.raw)
            elif number in paired and stretch.tag is not None:
                (builder.close if stretch.tag[1] else builder.open)(stretch.raw)
            else:
                builder.add_opaque(stretch.raw, is_word=stretch.is_word)
        return builder.build()

    def _stretches(self, first: int, last: int) -> list[_Stretch]:
        """What a text is made of."""
        found: list[_Stretch] = []
        text = ""
        number = first
        while number < last:
            event = self.events[number]
            following = number + 1
            if event.kind == "text":
                text += event.value
            elif event.kind == "start" and not (event.value in _ENCLOSING and _is_translated(event)):
                following = self._end_of(number) + 1
                found += [
                    *_text_stretches(text),
                    _Stretch(self.raw(number, following), _part_of_pair(event), is_word=True),
                ]
                text = ""
            elif event.kind in ("start", "end"):
                tag = (f"<{event.value}", event.kind == "end")
                found += [*_text_stretches(text), _Stretch(self.raw(number, following), tag)]
                text = ""
            # A comment, the start of CDATA and the like have no place in a translation.
            number = following
        return [*found, *_text_stretches(text)]

    def _end_of(self, first: int) -> int:
        """The event that ends an element."""
        depth = 0
        for number in range(first, len(self.events)):
            kind = self.events[number].kind
            depth += (kind == "start") - (kind == "end")
            if depth == 0:
                return number
        raise AssertionError("expat has seen it end")


class _Stretch(NamedTuple):
    """A part of a text.

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


def _text_stretches(text: str) -> list[_Stretch]:
    """What a text is made of, as a message: placeholders, and tags that are text here."""
    found: list[_Stretch] = []
    position = 0
    for start, end in find_placeholders(text):
        found += [_Stretch(text[position:start], is_text=True)]
        found += [_Stretch(_escape(text[start:end]), tag_name(text[start:end]), is_word=True)]
        position = end
    return [*found, _Stretch(text[position:], is_text=True)]


def _part_of_pair(event: _Event) -> tuple[str, bool] | None:
    """What a tag that stands for the start or the end of something has in common with its second."""
    for names, is_second in ((_FIRSTS, False), (_SECONDS, True)):
        for attribute in names.get(event.value, ()):
            if attribute in event.attributes:
                return f"#{event.attributes[attribute]}", is_second
    return None


def _is_translated(event: _Event) -> bool:
    return event.attributes.get("translate") != "no" and event.attributes.get("mtype") != "protected"


def _with_attribute(tag: str, name: str, value: str) -> str:
    """Sets an attribute of a tag."""
    pattern = re.compile(_ATTRIBUTE.format(name=re.escape(name)))
    if pattern.search(tag):
        return pattern.sub(f'{name}="{value}"', tag, count=1)
    return re.sub(r"\s*/?>$", lambda end: f' {name}="{value}"{end[0]}', tag)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _local(tag: str) -> str:
    """The name of a tag without that of its namespace."""
    return tag.rpartition(":")[2]
