"""Ordinals and decades of English, in the languages whose way of writing them is known."""

from __future__ import annotations

import pytest

from xlmcli.text.numbers import find_lost_numbers, rewrite_numbers


@pytest.mark.parametrize(
    ("text", "lang", "translation", "lost"),
    [
        ("His 18th birthday", "fr", "Son anniversaire", {"18th": "18e"}),
        ("His 18th birthday", "fr", "Son 18ième anniversaire", {}),
        ("His 18th birthday", "de", "Sein Geburtstag", {"18th": "18."}),
        ("HIS 18TH BIRTHDAY", "de", "Sein Geburtstag", {"18TH": "18."}),
        ("His 18th birthday", "ru", "Его", {}),
        pytest.param("His 2nd birthday", "fr", "Son deuxième anniversaire", {}, id="in words"),
        ("The 21st century", "fr", "Le siècle", {"21st": "XXIe"}),
        ("The 21st century", "es", "El siglo XXI", {}),
        ("The 21st century", "es", "El siglo 21", {}),
        ("The 21st century", "es", "El siglo XX", {"21st": "XXI"}),
        ("The 5th century", "fr", "Le IVe siècle", {"5th": "Ve"}),
        ("The 5th century", "fr", "Le cinquième siècle", {}),
        ("The 5th chapter of Malcolm X", "fr", "Le cinquième chapitre de Malcolm X", {}),
        ("The 17th and 18th centuries", "fr", "Les XVIIe et XVIIIe siècles", {}),
        ("From the 17th to the 18th century", "it", "Dal Seicento", {"17th": "XVII", "18th": "XVIII"}),
        ("In the 1990's it was", "fr", "C'était", {"In the 1990's": "Dans les années 1990"}),
        ("The 90's were", "fr", "C'était", {"90's": "années 90"}),
        ("In the 1990s", "fr", "Dans les années", {"In the 1990s": "Dans les années 1990"}),
        ("The music of the 1990s", "fr", "La musique", {"1990s": "années 1990"}),
        ("1990s music, the '80s", "es", "Música", {"1990s": "años 1990", "'80s": "años 80"}),
        ("It was in the 80s.", "it", "Era", {"in the 80s": "negli anni 80"}),
        ("The 80s", "it", "Gli anni", {"80s": "anni 80"}),
        pytest.param("The 80s", "it", "Gli anni Ottanta", {}, id="a decade in words"),
        pytest.param("The 1980s", "it", "Gli anni '80", {}, id="a decade in short"),
        ("I love '80s music", "es", "La música", {"'80s": "años 80"}),
        pytest.param("After 30s, the 30s timeout, the 0s", "fr", "Après", {}, id="seconds"),
        pytest.param("In his '30s", "fr", "La trentaine", {}, id="a life"),
        pytest.param("A 19th-century house, 1,000th", "fr", "Une maison", {}, id="parts of others"),
        ("21st, then 17 and the 1990s", "fr", "Puis", {"21st": "21e", "17": "17", "1990s": "années 1990"}),
    ],
)
def test_ordinals_and_decades_that_a_translation_does_not_have(
    text: str, lang: str, translation: str, lost: dict[str, str]
) -> None:
    found = find_lost_numbers(text, translation, "en", lang)
    assert [(text[number.start : number.end], number.written) for number in found] == list(lost.items())


