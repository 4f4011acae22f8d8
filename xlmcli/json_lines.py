"""JSON lines as training, evaluation and streams read them: an object a line, texts and labels in its fields."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple, NoReturn

from xlmcli.errors import DataError
from xlmcli.tables import ALL_LABELS_NAME, LABEL_NAME, PROBABILITY_NAME, split_labels

_MAX_DEPTH = 900  # The parser takes some 100 more than that, less what calls it.
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_BRACKET = re.compile(r"[\[\]{}]")
_SPACE = r"[ \t\n\r]*"
_START = re.compile(rf"{_SPACE}\{{{_SPACE}(\}}{_SPACE})?")
_KEY = re.compile(rf'"([^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*)"{_SPACE}:{_SPACE}')
_NEXT = re.compile(rf"{_SPACE}([,}}]){_SPACE}")


class Member(NamedTuple):
    """A field of an object.

    Attributes:
        key: Its name.
        value: What it holds.
        start: Where the value begins in the text of the object.
        end: Where it ends.
    """

    key: str
    value: object
    start: int
    end: int


def parse_object(line: str, place: str) -> dict[str, object]:
    """Returns the fields of an object.

    Args:
        line: The object.
        place: Where it is, for messages.

    Raises:
        DataError: It is none, is nested too deep, or has a number that is too large.
    """
    with _parsing(line, place):
        values = _DECODER.decode(line)
        if not isinstance(values, dict):
            raise _no_object(line, place)
    return values


def parse_members(line: str, place: str) -> list[Member]:
    """Returns the fields of an object and where they stand, those with the same name, too.

    Args:
        line: The object.
        place: Where it is, for messages.

    Raises:
        DataError: As of `parse_object`.
    """
    with _parsing(line, place):
        start = _START.match(line)
        if start is None:
            raise _no_object(line, place)
        members: list[Member] = []
        position, is_last = start.end(), bool(start[1])
        while not is_last:
            key = _KEY.match(line, position)
            if key is None:
                raise _no_object(line, place)
            name = _DECODER.raw_decode(line, position)[0] if "\\" in key[1] else key[1]
            value, end = _DECODER.raw_decode(line, key.end())
            members.append(Member(name, value, key.end(), end))
            following = _NEXT.match(line, end)
            if following is None:
                raise _no_object(line, place)
            position, is_last = following.end(), following[1] == "}"
        if position < len(line):
            raise _no_object(line, place)
    return members


@contextlib.contextmanager
def _parsing(line: str, place: str) -> Iterator[None]:
    """Turns what parsing raises into a `DataError`; refuses what is nested too deep for the parser."""
    if line.count("[") + line.count("{") > _MAX_DEPTH and _is_deep(line):
        raise DataError(f"{place}: nested more than {_MAX_DEPTH} deep")
    try:
        yield
    except OverflowError as error:
        raise DataError(f"{place}: {error}") from error
    except json.JSONDecodeError as error:
        raise DataError(f"{place}: not JSON: {error.msg.removesuffix(' at')} at character {error.colno}") from error
    except ValueError as error:
        raise DataError(f"{place}: a number has too many digits") from error


def _is_deep(line: str) -> bool:
    brackets = _BRACKET.finditer(_STRING.sub("", line))
    return any(depth > _MAX_DEPTH for depth in accumulate(1 if bracket[0] in "[{" else -1 for bracket in brackets))


def _no_object(line: str, place: str) -> DataError:
    _DECODER.decode(line)  # Raises, naming the character, if it is no JSON at all.
    return DataError(f"{place}: expected a JSON object, found {line[:40]!r}")


def text_in(values: dict[str, object], field: str, place: str, hint: str) -> str:
    """Returns the text in a field.

    Args:
        values: An object.
        field: Name of the field.
        place: Where the object is, for messages.
        hint: How the user chooses the field.

    Raises:
        DataError: There is no such field, or no text in it.
    """
    text = values.get(field)
    if isinstance(text, str):
        return whole_characters(text)
    raise wrong_field(values, field, "a text", place, hint)


def labels_in(values: dict[str, object], field: str, place: str, hint: str, *, multi_label: bool = False) -> list[str]:
    """Returns the label in a field: a text, or a whole number as text; null is none.

    Args:
        values: An object.
        field: Name of the field.
        place: Where the object is, for messages.
        hint: How the user chooses the field.
        multi_label: Whether there may be a list of texts, or a text of several with commas between.

    Raises:
        DataError: There is no such field, or no label in it.
    """
    label = values.get(field, True)
    if label is None:
        return []
    if multi_label and isinstance(label, list) and all(isinstance(name, str) for name in label):
        return [whole_characters(name) for name in label]
    if isinstance(label, bool) or not isinstance(label, str | int):
        raise wrong_field(values, field, "a label", place, hint)
    text = whole_characters(str(label))
    return split_labels(text) if multi_label else [text]


def all_labels_in(values: dict[str, object], place: str, hint: str) -> tuple[list[str], list[object]]:
    """Returns labels, and what stands for their probabilities, in the list that ``xlm classify --all`` writes.

    Args:
        values: An object with the field ``labels``.
        place: Where the object is, for messages.
        hint: How the user chooses the field.

    Raises:
        DataError: It is no list of objects that each have both.
    """
    labels: list[str] = []
    probabilities: list[object] = []
    items = values[ALL_LABELS_NAME]
    for item in items if isinstance(items, list) else [items]:
        if not isinstance(item, dict):
            raise wrong_field(values, ALL_LABELS_NAME, "labels and probabilities", place, hint)
        labels += labels_in(item, LABEL_NAME, place, hint)
        if PROBABILITY_NAME not in item:
            raise wrong_field(item, PROBABILITY_NAME, "a probability", place, hint)
        probabilities.append(item[PROBABILITY_NAME])
    return labels, probabilities


def wrong_field(values: dict[str, object], field: str, what: str, place: str, hint: str) -> DataError:
    """Returns an error that says what was expected in a field, and what is there."""
    found = f"found {json.dumps(values[field])[:40]}" if field in values else "no such field"
    return DataError(
        f"{place}: expected {what} in field {field!r}, {found}",
        hint=f"the object has {', '.join(map(whole_characters, values)) or 'none'}; {hint}",
    )


def whole_characters(text: str) -> str:
    """Replaces halves of surrogate pairs, which JSON can spell (``\\ud800``) and which are no characters."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _parse_float(text: str) -> float:
    # Infinity, which Python makes of 1e400, is no JSON.
    number = float(text)
    if math.isinf(number):
        raise OverflowError(f"the number {text[:40]} is too large")
    return number


def _refuse_constant(name: str) -> NoReturn:
    # NaN and Infinity, which Python reads and writes, are no JSON.
    raise OverflowError(f"{name} is no number in JSON")


_DECODER = json.JSONDecoder(parse_float=_parse_float, parse_constant=_refuse_constant)
