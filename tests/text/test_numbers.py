"""Numbers in digits, in the languages whose way of writing them is known."""

from __future__ import annotations

import pytest

from xlmcli.text.numbers import count_numbers, find_lost_numbers, rewrite_numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none at all", []),
        ("At 7:30 on 20th May 1941", ["1941", "20", "30", "7"]),
        ("12,345,678 people", ["12345678"]),
        ("12 345 678 personnes", ["12345678"]),
        ("12 345 personnes", ["12345"]),
        ("0 800 123 456", ["0", "123", "456", "800"]),
        ("12.345.678 Menschen, 1'000 Häuser", ["1000", "12345678"]),
        ("1,234.50", ["1234.50"]),
        ("1.234,50", ["1234.50"]),
        ("23,4 degrés", ["23.4"]),
        ("0.125 and 0,125", ["0.125", "0.125"]),
        ("in 1914 300 men", ["1914", "300"]),
        ("on May 12 2023", ["12", "2023"]),
        ("7, 8 and 9.", ["7", "8", "9"]),
        ("1914-1918, 99%, $900, K2", ["1914", "1918", "2", "900", "99"]),
        ("192.168.1.45", ["192168.1.45"]),
    ],
)
def test_numbers_are_counted_without_their_separators(text: str, expected: list[str]) -> None:
    assert sorted(count_numbers(text).elements()) == expected


CHAINS = ["473", "12/05/2023", "2026-11-30", "10:30:15", "24/995", "7"]


@pytest.mark.parametrize(
    ("text", "translation", "lost"),
    [
        ("It began in 1914.", "Il commença en 1914.", []),
        ("It began in 1914.", "Il commença en 1912.", ["1914"]),
        ("From 3 to 5 men", "De 3 à cinq hommes", ["5"]),
        ("A 3 there", "Un numéro 3 3", ["3"]),
        ("€86,000 and 14 % of 2.5", "rien", ["€86,000", "14 %", "2.5"]),
        ("€86,000 and 14 % of 2.5", "86 000 € et 14 % de 2,5", []),
        ("1914-1918, 7.", "rien", ["1914-1918", "7"]),
        ("At 2:30 or 10 p.m.", "rien", ["2:30", "10 p.m"]),
        ("At 10 p.m. or 7h30, or 8 h", "rien", ["10 p.m.", "7h30", "8 h"]),
        ("At 10 p.m. or 9 a.m. there", "À 22 h 00 ou à 9 heures", []),
        ("At 7:45 p.m. there", "À 19 h 45", []),
        ("At 10:30 a.m.", "À 10:30 un.", ["10:30 a.m"]),
        ("At 12 pm there", "À 12 PM", ["12 pm"]),
        ("At 7:45 p.m. there", "À 19 h", ["7:45 p.m."]),
        pytest.param("From 3 to 5 p.m. there", "De 3 à 5 heures", [], id="hours of one half"),
        ("From 9 a.m. to 5 p.m. there", "De 9 h à 5 heures", ["5 p.m."]),
        ("At 10 p.m. or 9 a.m. there", "À 22 h 15 ou à 19 h", ["10 p.m.", "9 a.m."]),
        ("At 10 p.m. in Rome", "À 22 h. à Rome", ["10 p.m."]),
        ("At 10 p.m. or 9.30 a.m. there", "À 22 h ou à 9 h 30", []),
        ("£5 and £6 of all that in 1914", "$5 et £6, 1914", ["£5", "£6"]),
        ("£5 of €6, $7 and ¥8", "5, 6, 7 et 8", ["£5", "€6", "$7", "¥8"]),
        pytest.param("£5 of €6, $7 and ¥8", "5 livres, 6 euros, 7 dollars et 8 yens", [], id="currencies in words"),
        pytest.param("$1.5 billion", "rien", ["1.5"], id="an amount that goes on"),
        pytest.param("0 800 123 456", "rien", ["0", "800", "123", "456"], id="a telephone"),
        ("the 5th of 3/4 and 5km, 24/7, A4, 1.2.3, 5-year, 5/day", "rien", []),
        ("Error 473: on 12/05/2023, 2026-11-30, 10:30:15; page 24/995, no:7", "rien", CHAINS),
        ("Error 473: on 12/05/2023, 2026-11-30, 10:30:15; page 24/995, no:7", " ".join(CHAINS), []),
        ("At -26, from −3 to -$7.", "À 26, de +3 à 7 $.", ["-26", "−3", "-$7"]),
        ("At -26, from −3 to -$7.", "À -26, de -3 à -7 $.", []),
        ("-5 and -5 at -1234 m", "-5 et 5 à -1 234 m", ["-5", "-5"]),
        ("5-10% or €5–10, 5-10€, £1-2", "rien", ["5-10%", "€5–10", "5-10€", "£1-2"]),
        ("no digits", "3", []),
    ],
)
def test_numbers_that_stand_for_themselves_are_missed(text: str, translation: str, lost: list[str]) -> None:
    assert [text[number.start : number.end] for number in find_lost_numbers(text, translation, "en", "fr")] == lost


@pytest.mark.parametrize(
    ("text", "translation"),
    [
        ("à 2 h de Paris", "2 hours from Paris"),
        ("il arrive à 9 h", "he arrives at 9 a.m."),
        ("il arrive à 9 h", "he arrives at nine o'clock"),
    ],
)
def test_hours_may_be_those_of_a_half_of_the_day(text: str, translation: str) -> None:
    assert find_lost_numbers(text, translation, "fr", "en") == []


