from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.errors import DataError

Convert = Callable[..., str]

CATALOGUE = """\
{
  "title": "Good morning", "n": 1.10, "on": true,
  "menu": {"file": "Open a file", "items": ["first one", 2, null, {"x": "caf\\u00e9 \\"here\\""}]},
  "hello": "Hello {name}, you have {count, plural, =0 {no cat} one {# cat} other {# cats in {place}}} now!",
  "tags": "Press <0>the red button</0> or <br/> see https://example.org/a?b=c.",
  "id": "user_name", "colour": "#ff00aa", "empty": "", "mail": "%d of %(total)s files\\n done"
}
"""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.booleans(), st.sampled_from([None, 1]))
def test_the_same_texts_give_the_same_bytes(
    convert: Convert, value: object, is_ascii: bool, indent: int | None
) -> None:
    content = json.dumps(value, ensure_ascii=is_ascii, indent=indent)
    assert convert("json", content) == content


@given(JSON)
def test_all_but_texts_stays(convert: Convert, value: object) -> None:
    def shape(value: object) -> object:
        if isinstance(value, dict):
            return {key: shape(item) for key, item in value.items()}
        return list(map(shape, value)) if isinstance(value, list) else "" if isinstance(value, str) else value

    converted = convert("json", json.dumps(value, ensure_ascii=False), lambda text: f'«"{text}\\»')
    assert shape(json.loads(converted)) == shape(value)


def test_texts_are_translated_and_placeholders_are_not(convert: Convert) -> None:
    converted = convert("json", CATALOGUE, str.upper)
    assert converted.count("\n") == CATALOGUE.count("\n")
    assert '"n": 1.10, "on": true,' in converted
    found = json.loads(converted)
    assert found["menu"] == {"file": "OPEN A FILE", "items": ["FIRST ONE", 2, None, {"x": 'CAFÉ "HERE"'}]}
    assert found["hello"] == (
        "HELLO {name}, YOU HAVE {count, plural, =0 {NO CAT} one {# CAT} other {# CATS IN {place}}} NOW!"
    )
    assert found["tags"] == "PRESS <0>THE RED BUTTON</0> OR <br/> SEE https://example.org/a?b=c."
    assert (found["id"], found["colour"], found["empty"]) == ("user_name", "#ff00aa", "")
    assert found["mail"] == "%d OF %(total)s FILES\n DONE"


def test_texts_of_another_catalogue_are_taken_over(convert: Convert, tmp_path: Path) -> None:
    other = tmp_path / "fr.json"
    other.write_text('{"title": "Bonjour \\u00e0 tous", "menu": {"file": "", "items": [3]}}', encoding="utf-8")
    converted = convert("json", CATALOGUE, str.upper, only_missing=other)
    assert '"title": "Bonjour \\u00e0 tous"' in converted
    assert json.loads(converted)["menu"]["file"] == "OPEN A FILE"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": "b",\n "c": }', "FILE:2: not JSON: Expecting value at character 7"),
        ("[" * 100_000 + "]" * 100_000, "FILE: nested too deep"),
        ("9" * 5000, "FILE: a number has too many digits"),
    ],
)
def test_what_is_no_json_is_named(convert: Convert, content: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        convert("json", content)
    assert caught.value.message == message


def test_a_byte_order_mark_and_other_line_ends_stay(convert: Convert) -> None:
    content = f"\ufeff{CATALOGUE}".replace("\n", "\r\n")
    assert convert("json", content) == content


def test_texts_that_are_no_characters_stay(convert: Convert) -> None:
    content = '{"a": "one \\ud800 two"}'
    assert convert("json", content, str.upper) == content


def test_lone_braces_are_text(convert: Convert) -> None:
    def translated(text: str) -> Any:
        return json.loads(convert("json", json.dumps(text), str.upper))

    assert translated("a { b") == "A { B"
    assert translated("you {n, plural, one {x}") == "YOU {N, PLURAL, ONE {x}"


@pytest.mark.parametrize(
    "text", ["eyJh" * 5000, "a@" * 20_000, "{a, plural, x " * 3000, "{a, plural, x {" * 3000, "<!--" * 9000]
)
def test_hostile_texts_take_no_long_time(convert: Convert, text: str) -> None:
    content = json.dumps([text])
    assert convert("json", content) == content
