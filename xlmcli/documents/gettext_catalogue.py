"""Gettext's PO: entries are filled in, an entry at a time; comments, contexts and what is translated already stay.

The libraries that read it write the whole file anew: wrapped otherwise, and from memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from gettext import c2py

from xlmcli.documents.formats import DocumentOptions, kept_translation_error, same_language
from xlmcli.documents.messages import find_placeholders, message_inline
from xlmcli.documents.parts import Answered, DocumentLine, Part, Segment
from xlmcli.errors import DataError

_KEYWORD = re.compile(r'\s*(msgctxt|msgid_plural|msgid|msgstr)(?:\[(\d+)\])?\s*("(?:[^"\\]|\\.)*")\s*')
_STRING = re.compile(r'\s*("(?:[^"\\]|\\.)*")\s*')
_ESCAPE = re.compile(r"(?P<bytes>(?:\\(?:[0-7]{1,3}|x[0-9A-Fa-f]{1,2}))+)|\\(?P<letter>.)")
_BYTE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2}))")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPED = {"\\": "\\\\", '"': '\\"', **{letter: f"\\{name}" for name, letter in _LETTERS.items()}}
_FUZZY = re.compile(r"(?<=[#,])\s*fuzzy\s*(,|$)")
_PLURAL_FORMS = re.compile(r"nplurals\s*=\s*(\d)\s*;\s*plural\s*=\s*([^;\n]+)")
_LANGUAGE = re.compile(r"^Language: *(\S+)", re.MULTILINE)
_CHARSET = re.compile(r"(?<=charset=)[\w-]+")
# In _a word_ that is emphasised there is none.
_ACCELERATOR = re.compile(r"&(?=[^\W_])(?!\w+;)|(?<!\w)_(?=[^\W_])(?![^_]*[^\W_]_(?!\w))")
# Two words, and none with a letter for a menu in its middle, such as Exp&ort.
_TWO_WORDS = re.compile(r"(?<=[^\W\d_]{4})&(?=[^\W\d_]{4})|(?<=[a-z])&(?=[A-Z])")
_LINE_WIDTH = 79
_MAX_LINES_OF_AN_ENTRY = 100_000
_MAX_PLURAL_DIGITS = 2
_GENERATOR = "xlm"


@dataclass(slots=True)
class _Field:
    """A string of an entry: which lines it is on, from and to, and what it says."""

    start: int
    end: int
    value: str


@dataclass(slots=True)
class _Entry:
    """What has been read of an entry.

    Attributes:
        lines: All of it.
        fields: Its strings, by keyword and number (0 where there is none).
        keyword: The one that was read last.
    """

    lines: list[DocumentLine] = field(default_factory=list)
    fields: dict[tuple[str, int], _Field] = field(default_factory=dict)
    keyword: tuple[str, int] | None = None

    @property
    def is_translated_up_to_here(self) -> bool:
        return self.keyword is not None and self.keyword[0] == "msgstr"

    def value(self, keyword: str) -> str | None:
        found = self.fields.get((keyword, 0))
        return None if found is None else found.value

    def raw(self, start: int, end: int) -> str:
        return "".join(line.raw for line in self.lines[start:end])


class GettextParser:
    """Parses a catalogue, an entry at a time.

    Args:
        options: What is filled in, and how it is marked.
    """

    def __init__(self, options: DocumentOptions) -> None:
        self._options = options
        self._entry = _Entry()
        # Of each entry the line that it stands on, by what tells it from others: numbers, of which many fit.
        self._known: dict[int, int] = {}
        self._num_plurals = 2
        self._singular = 0
        # What its translations are in, where that is another language than they get now.
        self._other_lang = ""

    def read(self, line: DocumentLine) -> Sequence[Part]:
        text = line.text.strip()
        keyword = _KEYWORD.fullmatch(line.text)
        begins = not text or text.startswith("#") or (keyword is not None and keyword[1] in ("msgctxt", "msgid"))
        parts = self.end() if begins and self._entry.is_translated_up_to_here else []
        entry = self._entry
        entry.lines.append(line)
        number = len(entry.lines)
        if number > _MAX_LINES_OF_AN_ENTRY:
            raise DataError(f"{entry.lines[0].place}: an entry of over {_MAX_LINES_OF_AN_ENTRY:,} lines")
        if keyword is not None:
            if len(keyword[2] or "") > _MAX_PLURAL_DIGITS:
                raise DataError(f"{line.place}: no language has so many plural forms: msgstr[{keyword[2][:20]}]")
            entry.keyword = (keyword[1], int(keyword[2] or 0))
            if entry.keyword in entry.fields:
                raise DataError(f"{line.place}: {keyword[1]} twice in an entry")
            entry.fields[entry.keyword] = _Field(number - 1, number, _unescape(keyword[3]))
        elif (string := _STRING.fullmatch(line.text)) is not None and entry.keyword is not None:
            last = entry.fields[entry.keyword]
            last.end, last.value = number, last.value + _unescape(string[1])
        elif text and not text.startswith("#"):
            raise DataError(f"{line.place}: expected msgid, msgstr or a text in quotes, found {text[:40]!r}")
        elif not entry.fields and not text:
            return [*parts, *self._give(entry.raw(0, number))]
        return parts

    def end(self) -> list[Part]:
        entry, self._entry = self._entry, _Entry()
        if not entry.fields:
            return [entry.raw(0, len(entry.lines))] if entry.lines else []
        msgid, msgstr = entry.value("msgid"), entry.value("msgstr")
        if msgid is None or msgstr is None:
            missing = "msgid" if msgid is None else "msgstr"
            raise DataError(f"{entry.lines[-1].place}: the entry ends without {missing}")
        self._check_new(entry, msgid)
        if not msgid and not entry.value("msgctxt"):
            return [self._header(entry, msgstr)]
        return self._parts(entry, msgid)

    def _give(self, raw: str) -> list[Part]:
        self._entry = _Entry()
        return [raw]

    def _check_new(self, entry: _Entry, msgid: str) -> None:
        place = entry.lines[entry.fields["msgid", 0].start].place
        number = int(place.rpartition(":")[2])
        known = self._known.setdefault(hash((entry.value("msgctxt"), msgid)), number)
        if known != number:
            raise DataError(f"{place}: the same msgid as in line {known}: {msgid[:40]!r}")

    def _header(self, entry: _Entry, msgstr: str) -> str:
        found = _PLURAL_FORMS.search(msgstr)
        if found is not None:
            self._num_plurals = max(1, int(found[1]))
            try:
                self._singular = min(self._num_plurals - 1, c2py(found[2])(1))
            except (ValueError, ArithmeticError) as error:
                place = entry.lines[entry.fields["msgstr", 0].start].place
                raise DataError(f"{place}: not a rule of plural forms: {found[2][:60]!r}") from error
        header = entry.fields["msgstr", 0]
        raw = entry.raw(header.start, header.end)
        lang = self._options.target_lang
        if lang is not None:
            declared = _LANGUAGE.search(msgstr)
            is_same = declared is not None and same_language(declared[1], lang)
            if declared is not None and is_same is False:
                self._other_lang = declared[1]
            if not is_same:
                raw = _set_header(raw, "Language", lang)
            raw = _CHARSET.sub("UTF-8", _set_header(raw, "X-Generator", _GENERATOR))
        return entry.raw(0, header.start) + raw + entry.raw(header.end, len(entry.lines))

    def _parts(self, entry: _Entry, msgid: str) -> list[Part]:
        flags = [line for line in entry.lines if line.text.startswith("#,")]
        is_fuzzy = any(_FUZZY.search(line.text) for line in flags)
        forms = {number: place for (keyword, number), place in entry.fields.items() if keyword == "msgstr"}
        is_done = all(place.value for place in forms.values()) and not is_fuzzy
        if is_done and not self._options.redoes:
            if self._other_lang:
                where = entry.lines[entry.fields["msgid", 0].start].place
                raise kept_translation_error(where, self._other_lang, self._options.target_lang)
            return [entry.raw(0, len(entry.lines))]
        first = min(place.start for place in forms.values())
        plural = entry.value("msgid_plural")
        parts: list[Part] = [self._flagged(entry, first, is_fuzzy=is_fuzzy)]
        numbers = [0] if plural is None else list(range(max(self._num_plurals, *(number + 1 for number in forms))))
        is_wrapped = not any(len(line.text) > _LINE_WIDTH + 1 for line in entry.lines if not line.text.startswith("#"))
        ending = entry.lines[0].ending or "\n"
        for number in numbers:
            source = msgid if plural is None or (number == self._singular and len(numbers) > 1) else plural
            keyword = "msgstr" if plural is None else f"msgstr[{number}]"
            place = forms.get(number)
            if place is None:
                if parts[-1] == "":  # The last line of a file may have no end.
                    parts[-1] = ending
                parts.append(_filled(source, "", "", _Writer(keyword, ending, is_wrapped)))
                parts.append(ending)
                continue
            raw = entry.raw(place.start, place.end)
            last_ending = entry.lines[place.end - 1].ending
            raw = raw.removesuffix(last_ending)
            parts.append(_filled(source, place.value, raw, _Writer(keyword, ending, is_wrapped)))
            parts.append(last_ending)
        end = max(place.end for place in forms.values())
        return [*parts, entry.raw(end, len(entry.lines))]

    def _flagged(self, entry: _Entry, end: int, *, is_fuzzy: bool) -> str:
        """What stands before the translations, marked as fuzzy or not."""
        if is_fuzzy == self._options.marks_fuzzy:
            return entry.raw(0, end)
        first = min(place.start for place in entry.fields.values())
        if self._options.marks_fuzzy:
            ending = entry.lines[0].ending or "\n"
            for number, line in enumerate(entry.lines[:first]):
                if line.text.startswith("#,"):
                    others = f",{line.raw[2:]}" if line.text.strip("#, ") else line.ending
                    return entry.raw(0, number) + f"#, fuzzy{others}" + entry.raw(number + 1, end)
            return entry.raw(0, first) + f"#, fuzzy{ending}" + entry.raw(first, end)
        kept = [line.raw if not line.text.startswith("#,") else _without_fuzzy(line) for line in entry.lines[:first]]
        return "".join(kept) + entry.raw(first, end)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes a translation.

    Attributes:
        keyword: What stands before it.
        ending: The end of a line.
        is_wrapped: Whether long lines are.
    """

    keyword: str
    ending: str
    is_wrapped: bool

    def write(self, value: str) -> str:
        lines = [line for line in re.split(r"(?<=\n)", value) if line]
        escaped = ["".join(_ESCAPED.get(character, character) for character in line) for line in lines]
        if len(escaped) < 2 and len(self.keyword) + len("".join(escaped)) + 3 <= _LINE_WIDTH:
            return f'{self.keyword} "{"".join(escaped)}"'
        wrapped = [part for line in escaped for part in (_wrap(line) if self.is_wrapped else [line])]
        if len(wrapped) == 1 and not self.is_wrapped:
            return f'{self.keyword} "{wrapped[0]}"'
        return self.ending.join([f'{self.keyword} ""', *(f'"{part}"' for part in wrapped)])


