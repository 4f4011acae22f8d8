from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.errors import DataError

Convert = Callable[..., str]

CATALOGUE = """\
# A comment: with words
! another
title = Good morning
  indented\\ key : a \\
     long value
path=C:\\\\folder\\\\
next\ta tab
empty=
lonely
message=It''s {0} o''clock
plain=It's late\\u0021 caf\\u00e9
"""


def test_values_are_translated(convert: Convert) -> None:
    assert (
        convert("properties", CATALOGUE, str.upper)
        == """\
# A comment: with words
! another
title = GOOD MORNING
  indented\\ key : A LONG VALUE
path=C:\\\\FOLDER\\\\
next\tA TAB
empty=
lonely
message=IT''S {0} O''CLOCK
plain=IT'S LATE! CAF\\u00C9
"""
    )


LINES = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"))).map("\n".join)


@given(LINES | st.text("ab=: \\\\u0\r\n#'{}").filter(lambda text: "\\u" not in text))
def test_the_same_texts_give_the_same_bytes(convert: Convert, content: str) -> None:
    try:
        assert convert("properties", content) == content
    except DataError as error:
        assert "hexadecimal" in error.message  # noqa: PT017


def test_a_byte_order_mark_and_other_line_ends_stay(convert: Convert) -> None:
    content = f"\ufeff{CATALOGUE}".replace("\n", "\r\n")
    assert convert("properties", content) == content
    assert convert("properties", content, str.upper).count("\r\n") == content.count("\r\n") - 1


@pytest.mark.parametrize("separator", ["=", " ", ":", " = "])
@pytest.mark.parametrize(
    "value", ["\\ Hello, world", "\\=Hello", "\\:hello there", "\\  x {n, plural, one {y} other {z}}"]
)
def test_a_value_begins_with_what_it_began_with(convert: Convert, separator: str, value: str) -> None:
    content = f"k{separator}{value}\n"
    assert convert("properties", content) == content
    plain = convert(
        "properties", content, lambda text: text.replace("x", "a").replace("Hello", "a").replace("hello", "a")
    )
    assert plain == content.replace("x", "a").replace("Hello", "a").replace("hello", "a")


@pytest.mark.parametrize("start", [" ", "=", ":", "\t"])
def test_a_translation_is_no_separator(convert: Convert, start: str) -> None:
    converted = convert("properties", "k a\n", lambda text: f"{start}b")
    assert converted == ("k \\tb\n" if start == "\t" else f"k \\{start}b\n")


def test_letters_are_written_as_the_file_writes_them(convert: Convert) -> None:
    assert convert("properties", "a=x y\n", lambda text: "é 😀") == "a=\\u00E9 \\uD83D\\uDE00\n"
    assert convert("properties", "# é\na=x y\n", lambda text: "é") == "# é\na=é\n"


def test_values_of_another_file_are_taken_over(convert: Convert, tmp_path: Path) -> None:
    other = tmp_path / "fr.properties"
    other.write_text("title: Bonjour\\\n  le monde\nempty=\nplain=\n", encoding="utf-8")
    converted = convert("properties", CATALOGUE, str.upper, only_missing=other)
    assert "title = Bonjour\\\n  le monde\n" in converted
    assert "plain=IT'S LATE" in converted


def test_a_broken_escape_is_named(convert: Convert) -> None:
    with pytest.raises(DataError, match=r"FILE:2: .u without four"):
        convert("properties", "a=b\nc=\\u12\n")
