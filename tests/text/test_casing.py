"""Lines in capitals, and the sentences that they are."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from xlmcli.text.casing import has_word, to_capitals, to_sentence_case, with_capital, with_first_capital

KNOWN = {"Cat", "Tom", "Paris", "Hund", "the", "is", "may", "May", "USB", "THE"}


class Words:
    """A tokenizer that has a piece for each of some words, and spells all others."""

    def encode_batch(self, texts: Sequence[str], lang: str) -> list[list[int]]:
        return [[0] if text in KNOWN else [0] * (len(text) + 1) for text in texts]


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("WHERE IS THE STATION?", "en", "Where is the station?"),
        ("WHERE IS TOM? IN PARIS.", "en", "Where is Tom? In Paris."),
        ("I'M SURE I SAW IT, I’LL SAY. IF SO...", "en", "I'm sure I saw it, I’ll say. If so..."),
        ("DER HUND MAY", "de", "Der Hund may"),
        ("SEE THE USB KEY", "nl", "See the USB key"),
        ("TOM’S CAT: THE USA ON MONDAY", "en", "Tom’s cat: the USA on Monday"),
        ("ON DIT QUE D'HARRY, L'OTAN ET L'ITALIE", "fr", "On dit que d'Harry, l'OTAN et l'Italie"),
        ("AT 5 A.M. AND IN THE U.S.", "en", "At 5 A.M. and in the U.S."),
        pytest.param("STOP" + ". " * 50_000 + "GO", "en", "Stop" + ". " * 50_000 + "Go", id="many dots"),
        pytest.param("« OÙ EST L'HÔTEL ? » DEMANDA TOM", "fr", "« Où est l'hôtel ? » Demanda Tom", id="quoted"),
        ("1. ÉTÉ – 2.5 KM", "fr", "1. Été – 2.5 km"),
        ("İKİ IŞIK", "tr", "İki ışık"),
        ("ПРИВЕТ МИР", "ru", "Привет мир"),
        ("SEE \ufdd2 NOW", "en", "See \ufdd2 now"),
    ],
)
def test_capitals_become_a_sentence(text: str, lang: str, expected: str) -> None:
    assert to_sentence_case(text, Words(), lang) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [("Où est l'hôtel ?", "fr", "OÙ EST L'HÔTEL ?"), ("iki ışık", "tr", "İKİ IŞIK"), ("Straße", "de", "STRASSE")],
)
def test_an_answer_becomes_capitals(text: str, lang: str, expected: str) -> None:
    assert to_capitals(text, lang) == expected


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("été", "fr", "Été"),
        ("iki", "tr", "İki"),
        ("ist", "de", "Ist"),
        ("გამარჯობა", "ka", "გამარჯობა"),
        ("ǆep", "hr", "ǅep"),
    ],
)
def test_a_sentence_starts_with_a_capital(text: str, lang: str, expected: str) -> None:
    assert with_capital(text, lang) == expected


@pytest.mark.parametrize(("text", "expected"), [("STOP", True), ("A 1 B", False), ("", False), ("1ST", True)])
def test_single_letters_are_no_words(text: str, expected: bool) -> None:
    assert has_word(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("¿qué?", "¿Qué?"), ("« chien »", "« Chien »"), ("iPhone", "iPhone"), ("Chien", "Chien"), ("!", "!"), ("", "")],
)
def test_the_first_letter_becomes_a_capital_behind_marks(text: str, expected: str) -> None:
    assert with_first_capital(text, "es") == expected
