"""Typed reading of JSON objects, with errors that name the place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TypeVar

from xlmcli.errors import ModelError

Choice = TypeVar("Choice", bound=str)


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
            ModelError: The text is not JSON, is cut short, or holds something else than an object.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ModelError(
                f"{place}: not valid JSON ({error})", hint="the file may be cut short: copy it again"
            ) from None
        if not isinstance(values, dict):
            raise ModelError(f"{place}: expected a JSON object, found {_kind(values)}")
        return cls(values, place)

    def text(self, key: str) -> str:
        value = self._value(key)
        if not isinstance(value, str):
            raise self._wrong(key, "text", value)
        return value

    def optional_text(self, key: str) -> str | None:
        return None if self.values.get(key) is None else self.text(key)

    def choice(self, key: str, choices: tuple[Choice, ...]) -> Choice:
        value = self.text(key)
        for choice in choices:
            if value == choice:
                return choice
        raise ModelError(
            f"{self.place}: {key} is {value!r}, expected one of {', '.join(choices)}",
            hint="a newer xlm may know it: pip install --upgrade xlmcli",
        )

    def whole(self, key: str) -> int:
        """Returns a whole number that is not negative."""
        value = self._value(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._wrong(key, "a whole number", value)
        return value

    def number(self, key: str) -> float:
        value = self._value(key)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise self._wrong(key, "a number", value)
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
        return tuple(value)

    def _item(self, key: str, index: int, item: object) -> Fields:
        if not isinstance(item, dict):
            raise self._wrong(f"{key}[{index}]", "an object", item)
        return Fields(item, f"{self.place}: {key}[{index}]")

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
    return repr(value)
