"""Finding the rare words of a text that its translation has lost."""

from __future__ import annotations

import pytest

from xlmcli.errors import DataError
from xlmcli.records import Direction
from xlmcli.text.lexicon import Lexicon, are_akin, check_lexicon, format_lexicon

EN_FR, FR_EN = Direction("en", "fr"), Direction("fr", "en")
CONTENT = format_lexicon(
    [
        (EN_FR, "watermelon", ["pastèque", "melon"]),
        (EN_FR, "wasp", ["guêpe"]),
        (EN_FR, "vowel", ["voyelle"]),
        (EN_FR, "baker", ["boulanger"]),
        (EN_FR, "Moscow", ["Moscou"]),
        (EN_FR, "café-bar", ["bistrot"]),
        (FR_EN, "wasp", ["WASP"]),
        (FR_EN, "pastèque", ["watermelon"]),
    ]
)


def lost(text: str, translation: str, direction: Direction = EN_FR) -> dict[str, str]:
    found = Lexicon(CONTENT, direction).find_lost(text, translation)
    return {text[part.start : part.end]: part.written for part in found}


@pytest.mark.parametrize(
    ("text", "translation", "expected"),
    [
        ("A wasp ate a watermelon.", "Un étaitp mangea un pas.", {"wasp": "guêpe", "watermelon": "pastèque"}),
        ("A wasp ate a watermelon.", "Une guêpe mangea une pastèque.", {}),
        ("a watermelon", "un melon", {}),
        ("eleven vowels", "onze vowels", {}),  # The list has no such form.
        ("a vowel", "des voyelles", {}),
        ("WASP! Wasp?", "Étaitp ! Étaitp ?", {"WASP": "guêpe", "Wasp": "guêpe"}),
        ("I like Baker and Moscow.", "J'aime Boul et Mosk.", {"Moscow": "Moscou"}),
        ("He left. Baker needed.", "Il partit. Il faut.", {"Baker": "boulanger"}),
        ("in moscow", "à Mosk", {}),
        ("a café-bar", "un café", {"café-bar": "bistrot"}),
        ("", "", {}),
        ("wasps", "", {}),
        ("wasp", "", {"wasp": "guêpe"}),
        ("a\twasp", "x", {"wasp": "guêpe"}),
    ],
)
def test_words_are_lost_whose_translations_are_not_there(text: str, translation: str, expected: dict[str, str]) -> None:
    assert lost(text, translation) == expected


def test_a_direction_has_its_own_words() -> None:
    assert lost("une pastèque", "a step", FR_EN) == {"pastèque": "watermelon"}
    assert lost("une pastèque", "a step") == {}
    assert lost("wasp", "x", Direction("en", "de")) == {}
    assert Lexicon(b"", EN_FR).find_lost("wasp", "x") == []


def test_every_word_is_found_in_a_long_lexicon() -> None:
    words = [f"mot{'é' if number % 3 else ''}{chr(97 + number % 26)}{'x' * (number % 7)}" for number in range(500)]
    lexicon = Lexicon(format_lexicon((EN_FR, word, [f"[{word}]"]) for word in dict.fromkeys(words)), EN_FR)
    assert {part.written for word in words for part in lexicon.find_lost(word, "")} == {f"[{word}]" for word in words}


def test_forms_of_a_word_are_akin() -> None:
    assert are_akin("vowel", "vowels")
    assert are_akin("crevette", "crevettes")
    assert are_akin("de", "de")
    assert not are_akin("war", "warm")
    assert not are_akin("de", "des")


def test_rows_are_read_in_any_order_and_written_in_that_of_their_bytes() -> None:
    rows = check_lexicon(["fr-en\tété\tsummer", "en-fr\tzoo\tzoo\tménagerie", "en-fr\tice\tglace"], "lexicon.tsv")
    assert rows[1] == (EN_FR, "zoo", ["zoo", "ménagerie"])
    expected = "en-fr\tice\tglace\nen-fr\tzoo\tzoo\tménagerie\nfr-en\tété\tsummer\n"
    assert format_lexicon(rows) == expected.encode()


@pytest.mark.parametrize(
    "row", ["", "wasp\tguêpe", "en-fr\twasp", "en-fr\t\tguêpe", "en-fr\twasp\t", "en\twasp\tguêpe", "-fr\twasp\tguêpe"]
)
def test_what_is_no_row_is_named(row: str) -> None:
    with pytest.raises(DataError, match=r"lexicon\.tsv:2: no row of a lexicon"):
        check_lexicon(["en-fr\tice\tglace", row], "lexicon.tsv")


def test_a_word_stands_once_in_a_direction() -> None:
    with pytest.raises(DataError, match="l:3: 'ice' stands at l:1 already"):
        check_lexicon(["en-fr\tice\tglace", "fr-en\tice\tice", "en-fr\tice\tglaçon"], "l")
