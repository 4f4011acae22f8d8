"""JSON lines: one field of each object is answered in place, the others pass through."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from xlmcli.errors import DataError
from xlmcli.infer.formats import Answer, FormatOptions, RawRecord, Record
from xlmcli.infer.reading import Line

DEFAULT_FIELD = "text"

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
        values = _parse(line)
        text = _text(values, self._field, "--field", line)
        pair = None if self._pair_field is None else _text(values, self._pair_field, "--pair-field", line)
        for key in self._added:
            if key in values:
                raise DataError(f"{line.place}: the object has a field {key!r} already, which would be overwritten")
        return JsonRecord(values, self._field, text, pair, line)

    def end_file(self) -> None:
        pass


def _parse(line: Line) -> dict[str, object]:
    try:
        values = json.loads(line.text, parse_float=_parse_float)
    except OverflowError as error:
        raise DataError(f"{line.place}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{line.place}: not JSON: {error}") from error
    if not isinstance(values, dict):
        raise DataError(f"{line.place}: expected a JSON object, found {line.text[:40]!r}")
    return values


def _text(values: dict[str, object], field: str, option: str, line: Line) -> str:
    text = values.get(field)
    if not isinstance(text, str):
        found = "no such field" if field not in values else f"found {json.dumps(text)[:40]}"
        raise DataError(
            f"{line.place}: expected a text in field {field!r}, {found}",
            hint=f"{option} chooses the field; the object has {', '.join(map(str, values)) or 'none'}",
        )
    return _without_surrogates(text)


def _parse_float(text: str) -> float:
    # Infinity, which Python makes of 1e400, is no JSON.
    number = float(text)
    if math.isinf(number):
        raise OverflowError(f"the number {text[:40]} is too large")
    return number


def _without_surrogates(text: str) -> str:
    # JSON can spell half of a surrogate pair (\ud800), which is no character.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _dump(values: dict[str, object]) -> str:
    text = json.dumps(values, ensure_ascii=False)
    return text if text.isascii() or _is_utf8(text) else json.dumps(values)


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
