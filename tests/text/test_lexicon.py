"""Finding the rare words of a text that its translation has lost."""

from __future__ import annotations

import unicodedata

import pytest

from xlmcli.errors import DataError, ModelError
from xlmcli.records import Direction
from xlmcli.text.lexicon import Lexicon, are_akin, format_lexicon, iter_words, read_entries

EN_FR, FR_EN = Direction("en", "fr"), Direction("fr", "en")
CONTENT = format_lexicon(
    [
        (EN_FR, "watermelon", ["pastèque", "melon"]),
        (EN_FR, "wasp", ["guêpe"]),
        (EN_FR, "vowel", ["voyelle"]),
        (EN_FR, "baker", ["boulanger"]),
        (EN_FR, "Moscow", ["Moscou"]),
        (EN_FR, "harry", ["harceler"]),
        (EN_FR, "ADHD", ["TDAH"]),
        (EN_FR, "cat", ["chat"]),
        (EN_FR, "zeland", ["zélande"]),
        (EN_FR, "café-bar", ["bistrot"]),
        (FR_EN, "wasp", ["WASP"]),
        (Direction("de", "en"), "Wespe", ["wasp"]),
        (Direction("de", "en"), "jagen", ["hunt"]),
        (Direction("de", "en"), "Schneider", ["tailor"]),
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
        ("A WASP! Wasp?", "Un étaitp ! Étaitp ?", {"Wasp": "guêpe"}),
        ("A WASP! SEE?", "UN ÉTAITP !", {"WASP": "guêpe"}),
        ("MOSCOW", "MOSK", {"MOSCOW": "Moscou"}),
        ("An ADHD test.", "Un test.", {"ADHD": "TDAH"}),
        ("An ADHD test.", "Un test d'ADHD.", {}),
        ("In Moscow.", "À Moscow.", {}),
        ("a cat", "des chats", {}),
        ("AN ADHD TEST", "UN TEST", {"ADHD": "TDAH"}),
        ("I like Baker and Moscow.", "J'aime Boul et Mosk.", {"Moscow": "Moscou"}),
        ("He left. Wasp needed.", "Il partit. Il faut.", {"Wasp": "guêpe"}),
        ("Wasp lives in London.", "Wasp vit à Londres.", {}),
        ("Wasp!", "Wasp !", {"Wasp": "guêpe"}),
        ("Baker lives in London.", "Boul vit à Londres.", {}),  # It is a name in a list.
        ("Harry won.", "Il gagna.", {}),  # A listed name.
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


def test_signs_that_stand_for_themselves_are_no_end_of_a_word() -> None:
    text = unicodedata.normalize("NFD", "Nouvelle-Ze\u0301land")
    assert lost(f"a wasp, {text}", "x") == {}
    assert [match[0] for match in iter_words("मैंने wasp हिन्दी")] == ["wasp"]


def test_a_long_text_takes_no_longer_than_its_length() -> None:
    text, said = "watermelon vowel " * 20_000, "pas voyelle " * 20_000
    assert len(Lexicon(CONTENT, EN_FR).find_lost(text, said)) == 20_000


@pytest.mark.parametrize(
    "rows",
    [
        b"en-fr\twasp\tgu\xeape\n",
        b"en-fr\twasp\tgu\xc3\xaape",
        b"en-fr\twasp\tg\r\n",
        b"en-fr\twasp\t\n",
        b"en-fr\twasp\tg\t\th\n",
        "en-fr\twasp\t\ufdd2\n".encode(),
    ],
)
def test_a_damaged_lexicon_is_told(rows: bytes) -> None:
    with pytest.raises(ModelError, match="its lexicon is damaged, in en-fr"):
        Lexicon(b"de-en\tWespe\twasp\n" + rows, EN_FR)
    assert len(Lexicon(b"de-en\tWespe\twasp\n" + rows, Direction("de", "en"))) == 1


def test_a_direction_has_its_own_words() -> None:
    assert lost("une pastèque", "a step", FR_EN) == {"pastèque": "watermelon"}
    assert lost("une pastèque", "a step") == {}
    assert lost("wasp", "x", Direction("en", "de")) == {}
    assert lost("Wespe sticht. Jagen!", "x", Direction("de", "en")) == {"Wespe": "wasp", "Jagen": "hunt"}
    assert lost("Die Wespe und Frau Schneider", "The Wespe", Direction("de", "en")) == {"Wespe": "wasp"}
    assert Lexicon(b"", EN_FR).find_lost("wasp", "x") == []


def test_every_word_is_found_in_a_long_lexicon() -> None:
    words = [f"mot{'é' if number % 3 else ''}{chr(97 + number % 26)}{'x' * (number % 7)}" for number in range(500)]
    lexicon = Lexicon(format_lexicon((EN_FR, word, [f"[{word}]"]) for word in dict.fromkeys(words)), EN_FR)
    assert {part.written for word in words for part in lexicon.find_lost(word, "")} == {f"[{word}]" for word in words}


def test_forms_of_a_word_are_akin() -> None:
    assert are_akin("vowel", "vowels")
    assert are_akin("crevette", "crevettes")
    assert are_akin("de", "de")
    assert are_akin("dure", "durée")
    assert are_akin("cat", "cats")
    assert not are_akin("war", "warm")
    assert not are_akin("de", "des")


def test_rows_are_read_in_any_order_and_written_in_that_of_their_bytes() -> None:
    rows = read_entries(["fr-en\tété\tsummer", "en-fr\tzoo\tzoo\tménagerie", "en-fr\tice\tglace"], "lexicon.tsv")
    assert rows[1] == (EN_FR, "zoo", ["zoo", "ménagerie"])
    expected = "en-fr\tice\tglace\nen-fr\tzoo\tzoo\tménagerie\nfr-en\tété\tsummer\n"
    assert format_lexicon(rows) == expected.encode()


@pytest.mark.parametrize(
    "row",
    [
        "",
        "en-fr-x\twasp\tguêpe",
        "wasp\tguêpe",
        "en-fr\twasp",
        "en-fr\t\tguêpe",
        "en-fr\twasp\t",
        "en\twasp\tguêpe",
        "-fr\twasp\tguêpe",
    ],
)
def test_what_is_no_row_is_named(row: str) -> None:
    with pytest.raises(DataError, match=r"lexicon\.tsv:2: no row of a lexicon"):
        read_entries(["en-fr\tice\tglace", row], "lexicon.tsv")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("en-fr\tNew York\tNew York", "'New York' is no single word"),
        ("en-fr\tdon't\tpas", "is no single word"),
        ("en-fr\twasp\tg\ufdd2", "cannot be printed"),
        ("en-ja\twasp\tスズメバチ", "without spaces"),
    ],
)
def test_entries_that_nobody_would_find_are_refused(row: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_entries([row], "l")


def test_a_word_stands_once_in_a_direction() -> None:
    with pytest.raises(DataError, match="l: there is no row in it"):
        read_entries([], "l")
    with pytest.raises(DataError, match="l:3: 'ice' stands at l:1 already"):
        read_entries(["en-fr\tice\tglace", "fr-en\tice\tice", "en-fr\tice\tglaçon"], "l")