@pytest.mark.parametrize(
    ("text", "langs", "written"),
    [
        ("1914", "en-fr", "1914"),
        ("1,234", "en-fr", "1 234"),
        ("1,234,567.89", "en-de", "1.234.567,89"),
        ("1 234,5 tonnes", "fr-en", "1,234.5"),
        ("1\u202f234 hommes", "fr-it", "1.234"),
        ("92,6 kg", "fr-en", "92.6"),
        ("€86,000", "en-fr", "86 000 €"),
        ("400 000 €", "fr-en", "€400,000"),
        ("14%", "en-fr", "14 %"),
        ("1.5%", "en-fr", "1,5 %"),
        ("14 %", "fr-pt", "14%"),
        ("12:05am", "en-fr", "0 h 05"),
        ("9.30 a.m. there", "en-es", "9:30"),
        ("10:00 P.M. there", "en-pt", "22h"),
        ("10 pm", "en-it", "22:00"),
        ("10 pm", "en-de", "22 Uhr"),
        ("14 h 30", "fr-es", "14:30"),
        pytest.param("2:30", "en-fr", "2:30", id="perhaps a verse"),
        pytest.param("22 h", "fr-en", "22 h", id="perhaps a duration"),
        ("à 22 h", "fr-en", "22:00"),
        ("vers 9 h", "fr-de", "9 Uhr"),
        pytest.param("13 pm", "en-fr", "13 pm", id="no time"),
        pytest.param("3.10", "en-fr", "3.10", id="perhaps a version"),
        ("2.5 GB", "en-fr", "2,5"),
        ("1.2 million", "en-de", "1,2"),
        pytest.param("2.5 gives", "en-fr", "2.5", id="no unit"),
        pytest.param("Um 7.30 am Morgen.", "de-fr", "7.30", id="a German word behind a number"),
        pytest.param("709 132", "fr-en", "709 132", id="perhaps a telephone"),
        pytest.param("1,5", "en-fr", "1,5", id="not as English writes it"),
        pytest.param("€1,5", "en-fr", "€1,5", id="not as English writes it, with a sign"),
        pytest.param("1,234", "en-sw", "1,234", id="unknown language"),
        ("1914-1918", "en-fr", "1914-1918"),
        ("-1,234 m", "en-fr", "-1 234"),
        ("-€1.50", "en-fr", "-1,50 €"),
        ("5-10%", "en-fr", "5-10%"),
        ("−2:30", "en-fr", "−2:30"),
        ("-10 p.m", "en-fr", "-22 h"),
        ("12/05/2023", "en-fr", "12/05/2023"),
        pytest.param("Es waren 12 am Morgen.", "de-en", "12", id="a German word"),
        pytest.param("Um 7:30 am Morgen.", "de-fr", "7:30", id="a German word behind a time"),
        pytest.param("La 5 am plecat.", "ro-en", "5", id="a word of another language"),
        ("12 am", "fr-en", "0:00"),
    ],
)
def test_a_number_is_written_as_the_other_language_does(text: str, langs: str, written: str) -> None:
    (number,) = find_lost_numbers(text, "", *langs.split("-"))
    assert number.written == written


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("101 102 103", "101 102 103"),
        ("803 802", "803 802"),
        ("101\u202f102", "101,102"),
        ("250 000", "250,000"),
        ("12 013 014", "12,013,014"),
        ("250 250", "250,250"),
    ],
)
def test_numbers_one_after_the_other_are_no_groups_of_one(number: str, expected: str) -> None:
    assert rewrite_numbers(f"Les {number} habitants.", f"The {number}", "fr", "en") == f"The {expected}"


@pytest.mark.parametrize(
    ("text", "translation", "expected"),
    [
        ("1,234 cars", "1,234 voitures", "1 234 voitures"),
        ("1,234 cars", "1234 voitures", "1234 voitures"),
        ("€1.50, €1.50", "1.50 € et 1.50 €", "1,50 € et 1,50 €"),
        ("€1.50, -$7 and 5%", "€1.50, -$7 et 5%", "1,50 €, -7 $ et 5 %"),
        pytest.param("€1.5 or €11.5", "1.5 ou 11.5 ou 1.57", "1,5 ou 11,5 ou 1.57", id="parts of others"),
        pytest.param("€2,500 or €2.500", "2,500 ou 2.500", "2 500 ou 2,500", id="each once"),
        ("At 10:00 p.m. and 5", "À 10:00 p.m. et 5", "À 22 h et 5"),
        pytest.param("John 3:16", "Jean 3:16", "Jean 3:16", id="perhaps no time"),
        pytest.param("Python 3.10", "Python 3.10", "Python 3.10", id="perhaps a version"),
    ],
)
def test_numbers_left_as_they_were_are_rewritten(text: str, translation: str, expected: str) -> None:
    assert rewrite_numbers(text, translation, "en", "fr") == expected


@pytest.mark.parametrize(
    "hostile", ["1" * 50_000, "1," * 25_000, "1 " * 25_000, "12:3" * 10_000, " " * 50_000, "1 p.m. " * 5000]
)
def test_hostile_texts_take_no_time(hostile: str) -> None:
    assert len(find_lost_numbers(f"x {hostile} y", "", "en", "fr")) <= 25_000
