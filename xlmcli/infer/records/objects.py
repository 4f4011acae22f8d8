"""JSON lines: one field of each object is answered in place; the rest stays as it was, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xlmcli.errors import DataError
from xlmcli.infer.reading import Line
from xlmcli.infer.records.protocols import WARNINGS, Answer, FormatOptions, RawRecord, Record, check_names_free
from xlmcli.json_lines import Member, parse_members, text_in

DEFAULT_FIELD = "text"

_HINT = "--field and --pair-field choose the fields"
_ENCODER = json.JSONEncoder(ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """An object with a text in one of its fields, or two texts in two.

    Attributes:
        members: Its fields, by name.
        end: Where the last of them ends.
        field: Name of the field with the text.
        text: What it holds.
        pair: The second text.
        line: What was read.
    """

    members: dict[str, Member]
    end: int
    field: str
    text: str
    pair: str | None
    line: Line

    @property
    def num_bytes(self) -> int:
        return self.line.num_bytes

    @property
    def raw(self) -> bytes:
        return self.line.raw

    def format(self, answer: Answer) -> str:
        new = answer.values()
        added = {**new.added, **{key: value for key, value in new.suggested.items() if key not in self.members}}
        pieces: list[tuple[int, int, str]] = []
        if new.text is not None and new.text != self.text:
            member = self.members[self.field]
            pieces.append((member.start, member.end, _dump(new.text)))
        known = self.members.get(WARNINGS)
        if answer.warnings and known is None:
            added[WARNINGS] = answer.warnings
        elif answer.warnings and known is not None:
            pieces.append((known.start, known.end, self._add_warnings(known, answer.warnings)))
        pieces.append((self.end, self.end, "".join(f", {_dump(key)}: {_dump(value)}" for key, value in added.items())))
        # Without a byte-order mark, which JSON must not have.
        return _replace(self.line.text, pieces) + self.line.ending

    def _add_warnings(self, known: Member, warnings: Sequence[str]) -> str:
        """Adds warnings to those of the object, which become a list if they are none."""
        items = self.line.text[known.start : known.end]
        if isinstance(known.value, list):
            items = items[1:-1]
        elif known.value is None:
            items = ""
        return f"[{items}{', ' if items.strip() else ''}{_dump(warnings)[1:-1]}]"


class JsonReader:
    """Reads objects, one a line.

    Args:
        options: Which fields hold the texts.
        added: Names of the fields that answers add.
    """

    def __init__(self, options: FormatOptions, added: Sequence[str]) -> None:
        self._field = DEFAULT_FIELD if options.field is None else options.field
        self._pair_field = options.pair_field
        self._added = added

    def read(self, line: Line) -> tuple[Record]:
        if not line.text.strip():
            return (RawRecord(line.raw, line.num_bytes, text=""),)
        place = line.place
        found = parse_members(line.text, place)
        members = {member.key: member for member in found}
        values = {key: member.value for key, member in members.items()}
        text = text_in(values, self._field, place, _HINT)
        pair = None if self._pair_field is None else text_in(values, self._pair_field, place, _HINT)
        self._check(found, values, place)
        return (JsonRecord(members, found[-1].end, self._field, text, pair, line),)

    def _check(self, found: Sequence[Member], values: dict[str, object], place: str) -> None:
        """Checks that it is clear which field is meant, and that none is lost."""
        for key in (self._field, self._pair_field):
            if len(found) > len(values) and sum(member.key == key for member in found) > 1:
                raise DataError(f"{place}: the object has two fields {key!r}", hint="rename one of them")
        check_names_free(self._added, values, f"{place}: the object has a field")

    def end_file(self) -> tuple[()]:
        return ()


def _replace(text: str, pieces: Iterable[tuple[int, int, str]]) -> str:
    """Puts pieces in a text, each from its start to its end."""
    for start, end, piece in sorted(pieces, reverse=True):
        text = f"{text[:start]}{piece}{text[end:]}"
    return text


def _dump(value: object) -> str:
    text = _ENCODER.encode(value)
    return text if text.isascii() or _is_utf8(text) else json.dumps(value)


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
