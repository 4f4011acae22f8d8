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
        ("en-de", "The 3rd of May 2021.", "Im", {"3rd of May 2021": "3. Mai 2021"}),
        ("en-fr", "In May 2021 the house", "En 2021 la maison", {"May 2021": "mai 2021"}),
        ("en-es", "May 2021 was hot", "En 2021", {"May 2021": "Mayo de 2021"}),
        ("en-it", "Jan. 5, 6 and 7", "5, 6 e 7", {"Jan. 5": "5 gennaio"}),
        ("fr-en", "Du 1er mai 1999 à 5 h", "At 5 h", {"1er mai 1999": "May 1, 1999"}),
        ("fr-en", "Avant le 1er mai", "Before", {"le 1er mai": "May 1"}),
        ("fr-es", "Avant le 1er mai", "Antes", {"le 1er mai": "el 1 de mayo"}),
        ("de-pt", "Der 5. März 1999.", "Em 1999", {"5. März 1999": "5 de março de 1999"}),
        ("de-fr", "Es war am 5. März.", "C'était", {"am 5. März": "le 5 mars"}),
        ("es-it", "hoy, el 5 de agosto de 1999", "", {"el 5 de agosto de 1999": "il 5 agosto 1999"}),
        ("en-sw", "By July 14, 1789", "14, 1789", {}),
        pytest.param("en-fr", "They may 5 times march", "Ils 5 fois", {}, id="no months"),
        pytest.param("en-fr", "May 2021 bring joy", "Que 2021", {}, id="a verb"),
        pytest.param("en-fr", "I have 5. May I?", "J'ai 5.", {}, id="the end of a sentence"),
        pytest.param("en-fr", "June 10-12", "10-12", {}, id="a range"),
        ("en-fr", "On Monday and Tuesdays", "Le lundi et le vendredi", {"Tuesdays": "mardi"}),
        ("en-de", "On Monday evening", "Am Montagabend", {}),
        ("en-pt", "On Monday", "Segundas-feiras", {}),
        ("en-pt", "On Monday", "No dia", {"Monday": "segunda-feira"}),
        ("en-fr", "Monday I ran", "Je courus", {"Monday": "Lundi"}),
        ("en-fr", "On Monday May 5 at 3", "Le 5 mai à 3", {"Monday": "lundi"}),
        ("de-en", "Am Mittwoch", "At noon", {"Mittwoch": "Wednesday"}),
        ("es-en", "Domingo: cerrado", "Closed", {"Domingo": "Sunday"}),
        pytest.param("es-en", "Plácido Domingo", "Plácido Domingo", {}, id="a name"),
        ("en-it", "It was on May 8", "Era", {"on May 8": "l'8 maggio"}),
        pytest.param("pt-en", "Domingos Sequeira", "Domingos Sequeira", {}, id="another first name"),
        pytest.param("es-en", "Domingo Sarmiento", "Domingo Sarmiento", {}, id="a first name"),
        pytest.param("en-fr", "Black Friday, Cyber Monday", "Black Friday, Cyber Monday", {}, id="names of days"),
        pytest.param("en-fr", "The Sunday Times", "Le Sunday Times", {}, id="the name of a newspaper"),
        pytest.param("fr-en", "le mardi gras", "the Mardi Gras", {}, id="the name of another day"),
    ],
)
def test_dates_whose_months_and_days_a_translation_does_not_name(
    langs: str, text: str, translation: str, lost: dict[str, str]
) -> None:
    found = find_lost_numbers(text, translation, *langs.split("-"))
    assert [(text[number.start : number.end], number.written) for number in found] == list(lost.items())


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
        ("en-it", "On May 1", "Il 1 maggio", "Il 1º maggio"),
        ("en-fr", "In July 1789", "En juillet de 1789", "En juillet 1789"),
        ("en-fr", "It was cold. May 2021 was", "Il faisait froid. Mai 2021 était", "Il faisait froid. Mai 2021 était"),
        ("en-fr", "It was cold. May 2021 was", "Il faisait froid. Juin 2021 était", "Il faisait froid. Mai 2021 était"),
        ("en-fr", "On July 14", "Le 15 juin", "Le 15 juin"),
        ("en-fr", "Sept. 5 to Oct. 5", "du 5 septembre au 5 octobre", "du 5 septembre au 5 octobre"),
        ("fr-en", "du 14 juil. au 14 août", "July 14 to August 14", "July 14 to August 14"),
        ("en-fr", "The Mars 2020 rover in July 2020", "Mars 2020 en juillet 2020", "Mars 2020 en juillet 2020"),
        ("fr-en", "le 1er avril 2017", "on 1er April 2017", "on April 1, 2017"),
        ("fr-en", "le 1er avril 2017", "on the 1st of April 2017", "on the 1st of April 2017"),
        ("fr-en", "le 1er avril 2017", "on the 1st of May 2017", "on April 1, 2017"),
        ("de-es", "am 20. Oktober 2013", "el 20 Oktober 2013", "el 20 de octubre de 2013"),
        ("de-es", "am 20. Oktober und am 3. Mai", "20. Oktober, 3 abril", "20 de octubre, 3 de mayo"),
        ("en-it", "On Wednesday", "Il mercredi", "Il mercoledì"),
        ("en-it", "On Mondays", "Il lundi", "Il lunedì"),
        ("en-fr", "On Mondays", "Les mardis", "Les lundis"),
        ("en-fr", "Monday!", "Mardi !", "Lundi !"),
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