def _filled(source: str, old: str, raw: str, writer: _Writer) -> Part:
    """Returns the translation of a text, which stands in place of an old one."""
    plain, put_back = _without_accelerator(source)
    inline = message_inline(plain)
    if not inline.has_words:
        return raw if old == source else writer.write(source)
    segment = inline.message("", str)

    def write(translated: Answered) -> str:
        value = put_back(plain if translated.text == segment.text else segment.write(translated))
        return raw if value == old else writer.write(value)

    return Segment(segment.text, raw or writer.write(""), write)


def _without_accelerator(text: str) -> tuple[str, Callable[[str], str]]:
    """Takes the sign before a menu's letter out of a text; the function puts it back into a translation."""
    inside = {place for start, end in find_placeholders(text) for place in range(start, end)}
    found = [
        match
        for match in _ACCELERATOR.finditer(text)
        if match.start() not in inside and not _is_and(text, match.start())
    ]
    if len(found) != 1:
        return text, str
    place = found[0].start()
    sign, letter = text[place], text[place + 1].lower()
    plain = text[:place] + text[place + 1 :]

    def put_back(value: str) -> str:
        if value == plain:
            return text
        taken = {spot for start, end in find_placeholders(value) for spot in range(start, end)}
        letters = [spot for spot, other in enumerate(value) if other.isalnum() and spot not in taken]
        same = [spot for spot in letters if value[spot].lower() == letter]
        starts = [spot for spot in same if spot == 0 or not value[spot - 1].isalnum()]
        spot = next(iter([*starts, *same, *letters]), 0)
        return value[:spot] + sign + value[spot:]

    return plain, put_back