@pytest.mark.parametrize(
    ("text", "lang", "translation", "expected"),
    [
        ("1st and 22nd", "fr", "1st et 22nd, 22ième", "1er et 22e, 22e"),
        ("He came 2nd.", "de", "Er kam 2nd.", "Er kam 2."),
        ("He came 2nd!", "de", "Er kam 2nd!", "Er kam 2.!"),
        ("In the 1980s and the '90s", "es", "En los 1980es y los '90s", "En los años 1980 y los años 90"),
        ("The 1980s", "fr", "Les années 1980s", "Les années 1980"),
        ("The 19th century", "fr", "Le XVIIe siècle", "Le XIXe siècle"),
        ("The 19th century", "es", "El siglo XVII", "El siglo XIX"),
        ("The 19th century", "it", "Il XVII secolo", "Il XIX secolo"),
        ("The 19th century of Louis XIV", "fr", "Le XVIIe siècle de Louis XIV", "Le XIXe siècle de Louis XIV"),
        ("The 19th century", "fr", "Le XVIIe siècle et le XVe siècle", "Le XVIIe siècle et le XVe siècle"),
        ("The 16th century", "de", "Heinrich VIII. im 16. Jahrhundert", "Heinrich VIII. im 16. Jahrhundert"),
        ("The 19th century", "fr", "Le siècle", "Le siècle"),
        ("Twenty-first century", "fr", "Le XXIe siècle", "Le XXIe siècle"),
        ("The twenty second century", "fr", "Le XXIIe siècle", "Le XXIIe siècle"),
        ("The Nineteenth century", "fr", "Le XVIIe siècle", "Le XIXe siècle"),
        ("A 17th century copy of a 5th century bust", "fr", "Ve siècle, XVIIème siècle", "Ve siècle, XVIIème siècle"),
        ("The 1st time", "fr", "La 1re fois", "La 1re fois"),
        ("3rd", "ru", "3rd", "3rd"),
        pytest.param("3rd", "fr", "13rd 3rdly", "13rd 3rdly", id="parts of others"),
    ],
)
def test_those_that_a_translation_took_over_are_its_language_s(
    text: str, lang: str, translation: str, expected: str
) -> None:
    assert rewrite_numbers(text, translation, "en", lang) == expected


@pytest.mark.parametrize(
    ("langs", "text", "translation", "expected"),
    [
        ("fr-en", "Le 21e", "The 21e", "The 21st"),
        ("fr-de", "Le 1er, la 1re", "1er und 1ère", "1. und 1."),
        ("de-en", "Das 2. Mal", "The 2th of 12nd", "The 2nd of 12th"),
        ("fr-en", "Au XXIe siècle", "In the nineteenth century", "In the 21st century"),
        ("fr-en", "Au XIXe siècle", "In the nineteenth century", "In the nineteenth century"),
        ("fr-de", "Au XIXe siècle", "Im 17. Jahrhundert", "Im 19. Jahrhundert"),
        ("de-fr", "Im 1. Jahrhundert", "Au IIe siècle", "Au Ier siècle"),
        ("es-it", "En el siglo XX", "Nel XIX secolo", "Nel XX secolo"),
        ("it-pt", "Nel secolo XX", "No século XIX", "No século XX"),
        ("es-en", "El siglo IIX", "The 12th century", "The 12th century"),
        ("pt-es", "Nos séculos XX e XXI", "En los siglos XX y XXI", "En los siglos XX y XXI"),
        ("fr-en", "Aux XVIIe et XVIIIe siècles", "In the 16th and 18th centuries", "In the 17th and 18th centuries"),
    ],
)
def test_ordinals_and_centuries_of_other_languages(langs: str, text: str, translation: str, expected: str) -> None:
    src_lang, tgt_lang = langs.split("-")
    assert rewrite_numbers(text, translation, src_lang, tgt_lang) == expected
    assert find_lost_numbers(text, expected, src_lang, tgt_lang) == []


def test_a_century_that_is_lost_is_written_with_the_numbers_of_the_language() -> None:
    text = "Au XIXe siècle"
    (number,) = find_lost_numbers(text, "In those times", "fr", "en")
    assert (text[number.start : number.end], number.written) == ("XIXe", "19th")


def test_other_languages_have_others() -> None:
    assert find_lost_numbers("21st, 1990s", "", "it", "de") == []
    assert rewrite_numbers("21st, 1990s", "21st, 1990s", "it", "de") == "21st, 1990s"
