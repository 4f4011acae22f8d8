"""Pieces and words are found again in the text that they were made of."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.text.places import find_parts, find_words


@pytest.mark.parametrize(
    ("text", "lang", "words"),
    [
        ("It's 3.5 km, isn’t it?", "en", ["It", "'s", "3.5", "km", ",", "isn", "’t", "it", "?"]),
        ("L’été, qu'il dit…", "fr", ["L’", "été", ",", "qu'", "il", "dit", "…"]),
        ("  Dr. Smith \t came.  ", "en", ["Dr.", "Smith", "came", "."]),
        ("two\r\nlines", "en", ["two", "lines"]),
        ("", "en", []),
        ("   ", "fr", []),
        ("don't don't", "en", ["don", "'t", "don", "'t"]),
    ],
)
def test_words(text: str, lang: str, words: list[str]) -> None:
    found = find_words(text, lang)
    assert [text[word.start : word.end] for word in found] == [word.text for word in found]
    assert [word.text for word in found] == words


@pytest.mark.parametrize(
    ("parts", "text", "wanted"),
    [
        ([" The", " cat", "s"], "The  cats", ["The", "cat", "s"]),
        (["the", "éléphant"], "THE ELEPHANT", ["THE", "ELEPHANT"]),
        (["don", "'", "t"], "don't", ["don", "'", "t"]),
        (["ﬁ", "ne"], "fine", ["fi", "ne"]),
        (["n", "a", "ï", "", "f"], "nai\u0308f", ["n", "a", "i", None, "f"]),
        (["«", "oui", "»"], '"oui"', [None, "oui", None]),
        (["a", "xyz", "b"], "a - b", ["a", None, "b"]),
        ([], "", []),
        (["word"], "", [None]),
    ],
)
def test_parts(parts: list[str], text: str, wanted: list[str | None]) -> None:
    places = find_parts(parts, text)
    assert [None if place is None else text[slice(*place)] for place in places] == wanted


@given(st.lists(st.text(), max_size=8), st.text(max_size=30))
def test_parts_are_inside_and_in_order(parts: list[str], text: str) -> None:
    for other in ("".join(parts), text):
        places = [place for place in find_parts(parts, other) if place is not None]
        assert all(0 <= start < end <= len(other) for start, end in places)
        assert places == sorted(places)


@given(st.text(max_size=40), st.sampled_from(["en", "fr", "de", "ro"]))
def test_words_are_inside_and_apart(text: str, lang: str) -> None:
    words = find_words(text, lang)
    assert all(text[word.start : word.end] == word.text for word in words)
    assert all(one.end <= other.start for one, other in pairwise(words))
