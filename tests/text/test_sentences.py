from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.text.sentences import sentence_separator, split_sentences


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("en", "Dr. Smith went home.  He slept!", ["Dr. Smith went home.", "He slept!"]),
        ("fr", "M. Dupont dort. Où est-il ?", ["M. Dupont dort.", "Où est-il ?"]),
        ("fr", "Un livre de J. Dupont. Lisez-le.", ["Un livre de J. Dupont.", "Lisez-le."]),
        ("fr", "Avec M. Dupont et pour M. Durand.", ["Avec M. Dupont et pour M. Durand."]),
        ("en", "This is plan B. It is good.", ["This is plan B.", "It is good."]),
        ("fr", "Voici le plan B. Il est bon.", ["Voici le plan B.", "Il est bon."]),
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


@pytest.mark.parametrize("sentence", ["This is plan B. ", "So did I. "])
def test_long_texts_take_no_longer_by_the_sentence(sentence: str) -> None:
    begin = time.monotonic()
    split_sentences(sentence * 8000, "en")
    assert time.monotonic() - begin < 5


def test_languages_without_spaces_are_joined_without() -> None:
    assert sentence_separator("zh") == ""
    assert sentence_separator("fr") == " "
    assert sentence_separator("zh_Hant") == sentence_separator("zh-TW") == sentence_separator("dz") == ""
    assert sentence_separator("pt_BR") == " "