def _is_and(text: str, place: int) -> bool:
    """Whether a ``&`` is one to be read, as in ``R&D`` and ``drag&drop``, or the second of two, which stand for one."""
    before = text[place - 1 : place] if place else ""
    return before.isupper() or before.isdecimal() or before == "&" or _TWO_WORDS.match(text, place) is not None


def _set_header(raw: str, name: str, value: str) -> str:
    """Puts a field into the lines of a header."""
    pattern = rf'((?<=")|(?<=\\n)){name}:[^\\"]*'
    if re.search(pattern, raw):
        return re.sub(pattern, f"{name}: {value}", raw)
    ending = "\r\n" if raw.endswith("\r\n") else "\n" if raw.endswith("\n") else ""
    before = raw.rstrip()
    if not before.endswith(('""', '\\n"')):  # The last field may do without its end.
        before = before.removesuffix('"') + '\\n"'
    return f'{before}{ending or chr(10)}"{name}: {value}\\n"{ending}'


def _without_fuzzy(line: DocumentLine) -> str:
    flags = _FUZZY.sub("", line.text)
    return "" if not flags.strip("#, ") else flags + line.ending


def _unescape(quoted: str) -> str:
    def replace(match: re.Match[str]) -> str:
        escaped, letter = match.groups()
        if letter is not None:
            return _LETTERS.get(letter, letter)
        numbers = (int(octal, 8) if octal else int(digits, 16) for octal, digits in _BYTE.findall(escaped))
        return bytes(number & 0xFF for number in numbers).decode("utf-8", "replace")

    return _ESCAPE.sub(replace, quoted[1:-1]) if "\\" in quoted else quoted[1:-1]


def _wrap(escaped: str) -> list[str]:
    lines = [""]
    for word in re.findall(r"\S*\s*", escaped):
        if lines[-1] and len(lines[-1]) + len(word.rstrip()) + 2 > _LINE_WIDTH:
            lines.append("")
        lines[-1] += word
    return lines
