from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.text.names import find_lost_names


def lost(text: str, translation: str, lang: str = "en") -> list[str]:
    names = find_lost_names(text, translation, lang, "fr" if lang == "en" else "en")
    return [name.written for name in names]


@pytest.mark.parametrize(
    ("lang", "text", "translation", "names"),
    [
        ("en", "Then Harry saw William.", "Puis Charles vit George.", ["Harry", "William"]),
        ("en", "Then Harry saw William.", "Puis Harry vit George.", ["William"]),
        ("en", "We met Phileas Fogg there.", "Nous y avons rencontré Phileason.", ["Phileas Fogg"]),
        ("en", "Is Waterford's mayor here?", "Le maire est-il là ?", ["Waterford"]),
        ("en", "She likes Jean-Luc and McAllister.", "Elle les aime.", ["Jean-Luc", "McAllister"]),
        ("fr", "Le chef d'Alexis aime Perpignan.", "The boss likes it.", ["Alexis", "Perpignan"]),
        ("fr", "C'est à Peter.", "It is his.", ["Peter"]),
        ("es", "El padre de Zacarías vive.", "His father lives.", ["Zacarías"]),
        ("it", "Il signor Bartolucci dorme.", "He sleeps.", ["Bartolucci"]),
        ("pt", "O senhor Vasconcelos dorme.", "He sleeps.", ["Vasconcelos"]),
    ],
)
def test_names_inside_sentences(lang: str, text: str, translation: str, names: list[str]) -> None:
    assert lost(text, translation, lang) == names


def test_where_a_name_stands() -> None:
    (name,) = find_lost_names("When Harry met her", "Quand Charles la rencontra", "en", "fr")
    assert name == (5, 10, "Harry")


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", "On Monday we go to Germany, said the English President of the National Council."),
        ("en", "How To Start Decluttering Your Wardrobe"),
        ("en", "He met a Buddhist and an Ethiopian there, and two Kantians."),
        ("fr", "Alors le Sénégalais et la Berlinoise, Mlle et Mgr."),
        ("en", "It is from NATO, or IBM."),
        ("en", "And I saw the Anglo-German treaty."),
        ("fr", "Le Conseil de la République a vu les Français et les États-Unis."),
        ("es", "El Ministerio de Estados Unidos."),
        ("fr", "Là, l'Ecole et les Etats sont sans accents."),
    ],
)
def test_words_with_a_capital_that_are_none(lang: str, text: str) -> None:
    assert lost(text, "", lang) == []


@pytest.mark.parametrize(
    ("lang", "text", "names"),
    [
        ("en", "Harry fell ill. Harry fell.", ["Harry", "Harry"]),
        ("en", "Joe Biden left.", ["Joe Biden"]),
        ("en", "Mark my words.", []),
        ("en", "Opting out is easy. Vetting is not. Skaters skate.", []),
        ("es", "Atrápalos. ¡Exploremos el mundo!", []),
        ("es", "— Atrápalos ya. **Atrápalos** [Atrápalos]", []),
        ("en", "Opting, then Harry — Vetting", ["Harry"]),
    ],
)
def test_names_that_may_start_a_sentence_are_listed(lang: str, text: str, names: list[str]) -> None:
    assert lost(text, "", lang) == names


@pytest.mark.parametrize("translation", ["chez Harrys", "d'Harry.", "ZHarry Harry", "Harry2", "D'HARRY", "HARRYS"])
def test_names_that_stand_in_the_translation_are_not_lost(translation: str) -> None:
    assert lost("We saw Harry.", translation) == []


@pytest.mark.parametrize("translation", ["harry", "HARry", "ZHARRY", "Harr y", "Harryson", "2Harry", "Harrya"])
def test_names_that_only_seem_to_do_are(translation: str) -> None:
    assert lost("We saw Harry.", translation) == ["Harry"]


def test_names_of_a_text_in_capitals_are_listed() -> None:
    names = find_lost_names("We saw Harry and Kzqwert", "NOUS", "en", "fr", was_in_capitals=True)
    assert [name.written for name in names] == ["Harry"]


@pytest.mark.parametrize("direction", ["nl-en", "de-en", "fr-de", "es-it"])
def test_other_directions_have_no_names(direction: str) -> None:
    assert find_lost_names("Et Harry", "", *direction.split("-")) == []


def test_accents_that_stand_for_themselves_are_left_alone() -> None:
    assert lost("Et Harry vit Zoe\u0301", "", "fr") == []


@given(st.text(alphabet="AHéß'- .xX1", max_size=40))
def test_what_is_lost_stands_apart_in_the_text(text: str) -> None:
    names = find_lost_names(text, "", "en", "de")
    assert all(text[name.start : name.end] == name.written for name in names)
    assert all(first.end < second.start for first, second in pairwise(names))
