"""JSON lines: one field of each object is answered in place, the others pass through."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from xlmcli.errors import DataError
from xlmcli.infer.reading import Line
from xlmcli.infer.records.protocols import Answer, FormatOptions, RawRecord, Record
from xlmcli.json_lines import parse_object, text_in

DEFAULT_FIELD = "text"

_HINT = "--field and --pair-field choose the fields"
_WARNINGS_KEY = "warnings"


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """An object with a text in one of its fields, or two texts in two."""

    values: dict[str, object]
    field: str
    text: str
    pair: str | None
    line: Line

    @property
    def num_bytes(self) -> int:
        return self.line.num_bytes

    @property
    def raw(self) -> str:
        return f"{self.line.text}{self.line.ending}\n"

    def format(self, answer: Answer) -> str:
        new = answer.values()
        values = {**self.values, **({} if new.text is None else {self.field: new.text}), **new.added}
        values |= {key: value for key, value in new.suggested.items() if key not in self.values}
        if answer.warnings:
            known = values.get(_WARNINGS_KEY)
            values[_WARNINGS_KEY] = [*(known if isinstance(known, list) else []), *answer.warnings]
        return f"{_dump(values)}{self.line.ending}\n"


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

    def read(self, line: Line) -> Record:
        if not line.text.strip():
            return RawRecord(f"{line.text}{line.ending}\n", line.num_bytes, text="")
        place = line.place
        values = parse_object(line.text, place)
        text = text_in(values, self._field, place, _HINT)
        pair = None if self._pair_field is None else text_in(values, self._pair_field, place, _HINT)
        for key in self._added:
            if key in values:
                raise DataError(
                    f"{place}: the object has a field {key!r} already, which would be overwritten",
                    hint=f"rename it, for example: jq -c '.old_{key} = .{key} | del(.{key})'",
                )
        return JsonRecord(values, self._field, text, pair, line)

    def end_file(self) -> None:
        pass


def _dump(values: dict[str, object]) -> str:
    text = json.dumps(values, ensure_ascii=False)
    return text if text.isascii() or _is_utf8(text) else json.dumps(values)


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
