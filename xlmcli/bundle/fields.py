"""Typed reading of JSON objects, with errors that name the place."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from xlmcli.errors import ModelError
from xlmcli.facts import has_controls
from xlmcli.lines import check_encoding

Choice = TypeVar("Choice", bound=str)

_MOST = 2**31 - 1
_MAX_SHOWN = 60
_LARGEST = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Fields:
    """The members of one JSON object.

    Attributes:
        values: What the object holds.
        place: Where it lies, for errors: a file, then the keys that lead to the object.
    """

    values: dict[str, object]
    place: str

    @classmethod
    def parse(cls, text: str | bytes, place: str) -> Fields:
        """Reads a JSON document whose top level is an object.

        Raises:
            ModelError: The text is not JSON in UTF-8, is cut short, or holds something else than an object.
        """
        if isinstance(text, bytes):  # JSON's reader takes other encodings, which the engine does not.
            check_encoding(text[:_MAX_SHOWN], place, ModelError)
        try:
            values = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ModelError(
                f"{place}: not valid JSON ({error})", hint="the file may be cut short: copy it again"
            ) from None
        if not isinstance(values, dict):
            raise ModelError(f"{place}: expected a JSON object, found {_kind(values)}")
        return cls(values, place)

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the members, where they are names that somebody chose."""
        return tuple(self._name(ascii(key)[:_MAX_SHOWN], key) for key in self.values)

    def text(self, key: str) -> str:
        return self._whole_text(key, self._value(key))

    def name(self, key: str) -> str:
        """Returns a text that people choose by and that is written as it is: of a language, a label."""
        return self._name(key, self._value(key))

    def optional_text(self, key: str) -> str | None:
        return None if self.values.get(key) is None else self.text(key)

    def choice(self, key: str, choices: tuple[Choice, ...]) -> Choice:
        value = self.text(key)
        for choice in choices:
            if value == choice:
                return choice
        raise ModelError(
            f"{self.place}: {key} is {_kind(value)}, expected one of {', '.join(choices)}",
            hint="a newer xlm may know it: pip install --upgrade xlmcli",
        )

    def whole(self, key: str, least: int = 0, most: int = _MOST) -> int:
        """Returns a whole number within bounds."""
        value = self._value(key)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self._wrong(key, f"a whole number from {least} to {most}", value)
        return value

    def number(self, key: str, least: float = -math.inf, most: float = math.inf) -> float:
        """Returns a finite number within bounds."""
        value = self._value(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, "a number", value)
        # An integer may be too large for a float, and is compared all the same.
        if not least <= value <= most or abs(value) > _LARGEST:
            raise self._wrong(key, f"a number from {least:g} to {most:g}", value)
        return float(value)

    def truth(self, key: str) -> bool:
        value = self._value(key)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def child(self, key: str) -> Fields:
        value = self._value(key)
        if not isinstance(value, dict):
            raise self._wrong(key, "an object", value)
        return Fields(value, f"{self.place}: {key}")

    def children(self, key: str) -> list[Fields]:
        value = self._value(key)
        if not isinstance(value, list):
            raise self._wrong(key, "a list", value)
        return [self._item(key, index, item) for index, item in enumerate(value)]

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._value(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(key, "a list of texts", value)
        return tuple(self._whole_text(f"{key}[{index}]", item) for index, item in enumerate(value))

    def names(self, key: str) -> tuple[str, ...]:
        """Returns a list of texts, each as `name` has it."""
        return tuple(self._name(f"{key}[{index}]", text) for index, text in enumerate(self.texts(key)))

    def _item(self, key: str, index: int, item: object) -> Fields:
        if not isinstance(item, dict):
            raise self._wrong(f"{key}[{index}]", "an object", item)
        return Fields(item, f"{self.place}: {key}[{index}]")

    def _whole_text(self, key: str, value: object) -> str:
        if not isinstance(value, str):
            raise self._wrong(key, "text", value)
        try:
            value.encode()
        except UnicodeEncodeError:  # JSON can spell a half of a surrogate pair, which is no character
            raise self._wrong(key, "text of whole characters", value) from None
        return value

    def _name(self, key: str, value: object) -> str:
        text = self._whole_text(key, value)
        if has_controls(text):
            raise self._wrong(key, "a name without control characters", value)
        return text

    def _value(self, key: str) -> object:
        if key not in self.values:
            raise ModelError(f"{self.place}: {key} is missing")
        return self.values[key]

    def _wrong(self, key: str, expected: str, value: object) -> ModelError:
        return ModelError(f"{self.place}: {key} should be {expected}, found {_kind(value)}")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    shown = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}…"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
