from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.text.invisibles import without_invisibles
from xlmcli.text.sentencepiece import SentencePieceTokenizer

PROSE = (Path(__file__).parent / "prose.txt").read_text(encoding="utf-8")

# Marks that belong to a number or a word of a script, or an abbreviation, and are seen.
VISIBLE_FORMATS = {"Arabic", "SYRIAC ABBREVIATION MARK", "KAITHI", "EGYPTIAN", "DUPLOYAN", "SHORTHAND", "MUSICAL"}
# Vocabularies have a rule of their own for it.
SOFT_HYPHEN = "\N{SOFT HYPHEN}"
SPACES = "\t\n\v\f\r\x85"


def invisible_characters() -> list[str]:
    formats = [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(character) in ("Cc", "Cf")
        and not any(word.upper() in unicodedata.name(character, "") for word in VISIBLE_FORMATS)
    ]
    variants = [chr(code) for code in range(0xFE00, 0xFE10)]
    return sorted({*formats, *variants} - {SOFT_HYPHEN, "\N{MONGOLIAN VOWEL SEPARATOR}", *SPACES})


def test_none_is_left_in_words_of_letters() -> None:
    assert len(invisible_characters()) > 150
    assert {without_invisibles(f"hel{character}lo") for character in invisible_characters()} == {"hello"}


@pytest.mark.parametrize("character", ["\0", "\x01", "\u2060", "\u202a", "\u2066", "\u200d", "\u200b", "\ufe0f"])
def test_a_word_has_the_same_ids_with_one(tokenizer: SentencePieceTokenizer, character: str) -> None:
    assert tokenizer.encode(f"The c{character}at{character}") == tokenizer.encode("The cat")
    assert tokenizer.encode(character) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("می\u200cخواهم", id="Persian"),
        pytest.param("क्\u200dष क्\u200cष", id="Hindi"),
        pytest.param("ශ්\u200dරී", id="Sinhala"),
        pytest.param("ខ្ញុំ\u200bស្រលាញ់", id="Khmer"),
        pytest.param(" tab\tand\u00a0hard space\r", id="spaces"),
        pytest.param("e\u0301 naïve £5 日本", id="accents and symbols"),
        pytest.param(PROSE, id="prose"),
    ],
)
def test_what_a_script_needs_stays(text: str) -> None:
    assert without_invisibles(text) == text


@given(st.text())
def test_nothing_but_these_is_taken_out(text: str) -> None:
    expected = [character for character in text if character.isalnum() or character.isspace()]
    kept = [character for character in without_invisibles(text) if character.isalnum() or character.isspace()]
    assert [character for character in kept if character not in "\x1c\x1d\x1e\x1f"] == [
        character for character in expected if character not in "\x1c\x1d\x1e\x1f"
    ]
