"""Dates with names of months, and days of the week, in the languages whose calendar is known."""

from __future__ import annotations

import pytest

from xlmcli.text.dates import has_weekday
from xlmcli.text.numbers import find_lost_numbers, rewrite_numbers


@pytest.mark.parametrize(
    ("langs", "text", "translation", "lost"),
    [
        ("en-fr", "By July 14, 1789", "Le 14, 1789", {"July 14, 1789": "14 juillet 1789"}),
        ("en-fr", "By July 14, 1789", "En juillet", {"July 14, 1789": "14 juillet 1789"}),
        ("en-fr", "By July 14, 1789", "Le 14 juillet 1789", {}),
        ("en-pt", "On July 14th", "Em julho", {"On July 14th": "Em 14 de julho"}),
        ("en-fr", "It was on July 1st", "Le premier jour", {"on July 1st": "le 1er juillet"}),
        ("en-fr", "The salon July 1st", "Le salon", {"July 1st": "1er juillet"}),
        ("en-fr", "On July 1789", "Le", {"July 1789": "juillet 1789"}),
        ("en-de", "The 3rd of May 2021.", "Im Mai", {"3rd of May 2021": "3. Mai 2021"}),
        ("en-es", "In May 2021", "En 2021", {"May 2021": "mayo de 2021"}),
        ("en-it", "Jan. 5, 6 and 7", "5, 6 e 7", {"Jan. 5": "5 gennaio"}),
        ("fr-en", "Du 1er mai 1999 à 5 h", "At 5 h", {"1er mai 1999": "May 1, 1999"}),
        ("de-pt", "Der 5. März 1999.", "Em 1999", {"5. März 1999": "5 de março de 1999"}),
        ("es-en", "hoy, el 5 de agosto de 1999", "", {"el 5 de agosto de 1999": "on August 5, 1999"}),
        ("en-sw", "On July 14, 1789", "14, 1789", {}),
        pytest.param("en-fr", "They may 5 times march", "Ils 5 fois", {}, id="no months"),
        ("en-fr", "On Monday and Tuesdays", "Le lundi et le vendredi", {"Tuesdays": "mardi"}),
        ("en-de", "On Monday evening", "Am Montagabend", {}),
        ("en-pt", "On Monday", "Segundas-feiras", {}),
        ("en-pt", "On Monday", "No dia", {"Monday": "segunda-feira"}),
        ("de-en", "Am Mittwoch", "At noon", {"Mittwoch": "Wednesday"}),
        pytest.param("es-en", "Plácido Domingo", "Plácido Domingo", {}, id="a name"),
        ("es-en", "Domingo: cerrado", "Closed", {"Domingo": "Sunday"}),
        pytest.param("en-fr", "Black Friday", "Black Friday", {}, id="the name of a day"),
        pytest.param("fr-en", "le mardi gras", "the Mardi Gras", {}, id="the name of another day"),
    ],
)
def test_dates_whose_months_and_days_a_translation_does_not_name(
    langs: str, text: str, translation: str, lost: dict[str, str]
) -> None:
    found = find_lost_numbers(text, translation, *langs.split("-"))
    assert {text[number.start : number.end]: number.written for number in found} == lost


@pytest.mark.parametrize(
    ("langs", "text", "translation", "expected"),
    [
        ("en-fr", "On July 14, 1789.", "Le 14 juin 1789.", "Le 14 juillet 1789."),
        ("en-fr", "On July 14, 1789.", "Le 14 juin.", "Le 14 juillet."),
        ("en-fr", "On July 14, 1789.", "Le July 14, 1789.", "Le 14 juillet 1789."),
        ("en-fr", "On July 14, 1789.", "Le juillet 14, 1789.", "Le 14 juillet 1789."),
        ("en-fr", "On July 14.", "Le 14 juillet. Puis", "Le 14 juillet. Puis"),
        ("en-fr", "On June 1", "Le 1 juin", "Le 1er juin"),
        ("en-it", "The 3rd of May, May 4th", "Il 3rd maggio, maggio 4th", "Il 3 maggio, 4 maggio"),
        ("en-fr", "In July 1789", "En juillet de 1789", "En juillet 1789"),
        ("en-fr", "On July 14", "Le 15 juin", "Le 15 juin"),
        ("fr-en", "le 1er avril 2017", "on 1er April 2017", "on April 1, 2017"),
        (
            "de-es",
            "am 20. Oktober 2013 und am 3. Mai",
            "el 20 Oktober 2013 y el 3 abril",
            "el 20 de octubre de 2013 y el 3 de mayo",
        ),
        ("en-it", "On Wednesday", "Il mercredi", "Il mercoledì"),
        ("en-it", "On Mondays", "Il lundi", "Il lunedì"),
        ("en-es", "On Monday and Sunday", "El domingo y lunes", "El domingo y lunes"),
        ("en-es", "On Monday and Sunday", "El lunes y viernes", "El lunes y domingo"),
        ("en-es", "On Monday", "El lunes y viernes", "El lunes y viernes"),
        ("en-fr", "On Saturdays", "Les samedis", "Les samedis"),
        ("en-sw", "On Monday, July 14", "Monday, July 14", "Monday, July 14"),
    ],
)
def test_dates_are_written_as_the_language_does(langs: str, text: str, translation: str, expected: str) -> None:
    assert rewrite_numbers(text, translation, *langs.split("-")) == expected


def test_days_of_the_week_are_those_of_a_language() -> None:
    assert has_weekday("On Monday", "en")
    assert not has_weekday("On Monday", "de")
    assert not has_weekday("On Monday", "sw")
