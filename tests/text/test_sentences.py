from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.text.sentences import sentence_separator, split_sentences


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("en", "Dr. Smith went home.  He slept!", ["Dr. Smith went home.", "He slept!"]),
        ("fr", "M. Dupont dort. Où est-il ?", ["M. Dupont dort.", "Où est-il ?"]),
        ("zh", "你好。再见。", ["你好。", "再见。"]),
        ("xx", "One. Two.", ["One.", "Two."]),
        ("en", " \t ", []),
    ],
)
def test_sentences_end_where_the_language_ends_them(lang: str, text: str, expected: list[str]) -> None:
    assert split_sentences(text, lang) == expected


@given(st.text())
def test_no_letter_is_lost(text: str) -> None:
    assert "".join("".join(split_sentences(text, "en")).split()) == "".join(text.split())


def test_languages_without_spaces_are_joined_without() -> None:
    assert sentence_separator("zh") == ""
    assert sentence_separator("fr") == " "
