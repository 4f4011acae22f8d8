"""XLIFF 1.2 and 2.x: targets are filled in, a unit at a time; all else stays byte for byte. A DTD is refused.

expat says where each tag stands; the libraries that build trees do not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from xml.parsers.expat import ExpatError, ParserCreate

from xlmcli.documents.formats import DocumentOptions, kept_translation_error, same_language
from xlmcli.documents.parts import Answered, DocumentLine, Part, Segment
from xlmcli.documents.xliff_text import Event, Spell, UnitContent, escape, escape_all
from xlmcli.errors import DataError
from xlmcli.text.language_tokens import base_language

_UNITS = ("trans-unit", "segment")
_OPEN_STATES = ("new", "needs-translation", "initial")
_ATTRIBUTE = r"""(?<=\s){name}\s*=\s*("[^"]*"|'[^']*')"""
_INDENT = re.compile(rb"\r?\n[ \t]*\Z")
_MAX_INDENT = 200
_MAX_DEPTH = 500


@dataclass(frozen=True, slots=True)
class _Scope:
    """What holds inside an element: whether it is translated, and whether its spaces count."""

    name: str
    translates: bool
    keeps_spaces: bool


@dataclass(slots=True)
class _Unit:
    """What is to be translated at once.

    Attributes:
        start: Where it begins in the document, in bytes.
        scope: What holds in it.
        events: Its tags and texts, from its own first tag.
        places: The numbers of the first tag and the last of its source, its segmented source and its target.
        keeps_spaces: Whether those of its source count.
    """

    start: int
    scope: _Scope
    events: list[Event] = field(default_factory=list)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    keeps_spaces: bool = False


