"""Texts of a few words."""

from __future__ import annotations

import pytest

from xlmcli.text.few_words import is_made_up, without_capital


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("Dog", "en", "dog"),
        ("Low battery", "en", "low battery"),
        ("¡Feliz cumpleaños!", "es", "¡feliz cumpleaños!"),
        ("Été", "fr", "été"),
        ("« Chien ? »", "fr", "« chien ? »"),
        ("dog", "en", None),
        ("DOG", "en", None),
        ("Monday", "en", None),
        ("New York", "en", None),
        ("Harry", "en", None),
        ("Kzqwert", "en", None),
        ("Hund", "de", None),
        ("The dog is here", "en", None),
        ("In 1914 or 1915", "en", None),
        ("12", "en", None),
        ("", "en", None),
    ],
)
def test_a_few_words_inside_a_sentence(text: str, lang: str, expected: str | None) -> None:
    assert without_capital(text, lang) == expected


@pytest.mark.parametrize(
    ("translation", "text", "lang", "expected"),
    [
        ("Chien", "Dog", "fr", False),
        ("Frende", "Friend", "fr", True),
        ("Dog!", "Dog!", "fr", True),
        ("Table", "Table", "fr", False),
        ("C'est à Harry.", "Harry's", "fr", False),
        ("", "Dog", "fr", True),
        ("...", "Dog", "de", True),
        ("Freundin", "Friend", "de", False),
        ("Friend", "Friend", "de", True),
    ],
)
def test_what_is_made_up(translation: str, text: str, lang: str, expected: bool) -> None:
    assert is_made_up(translation, text, lang) is expected
