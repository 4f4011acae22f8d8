"""JSON lines: one field of each object is answered in place, the others pass through."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from xlmcli.errors import DataError
from xlmcli.infer.formats import Answer, FormatOptions, RawRecord, Record
from xlmcli.infer.reading import Line

DEFAULT_FIELD = "text"

_SCORE_KEY = "score"
_NBEST_KEY = "nbest"
_WARNINGS_KEY = "warnings"


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """An object with a text in one of its fields."""

    values: dict[str, object]
    field: str
    text: str
    line: Line
    options: FormatOptions

    @property
    def num_bytes(self) -> int:
        return self.line.num_bytes

    def format(self, answer: Answer) -> str:
        best = answer.hypotheses[0]
        values = {**self.values, self.field: best.text}
        if self.options.with_scores:
            values[_SCORE_KEY] = round(best.score, 4)
        if self.options.num_best > 1:
            values[_NBEST_KEY] = [{"text": item.text, "score": round(item.score, 4)} for item in answer.hypotheses]
        if answer.warnings:
            known = values.get(_WARNINGS_KEY)
            values[_WARNINGS_KEY] = [*(known if isinstance(known, list) else []), *answer.warnings]
        return f"{_dump(values)}{self.line.ending}\n"


class JsonReader:
    """Reads objects, one a line."""

    def __init__(self, options: FormatOptions) -> None:
        self._options = options
        self._field = DEFAULT_FIELD if options.field is None else options.field

    def read(self, line: Line) -> Record:
        if not line.text.strip():
            return RawRecord(f"{line.text}{line.ending}\n", line.num_bytes)
        try:
            values = json.loads(line.text, parse_float=_parse_float)
        except OverflowError as error:
            raise DataError(f"{line.place}: {error}") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{line.place}: not JSON: {error}") from error
        if not isinstance(values, dict):
            raise DataError(f"{line.place}: expected a JSON object, found {line.text[:40]!r}")
        text = values.get(self._field)
        if not isinstance(text, str):
            found = "no such field" if self._field not in values else f"found {json.dumps(text)[:40]}"
            raise DataError(
                f"{line.place}: expected a text in field {self._field!r}, {found}",
                hint=f"--field chooses the field; the object has {', '.join(map(str, values)) or 'none'}",
            )
        self._check_free(values, line)
        return JsonRecord(values, self._field, _without_surrogates(text), line, self._options)

    def end_file(self) -> None:
        pass

    def _check_free(self, values: dict[str, object], line: Line) -> None:
        added = [_SCORE_KEY] * self._options.with_scores + [_NBEST_KEY] * (self._options.num_best > 1)
        for key in added:
            if key in values:
                raise DataError(f"{line.place}: the object has a field {key!r} already, which would be overwritten")


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
