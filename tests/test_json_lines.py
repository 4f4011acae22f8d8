from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.errors import DataError
from xlmcli.json_lines import labels_in, parse_members, parse_object, text_in


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("good", "not JSON: Expecting value at character 1$"),
        ("[" * 100_000, "nested more than 900 deep$"),
        (f'{{"a": {"[" * 900}1{"]" * 900}}}', "nested more than 900 deep$"),
        ('{"a": [-Infinity]}', "-Infinity is no number in JSON$"),
        ('{"a": NaN}', "NaN is no number in JSON$"),
        (f'{{"a": {"1" * 5000}}}', "a number has too many digits$"),
        ('{"a": 1} x', "not JSON: Extra data at character "),
        ('{"a": 1,}', "not JSON: "),
        ('{"a" 1}', "not JSON: Expecting ':' delimiter at character 6$"),
        ('{"a": 1 "b": 2}', "not JSON: Expecting ',' delimiter at character 9$"),
        ("{a: 1}", "not JSON: Expecting property name enclosed in double quotes at character 2$"),
        ('{"a": "\t"}', "not JSON: Invalid control character at character 8$"),
        ('{"a\x01": 1}', "not JSON: Invalid control character at character 4$"),
        ('{"a\\x": 1}', "not JSON: Invalid "),
        ('{"a": 1}}', "not JSON: Extra data at character 9$"),
        ("", "not JSON: Expecting value at character 1$"),
        ("{", "not JSON: "),
        ("[1]", r"expected a JSON object, found '\[1\]'"),
        ('{"a": 1e400}', "the number 1e400 is too large"),
    ],
)
def test_what_is_no_object_is_named_with_its_line(line: str, message: str) -> None:
    for parse in (parse_object, parse_members):
        with pytest.raises(DataError, match=f"^x:3: {message}"):
            parse(line, "x:3")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=10,
)


@given(st.lists(st.tuples(st.text(), JSON)), st.sampled_from(["", " ", "\t "]))
def test_members_stand_where_they_are_said_to(members: list[tuple[str, object]], space: str) -> None:
    fields = f"{space},{space}".join(f"{json.dumps(key)}{space}:{space}{json.dumps(value)}" for key, value in members)
    line = f"{space}{{{space}{fields}{space}}}{space}"
    found = parse_members(line, "x:1")
    assert [(member.key, member.value) for member in found] == members
    assert [json.loads(line[member.start : member.end]) for member in found] == [value for _, value in members]
    assert parse_object(line, "x:1") == dict(members)


def test_brackets_in_texts_are_no_nesting() -> None:
    line = json.dumps({"a": "[{" * 1000 + '\\"' + "[" * 1000})
    assert parse_object(line, "x:1") == json.loads(line)


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