class XliffParser:
    """Parses a document, a unit at a time.

    Args:
        options: What is filled in.
    """

    def __init__(self, options: DocumentOptions) -> None:
        self._source_lang, self._lang = options.source_lang, options.target_lang
        # What its targets are in, where that is another language than they get now.
        self._other_lang = ""
        self._redoes = options.redoes
        self._name = ""
        self._spell: Spell = escape
        # What was read and not given yet, and where in the document it begins.
        self._data = bytearray()
        self._offset = 0
        self._parts: list[Part] = []
        self._last = 0
        self._is_new = False
        self._opened: list[_Scope] = []
        self._unit: _Unit | None = None
        self._unit_depth = 0
        self._first_tags: list[int] = []
        self._language_tag: tuple[int, str] | None = None
        self._parser = ParserCreate("utf-8")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = lambda text: self._note("text", text)
        self._parser.DefaultHandler = lambda text: self._note("other", text)
        self._parser.XmlDeclHandler = self._declare
        self._parser.StartDoctypeDeclHandler = self._parser.EntityDeclHandler = self._refuse

    def read(self, line: DocumentLine) -> Sequence[Part]:
        self._name = self._name or line.place.rpartition(":")[0]
        raw = line.raw.encode()
        self._data += raw
        self._parse(raw, is_last=False)
        if self._unit is None and self._language_tag is None:
            self._give(self._last)
        parts, self._parts = self._parts, []
        return parts

    def end(self) -> Sequence[Part]:
        if not self._name:
            return ()
        self._parse(b"", is_last=True)
        self._give(self._offset + len(self._data))
        parts, self._parts = self._parts, []
        return parts

    def _parse(self, data: bytes, *, is_last: bool) -> None:
        try:
            self._parser.Parse(data, is_last)
        except ExpatError as error:
            reason = str(error).partition(":")[0]
            raise DataError(
                f"{self._name}:{error.lineno}: not XML: {reason} at character {error.offset + 1}"
            ) from error

    def _give(self, end: int) -> None:
        """Gives what stands up to a place and stays."""
        size = end - self._offset
        if size > 0:
            self._parts.append(self._data[:size].decode())
            del self._data[:size]
            self._offset = end

    def _declare(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8"):
            self._spell = escape_all

    def _refuse(self, *_: object) -> None:
        raise DataError(
            f"{self._name}:{self._parser.CurrentLineNumber}: a document type definition, which is refused",
            hint="XLIFF needs none: take the DOCTYPE out",
        )

    def _note(
        self, kind: Literal["start", "end", "text", "other"], value: str, attributes: dict[str, str] | None = None
    ) -> None:
        place = self._last = self._parser.CurrentByteIndex
        if self._language_tag is not None:
            self._tell_language(place)
        if self._unit is not None:
            self._unit.events.append(Event(kind, place - self._unit.start, value, attributes or {}))

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        before = self._opened[-1] if self._opened else _Scope("", translates=True, keeps_spaces=False)
        if not self._opened:
            if name != "xliff":
                line = self._parser.CurrentLineNumber
                raise DataError(f"{self._name}:{line}: expected <xliff>, found <{name}>")
            self._is_new = attributes.get("version", "").startswith("2")
        wish, spaces = attributes.get("translate"), attributes.get("xml:space")
        translates = wish == "yes" or (before.translates and wish != "no")
        scope = _Scope(name, translates, spaces == "preserve" or (before.keeps_spaces and spaces != "default"))
        self._opened.append(scope)
        if len(self._opened) > _MAX_DEPTH:
            line = self._parser.CurrentLineNumber
            raise DataError(f"{self._name}:{line}: nested more than {_MAX_DEPTH} deep")
        place = self._parser.CurrentByteIndex
        if self._unit is None and name in _UNITS:
            self._unit, self._unit_depth = _Unit(place, scope), len(self._opened)
        self._note("start", name, attributes)
        if self._unit is not None:
            self._first_tags.append(len(self._unit.events) - 1)
        elif name == ("xliff" if self._is_new else "file"):
            self._check_languages(place, attributes)

    def _check_languages(self, place: int, attributes: Mapping[str, str]) -> None:
        """Reads what a document, or a file in it, says that its languages are."""
        source = attributes.get("srcLang" if self._is_new else "source-language", "")
        if source and self._source_lang is not None and same_language(source, self._source_lang) is False:
            line = self._parser.CurrentLineNumber
            raise DataError(
                f"{self._name}:{line}: its texts are in {source!r}, not in {self._source_lang!r}",
                hint=f"give --src {base_language(source)}",
            )
        if self._lang is not None:
            known = attributes.get("trgLang" if self._is_new else "target-language", "")
            is_same = bool(known) and same_language(known, self._lang)
            self._other_lang = known if is_same is False and known else ""
            if not is_same:
                self._language_tag = (place, self._lang)

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        self._note("end", name)
        depth, scope = len(self._opened), self._opened.pop()
        unit = self._unit
        if unit is None:
            return
        first = self._first_tags.pop()
        if depth == self._unit_depth + 1 and name in ("source", "seg-source", "target"):
            unit.places[name] = (first, len(unit.events) - 1)
            if name == "source":
                unit.keeps_spaces = scope.keeps_spaces
        elif depth == self._unit_depth:
            self._unit = None
            self._give(unit.start)
            self._parts += self._filled(unit)

    def _tell_language(self, end: int) -> None:
        """Sets the language of the targets in the tag that ends here."""
        assert self._language_tag is not None
        start, lang = self._language_tag
        self._language_tag = None
        self._give(start)
        tag = self._take(end)
        self._parts.append(_with_attribute(tag, "trgLang" if self._is_new else "target-language", lang))

    def _take(self, end: int) -> str:
        """Takes what stands up to a place, which is not given."""
        size = end - self._offset
        raw = self._data[:size].decode()
        del self._data[:size]
        self._offset = end
        return raw

    def _filled(self, unit: _Unit) -> list[Part]:
        """The parts of a unit, with a translation if it has none."""
        content = UnitContent(self._take(unit.start + unit.events[-1].start).encode(), unit.events)
        segment = self._segment(unit, content)
        if segment is None:
            return [content.data.decode()]
        opening, closing, (first, last) = _around(unit, content)
        # The tag of a segment says what is in it.
        tag_end = unit.events[1].start if unit.scope.name == "segment" else 0
        start = 0 if tag_end else first
        between = content.data[max(tag_end, start) : first].decode()
        tag = _with_attribute(content.raw(0, 1), "state", "translated") if tag_end else ""

        def write(translated: Answered) -> str:
            return tag + between + opening + segment.write(translated) + closing

        filled = Segment(segment.text, content.data[start:last].decode(), write)
        return [content.data[:start].decode(), filled, content.data[last:].decode()]

    def _segment(self, unit: _Unit, content: UnitContent) -> Segment | None:
        """What of a unit is translated; None if nothing is."""
        if not unit.scope.translates or "source" not in unit.places:
            return None
        tag = unit.events[0]
        state = tag.attributes.get("state", "") if tag.value == "segment" else ""
        if "target" in unit.places:
            first, last = unit.places["target"]
            state = unit.events[first].attributes.get("state", state)
            is_open = content.is_empty(first + 1, last) or state in _OPEN_STATES
            if not is_open and not self._redoes:
                if self._other_lang:
                    place = f"{self._name}:{self._parser.CurrentLineNumber}"
                    raise kept_translation_error(place, self._other_lang, self._lang)
                return None
        first, last = unit.places.get("seg-source", unit.places["source"])
        return content.segment(first + 1, last, self._spell, keeps_spaces=unit.keeps_spaces)


def _around(unit: _Unit, content: UnitContent) -> tuple[str, str, tuple[int, int]]:
    """What stands before a translation and after it, and in the place of what bytes."""
    state = "needs-review-translation" if unit.scope.name == "trans-unit" else None
    prefix = re.match(r"<([\w.-]+:)?", content.raw(0, 1))
    name = f"{prefix[1] or '' if prefix else ''}target"
    if "target" in unit.places:
        first, last = unit.places["target"]
        tag = re.sub(r"\s*/>$", ">", content.raw(first, first + 1))
        tag = _with_attribute(tag, "state", state) if state is not None else tag
        return tag, f"</{name}>", (unit.events[first].start, unit.events[last + 1].start)
    start = unit.events[unit.places["source"][0]].start
    indent = _INDENT.search(content.data[max(0, start - _MAX_INDENT) : start])
    _, last = max(unit.places.values())
    place = unit.events[last + 1].start
    tag = f"<{name}>" if state is None else f'<{name} state="{state}">'
    return (indent[0].decode() if indent else "") + tag, f"</{name}>", (place, place)


def _with_attribute(tag: str, name: str, value: str) -> str:
    """Sets an attribute of a tag."""
    pattern = re.compile(_ATTRIBUTE.format(name=re.escape(name)))
    if pattern.search(tag):
        return pattern.sub(f'{name}="{value}"', tag, count=1)
    return re.sub(r"\s*/?>$", lambda end: f' {name}="{value}"{end[0]}', tag)
