from __future__ import annotations

import pytest

from xlmcli.errors import DataError
from xlmcli.json_lines import labels_in, parse_object, text_in


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("good", "not JSON: Expecting value at character 1$"),
        ("[" * 100_000, "not JSON: "),
        ("[1]", r"expected a JSON object, found '\[1\]'"),
        ('{"a": 1e400}', "the number 1e400 is too large"),
    ],
)
def test_what_is_no_object_is_named_with_its_line(line: str, message: str) -> None:
    with pytest.raises(DataError, match=f"^x:3: {message}"):
        parse_object(line, "x:3")


def test_fields_hold_texts_and_labels() -> None:
    values = parse_object('{"t": "a\\ud800b", "y": "good", "n": 7, "no": null, "many": ["a", "\\udfff"]}', "x:1")
    assert text_in(values, "t", "x:1", "choose") == "a\ufffdb"
    labels = [labels_in(values, field, "x:1", "choose", multi_label=True) for field in ("y", "n", "no", "many")]
    assert labels == [["good"], ["7"], [], ["a", "\ufffd"]]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, "no such field"),
        ({"y": True}, "found true"),
        ({"y": 0.5}, "found 0.5"),
        ({"y": ["a"]}, r"found \[\"a\"\]"),
        ({"y": {}}, "found {}"),
    ],
)
def test_other_values_are_neither(values: dict[str, object], found: str) -> None:
    with pytest.raises(DataError, match=f"^x:3: expected a label in field 'y', {found}$") as caught:
        labels_in(values, "y", "x:3", "choose")
    assert caught.value.hint == f"the object has {'y' if values else 'none'}; choose"
    with pytest.raises(DataError, match=f"^x:3: expected a text in field 'y', {found}$"):
        text_in(values, "y", "x:3", "choose")


def test_a_list_of_labels_holds_texts_alone() -> None:
    with pytest.raises(DataError, match=r"^x:3: expected a label in field 'y', found \[\"a\", 1\]$"):
        labels_in({"y": ["a", 1]}, "y", "x:3", "choose", multi_label=True)
