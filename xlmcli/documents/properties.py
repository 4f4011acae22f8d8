"""Java's .properties: values are translated; keys, comments, separators and blank lines stay as they are.

The libraries that read them give values, not places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from xlmcli.documents.formats import DocumentOptions
from xlmcli.documents.messages import JAVA, PLAIN, message_parts
from xlmcli.documents.parts import DocumentLine, Part, Segment
from xlmcli.errors import DataError
from xlmcli.lines import MAX_LINE_BYTES, iter_file_lines

_CONTINUED = re.compile(r"(?<!\\)(?:\\\\)*\\$")
_KEY = re.compile(r"[ \t\f]*((?:\\.|[^\\=: \t\f\r\n])*)(?:[ \t\f]|\\\r?\n)*(?:[=:](?:[ \t\f]|\\\r?\n)*)?", re.DOTALL)
_COMMENT = re.compile(r"[ \t\f]*(?:[#!]|$)")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(\r?\n[ \t\f]*)|(.))", re.DOTALL)
_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ESCAPED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f"}
_OTHER = re.compile(r"[^\x00-\x7f]")
_SEPARATOR = re.compile(r"\A[ =:]")
_ARGUMENT = re.compile(r"\{\d")


class PropertiesParser:
    """Parses a file, a value at a time.

    Args:
        options: Which values are taken over.

    Raises:
        DataError: The file that they are in cannot be read.
    """

    def __init__(self, options: DocumentOptions) -> None:
        self._known = {} if options.only_missing is None else _read_known(options.only_missing)
        self._open = ""
        self._place = ""
        self._has_other_letters = False

    def read(self, line: DocumentLine) -> Sequence[Part]:
        self._has_other_letters |= not line.text.isascii()
        if not self._open:
            if _COMMENT.match(line.text):
                return [line.raw]
            self._place = line.place
        self._open += line.raw
        if len(self._open) > MAX_LINE_BYTES:
            raise DataError(f"{self._place}: a value of over {MAX_LINE_BYTES // 10**6} MB")
        return () if _CONTINUED.search(line.text) else self.end()

    def end(self) -> Sequence[Part]:
        entry, self._open = self._open, ""
        return list(self._parts(entry)) if entry else ()

    def _parts(self, entry: str) -> Iterator[Part]:
        key, start, end = _split(entry)
        yield entry[:start]
        raw = entry[start:end]
        yield from [self._known[key]] if key in self._known else self._value_parts(raw)
        yield entry[end:]

    def _value_parts(self, raw: str) -> Sequence[Part]:
        value = _unescape(raw)
        if value is None:
            raise DataError(f"{self._place}: \\u without four hexadecimal digits")
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            return [raw]
        spell = partial(_escape, is_ascii=not self._has_other_letters)
        first, *others = message_parts(value, raw, spell, JAVA if _ARGUMENT.search(value) else PLAIN)
        return [_at_start(first, raw), *others]


def _at_start(part: Part, raw: str) -> Part:
    """Escapes what would be a part of the separator where a value begins, but in what it was."""

    def spell(written: str) -> str:
        return written if written == raw else _SEPARATOR.sub(r"\\\g<0>", written)

    if isinstance(part, str):
        return spell(part)
    return Segment(part.text, spell(part.raw), lambda translated: spell(part.write(translated)))


def _split(entry: str) -> tuple[str, int, int]:
    """Returns the key of an entry as it reads, and where its value is."""
    match = _KEY.match(entry)
    assert match is not None
    end = len(entry.removesuffix("\n").removesuffix("\r"))
    return _unescape(match[1]) or match[1], min(match.end(), end), end


def _unescape(raw: str) -> str | None:
    """Returns what an escaped text says; None if it is not well written."""
    if re.search(r"(?<!\\)(?:\\\\)*\\u(?![0-9A-Fa-f]{4})", raw):
        return None

    def replace(match: re.Match[str]) -> str:
        digits, continued, letter = match.groups()
        if digits:
            return chr(int(digits, 16))
        return "" if continued else _LETTERS.get(letter, letter)

    # Characters beyond 65,535 are written as two escapes.
    return _ESCAPE.sub(replace, raw).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _escape(text: str, *, is_ascii: bool) -> str:
    written = "".join(_ESCAPED.get(character, character) for character in text)
    return _OTHER.sub(_escape_letter, written) if is_ascii else written


def _escape_letter(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex().upper()}" for place in range(0, len(units), 2))


def _read_known(path: Path) -> dict[str, str]:
    """The values of a file as they are written, by their keys; empty ones are none."""
    known: dict[str, str] = {}
    entry = ""
    for line in iter_file_lines(path):
        if not entry and _COMMENT.match(line):
            continue
        entry += f"{line}\n"
        if not _CONTINUED.search(line):
            key, start, end = _split(entry)
            known |= {key: entry[start:end]} if start < end else {}
            entry = ""
    return known
