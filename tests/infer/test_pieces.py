from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.infer.pieces import PieceMaker, Prepared


class CharacterTokenizer:
    """One id a character, spaces left out; it only encodes."""

    def encode(self, text: str, lang: str) -> list[int]:
        return [ord(character) for character in "".join(text.split())]

    def encode_batch(self, texts: Sequence[str], lang: str) -> list[list[int]]:
        return [self.encode(text, lang) for text in texts]


def prepare(text: str, max_tokens: int = 12, tgt_lang: str = "fr") -> Prepared:
    (prepared,) = PieceMaker(CharacterTokenizer(), max_tokens, "en", tgt_lang).prepare([text])
    return prepared


def parts(prepared: Prepared) -> list[str]:
    return [piece.before + "".join(map(chr, piece.ids)) for piece in prepared.pieces]


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(" .,\n")), st.integers(1, 20))
def test_nothing_is_lost_and_everything_fits(text: str, max_tokens: int) -> None:
    prepared = prepare(text, max_tokens)
    ids = [token for piece in prepared.pieces for token in piece.ids]
    assert ids == CharacterTokenizer().encode(text, "en")
    assert all(1 <= len(piece.ids) <= max_tokens for piece in prepared.pieces)


@pytest.mark.parametrize("text", ["", " ", "\t \u3000", "\n", " \n \r\n"])
def test_blank_text_has_no_pieces(text: str) -> None:
    assert prepare(text).pieces == []


def test_text_that_fits_is_one_piece() -> None:
    assert parts(prepare("One. Two. Six.")) == ["One.Two.Six."]


def test_long_text_is_split_at_sentences() -> None:
    prepared = prepare("One is one. Two is two! Why?")
    assert parts(prepared) == ["Oneisone.", " Twoistwo!", " Why?"]
    assert not any(piece.is_cut for piece in prepared.pieces)


def test_languages_without_spaces_are_joined_without() -> None:
    assert parts(prepare("One is one. Two is two!", tgt_lang="zh")) == ["Oneisone.", "Twoistwo!"]


def test_a_long_sentence_is_cut_between_words_preferably_at_a_comma() -> None:
    prepared = prepare("Short one. this sentence goes, on and on")
    assert parts(prepared) == ["Shortone.", " thissentence", " goes,onandon"]
    assert [piece.is_cut for piece in prepared.pieces] == [False, True, True]
    assert parts(prepare("a bb ccc, dd and on")) == ["abbccc,", " ddandon"]


def test_a_long_word_is_cut_anywhere() -> None:
    assert parts(prepare("abcdefghijklmnopqrstuvwxyz")) == ["abcdefghijkl", " mnopqrstuvwx", " yz"]


def test_line_ends_inside_a_text_are_kept() -> None:
    prepared = prepare("\nOne.\r\n\nTwo is two. Six and six.\n\n")
    assert parts(prepared) == ["\nOne.", "\r\n\nTwoistwo.", " Sixandsix."]
    assert prepared.after == "\n\n"
