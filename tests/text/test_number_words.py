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
    21: "einundzwanzig twenty-one veintiuno vingt_et_un ventuno vinte_e_um",
    22: "zweiundzwanzig twenty-two veintidós vingt-deux ventidue vinte_e_dois",
    33: "dreiunddreißig thirty-three treinta_y_tres trente-trois trentatré trinta_e_três",
    48: "achtundvierzig forty-eight cuarenta_y_ocho quarante-huit quarantotto quarenta_e_oito",
    60: "sechzig sixty sesenta soixante sessanta sessenta",
    71: "einundsiebzig seventy-one setenta_y_uno soixante_et_onze settantuno setenta_e_um",
    80: "achtzig eighty ochenta quatre-vingts ottanta oitenta",
    81: "einundachtzig eighty-one ochenta_y_uno quatre-vingt-un ottantuno oitenta_e_um",
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
        ("en-fr", "Sixteen men", "Dix-neuf hommes", "seize hommes"),
        ("en-fr", "sixteen men", "sixteen hommes", "seize hommes"),
        ("en-fr", "sixteen men and two", "dix-neuf hommes et deux", "seize hommes et deux"),
        ("en-fr", "sixteen men and two", "dix-neuf hommes", "dix-neuf hommes"),
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
    "text", ["a hundred and sixteen", "sixteen thousand", "sixteen-year-olds", "twelve", "The end."]
)
def test_other_numbers_are_not_looked_after(text: str) -> None:
    assert find_lost_numbers(text, "", "en", "fr") == []


@pytest.mark.parametrize("text", ["The end.", "I have two parents.", "Twelve months"])
def test_most_texts_have_no_number_that_is_looked_after(text: str) -> None:
    assert not may_have_number_word(text)
