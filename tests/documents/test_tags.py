"""Elements that are not translated are opaque in every format that has tags in its texts."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

Convert = Callable[..., str]


@pytest.mark.parametrize(
    "element",
    [
        "<code>get the file list</code>",
        "<kbd>enter</kbd>",
        "<CODE class='x'>a <b>b</b> <code>c</code> d</CODE>",
        '<span translate="no">red <i>car</i></span>',
        "<a class='x notranslate' href='y'>red</a>",
    ],
)
@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("md", "{}"),
        ("html", "{}"),
        ("properties", "a={}"),
        ("json", "[%s]"),
        ("po", "msgid %s\nmsgstr %s\n"),
        ("xliff", "<xliff><trans-unit><source>{}</source><target>{}</target></trans-unit></xliff>"),
    ],
)
def test_an_element_that_is_not_translated_stays(convert: Convert, name: str, document: str, element: str) -> None:
    def written(text: str) -> str:
        text = text.replace("<", "&lt;") if name == "xliff" else text
        return document.replace("{}", text).replace("%s", json.dumps(text))

    text = "run {} or {}, then <b>do {} *it* here</b>".replace(" *it*", " *it*" * (name == "md"))
    said = text.upper().replace("B>", "b>")
    converted = convert(name, written(text.replace("{}", element)), str.upper, redoes=True, marks_fuzzy=False)
    assert said.replace("{}", element) in converted.replace("&lt;", "<").replace("&gt;", ">").replace('\\"', '"')


def test_what_is_not_closed_is_translated(convert: Convert) -> None:
    assert convert("json", '["run <code>a b"]', str.upper) == '["RUN <code>A B"]'
