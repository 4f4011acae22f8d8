"""Numbers in words, in the languages whose words are known."""

from __future__ import annotations

import pytest

from xlmcli.text.number_words import may_have_number_word
from xlmcli.text.numbers import find_lost_numbers, rewrite_numbers

LANGS = ("de", "en", "es", "fr", "it", "pt")
# Some of each language that are made in a way of their own.
WORDS = {
    13: "dreizehn thirteen trece treize tredici treze",
    17: "siebzehn seventeen diecisiete dix-sept diciassette dezessete",
    21: "einundzwanzig twenty-one veintiún vingt_et_un ventuno vinte_e_um",
    22: "zweiundzwanzig twenty-two veintidós vingt-deux ventidue vinte_e_dois",
    33: "dreiunddreißig thirty-three treinta_y_tres trente-trois trentatré trinta_e_três",
    48: "achtundvierzig forty-eight cuarenta_y_ocho quarante-huit quarantotto quarenta_e_oito",
    60: "sechzig sixty sesenta soixante sessanta sessenta",
    71: "einundsiebzig seventy-one setenta_y_un soixante_et_onze settantuno setenta_e_um",
    80: "achtzig eighty ochenta quatre-vingts ottanta oitenta",
    81: "einundachtzig eighty-one ochenta_y_un quatre-vingt-un ottantuno oitenta_e_um",
    97: "siebenundneunzig ninety-seven noventa_y_siete quatre-vingt-dix-sept novantasette noventa_e_sete",
}


@pytest.mark.parametrize("number", WORDS)
@pytest.mark.parametrize("src_lang", LANGS)
def test_each_language_says_each_number(src_lang: str, number: int) -> None:
    said = {lang: word.replace("_", " ") for lang, word in zip(LANGS, WORDS[number].split(), strict=True)}
    text = f"- {said[src_lang]} -"
    assert may_have_number_word(text)
    for tgt_lang in LANGS:
        (lost,) = find_lost_numbers(text, "-", src_lang, tgt_lang)
        assert (text[lost.start : lost.end], lost.written) == (said[src_lang], said[tgt_lang])
        assert find_lost_numbers(text, f"- {said[tgt_lang].upper()} -", src_lang, tgt_lang) == []
        assert find_lost_numbers(text, f"- {number} -", src_lang, tgt_lang) == []


@pytest.mark.parametrize(
    ("langs", "text", "translation", "expected"),
    [
        ("en-fr", "Sixteen men", "Dix-neuf hommes", "Seize hommes"),
        ("en-fr", "It was cold. Sixteen men", "Il faisait froid. Dix-neuf", "Il faisait froid. Seize"),
        ("en-de", "Two of the sixteen men", "Von den neunzehn starben zwei", "Von den sechzehn starben zwei"),
        ("en-fr", "sixteen and seventeen", "dix-sept et seize", "dix-sept et seize"),
        ("fr-en", "dans quinze jours", "in two weeks", "in two weeks"),
        ("de-en", "um fünfzehn Uhr", "at three o'clock", "at three o'clock"),
        ("it-en", "Ci vediamo alle venti.", "See you at eight.", "See you at eight."),
        ("en-it", "You are about forty.", "Sei sulla quarantina.", "Sei sulla quarantina."),
        ("en-fr", "nineteen ninety-nine", "quatre-vingt-treize", "quatre-vingt-treize"),
        ("en-fr", "He reads Seventeen.", "Il lit Sixteen.", "Il lit Sixteen."),
        ("fr-en", "Le vingt et unième", "The twenty-first", "The twenty-first"),
        ("en-fr", "sixteen men", "sixteen hommes", "seize hommes"),
        ("en-fr", "sixteen men and two", "dix-neuf hommes et deux", "seize hommes et deux"),
        ("en-fr", "sixteen men and two", "dix-neuf hommes", "seize hommes"),
        ("en-fr", "two men", "trois hommes", "trois hommes"),
        ("en-fr", "seventy-one men", "soixante-et-onze hommes", "soixante-et-onze hommes"),
        ("en-es", "twenty one", "veintiún", "veintiún"),
        ("en-pt", "sixteen", "dezasseis", "dezasseis"),
        ("en-it", "twenty years", "vent'anni", "vent'anni"),
        ("en-de", "thirty men", "dreissig Leute", "dreissig Leute"),
        ("de-en", "dreissig Leute", "thirteen people", "thirty people"),
        pytest.param("en-fr", "a hundred and sixteen", "cent dix-neuf", "cent dix-neuf", id="parts of a greater one"),
        pytest.param("en-fr", "sixteen-year-olds", "dix-neuf ans", "dix-neuf ans", id="a part of a word"),
        pytest.param("en-ru", "sixteen", "six", "six", id="a language whose words are not known"),
    ],
)
def test_numbers_in_words_are_those_of_the_text(langs: str, text: str, translation: str, expected: str) -> None:
    assert rewrite_numbers(text, translation, *langs.split("-")) == expected


def test_a_german_compound_has_its_number() -> None:
    assert find_lost_numbers("thirteen years old", "ein dreizehnjähriges", "en", "de") == []


@pytest.mark.parametrize(
    ("langs", "text", "translation"),
    [
        ("en-fr", "about forty people", "une quarantaine de personnes"),
        ("en-fr", "fifteen minutes", "un quart d'heure"),
        ("en-de", "half past four, thirty of them", "halb fünf"),
        ("it-en", "i venti del nord", "the north winds"),
        ("fr-en", "le concile de Trente", "the Council of Trent"),
    ],
)
def test_a_number_may_be_said_otherwise_or_be_none(langs: str, text: str, translation: str) -> None:
    assert find_lost_numbers(text, translation, *langs.split("-")) == []


@pytest.mark.parametrize(
    "text", ["a hundred and sixteen", "sixteen thousand", "sixteen-year-olds", "twelve", "The end."]
)
def test_other_numbers_are_not_looked_after(text: str) -> None:
    assert find_lost_numbers(text, "", "en", "fr") == []


@pytest.mark.parametrize("text", ["The end.", "I have two parents.", "Twelve months"])
def test_most_texts_have_no_number_that_is_looked_after(text: str) -> None:
    assert not may_have_number_word(text)
