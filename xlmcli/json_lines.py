"""JSON lines as training, evaluation and streams read them: an object a line, texts and labels in its fields."""

from __future__ import annotations

import json
import math

from xlmcli.errors import DataError
from xlmcli.tables import ALL_LABELS_NAME, LABEL_NAME, PROBABILITY_NAME


def parse_object(line: str, place: str) -> dict[str, object]:
    """Returns the fields of an object.

    Args:
        line: The object.
        place: Where it is, for messages.

    Raises:
        DataError: It is none, or has a number that is too large.
    """
    try:
        values = json.loads(line, parse_float=_parse_float)
    except OverflowError as error:
        raise DataError(f"{place}: {error}") from error
    except json.JSONDecodeError as error:
        raise DataError(f"{place}: not JSON: {error.msg} at character {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place}: not JSON: {error}") from error
    if not isinstance(values, dict):
        raise DataError(f"{place}: expected a JSON object, found {line[:40]!r}")
    return values


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
        multi_label: Whether there may be a list of texts.

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
    return [whole_characters(str(label))]


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
