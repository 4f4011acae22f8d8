"""Lists of the words of languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import xlmcli.text.word_lists
from xlmcli.text.word_lists import find_accented_form, find_listed_form

LISTS = Path(xlmcli.text.word_lists.__file__).with_name("known_words")


@pytest.mark.parametrize(
    ("word", "lang", "form"),
    [
        ("USA", "en", "USA"),
        ("MONDAY", "en", "Monday"),
        ("LUNDI", "fr", "lundi"),
        ("HARRY", "it", "Harry"),
        ("ALLEMAGNE", "fr", "Allemagne"),
        ("CAT", "en", "cat"),
        ("PIERRE", "fr", None),
        ("FALSO", "it", None),
        ("KZQWERT", "en", None),
        ("HAUS", "de", None),
    ],
)
def test_how_a_word_in_capitals_mostly_stands(word: str, lang: str, form: str | None) -> None:
    assert find_listed_form(word, lang) == form


@pytest.mark.parametrize(
    ("word", "lang", "form"),
    [
        ("dificil", "es", "difícil"),
        ("mas", "es", "más"),
        ("etes", "fr", "êtes"),
        ("Etats", "fr", "états"),
        ("cote", "fr", None),
        ("marche", "fr", None),
        ("kzqwert", "fr", None),
        ("Rene", "fr", None),
    ],
)
def test_which_word_lacks_its_accent(word: str, lang: str, form: str | None) -> None:
    assert find_accented_form(word, lang) == form


@pytest.mark.parametrize("path", sorted(LISTS.glob("*.txt")), ids=lambda path: path.stem)
def test_lists_are_sorted_words(path: Path) -> None:
    words = path.read_text(encoding="utf-8").splitlines()
    assert words == sorted(set(words))
    assert all(re.fullmatch(r"[^\W\d_]+(-[^\W\d_]+)*", word) for word in words)
