"""Messages in which braces are quoted, by an independent reading of ICU's rules and of Java's."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

Convert = Callable[..., str]

PIECES = st.sampled_from(
    ["a ", "red ", "it''s ", "'{'", "'}'", "'{a} b'", "'{''s'", "{0}", "<br/>", "''", ", ", "d''{1} "]
)
TEXTS = st.lists(PIECES, max_size=8).map(lambda pieces: "".join([*pieces, "a {0}"]))


def read(message: str, *, by_java: bool = False) -> str:
    """A message as it is understood: what is quoted stands in round brackets then."""
    said = ""
    is_quoted = False
    position = 0
    while position < len(message):
        sign, following = message[position], message[position + 1 : position + 2]
        position += 1
        if sign == "'" and following == "'":
            position += 1
            said += "'"
        elif sign == "'" and (is_quoted or by_java or following in ("{", "}")):
            is_quoted = not is_quoted
            said += "(" if is_quoted else ")"
        else:
            said += sign
    assert not is_quoted
    return said


@given(TEXTS)
def test_what_java_quotes_stays_quoted(convert: Convert, text: str) -> None:
    converted = convert("properties", f"x={text}\n", str.upper).removeprefix("x=").rstrip("\n")
    assert read(converted, by_java=True) == upper(read(text, by_java=True))


@given(TEXTS, TEXTS)
def test_what_icu_quotes_stays_quoted(convert: Convert, one: str, other: str) -> None:
    message = f"{one}{{n, plural, one {{{other}}} other {{# {one}}}}}"
    (converted,) = json.loads(convert("json", json.dumps([message]), str.upper))
    assert read(converted) == upper(read(message))
    escaped = html.escape(message, quote=False)
    document = convert("xliff", f"<xliff><trans-unit><source>{escaped}</source></trans-unit></xliff>", str.upper)
    (target,) = re.findall("<target[^>]*>(.*)</target>", document)
    assert html.unescape(target) == converted


def upper(message: str) -> str:
    return re.sub(r"<BR/>|\{N, PLURAL, ONE|OTHER(?= \{)|\([^()]*\)", lambda found: found[0].lower(), message.upper())


def test_a_choice_that_is_quoted_is_none(convert: Convert) -> None:
    message = "'{n, plural, one {a}}' b {n, plural, one {c} other {d}}"
    assert convert("json", json.dumps(message), str.upper) == json.dumps(
        message.replace("b", "B").replace("c}", "C}").replace("{d", "{D")
    )


def test_an_apostrophe_before_a_brace_does_not_quote_it(convert: Convert) -> None:
    def translate(text: str) -> str:
        return text.replace("of ", "d'")

    assert convert("json", '"{n, plural, one {# cat of {x}} other {x}}"', translate) == (
        "\"{n, plural, one {# cat d''{x}} other {x}}\""
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Don't open {0}", "DON''T OPEN {0}"),
        ("the 'red' {0} isn't", "THE ''RED'' {0} ISN''T"),
        ("'see {0}'  for {1}", "'see {0}'  FOR {1}"),
        ("<a href='{0}'>it''s</a> {1}", "<a href='{0}'>IT''S</a> {1}"),
        ("Don't use '{x}'", "DON'T USE '{x}'"),
    ],
)
def test_lone_apostrophes_in_a_format_were_meant_to_be_read(convert: Convert, value: str, expected: str) -> None:
    assert convert("properties", f"x={value}", str.upper) == f"x={expected}"
