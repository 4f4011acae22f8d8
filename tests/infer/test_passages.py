from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.infer.languages import OneLanguage
from xlmcli.infer.passages import PassageMaker
from xlmcli.infer.pieces import Prepared

SEPARATOR = 1
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(" .,\n"))


class CharacterTokenizer:
    """One id a character, spaces left out; it only encodes."""

    def encode(self, text: str, lang: str | None = None) -> list[int]:
        return [ord(character) for character in "".join(text.split())]

    def encode_batch(self, texts: Sequence[str], lang: str | None = None) -> list[list[int]]:
        return [self.encode(text) for text in texts]


class ByFirstWord:
    """The language of a text is its first word."""

    def choose(self, text: str) -> str:
        return text.split()[0]


def maker(max_tokens: int = 12) -> PassageMaker:
    return PassageMaker(CharacterTokenizer(), max_tokens, (SEPARATOR,), OneLanguage("en"))  # type: ignore[arg-type]


def parts(prepared: Prepared) -> list[str]:
    return ["".join(map(chr, piece.ids)) for piece in prepared.pieces]


@given(st.lists(TEXT, max_size=4), st.integers(1, 20))
def test_nothing_is_lost_and_everything_fits(texts: list[str], max_tokens: int) -> None:
    for text, prepared in zip(texts, maker(max_tokens).prepare(texts), strict=True):
        ids = [token for piece in prepared.pieces for token in piece.ids]
        assert ids == CharacterTokenizer().encode(text)
        assert all(1 <= len(piece.ids) <= max_tokens for piece in prepared.pieces)


def test_sentences_share_passages() -> None:
    (prepared,) = maker(24).prepare(["One is one. Two is two! Why?\nSix and six. Ten."])
    assert parts(prepared) == ["Oneisone.Twoistwo!Why?", "Sixandsix.Ten."]
    assert not any(piece.is_cut for piece in prepared.pieces)


def test_only_a_passage_with_part_of_a_sentence_is_cut() -> None:
    (prepared,) = maker(12).prepare(["Short one. this sentence goes, on and on"])
    assert [piece.is_cut for piece in prepared.pieces] == [False, True, True]


def test_every_text_has_its_language() -> None:
    texts = ["fr un deux", "en one two", " ", "fr trois"]
    prepared = PassageMaker(CharacterTokenizer(), 12, (SEPARATOR,), ByFirstWord()).prepare(texts)  # type: ignore[arg-type]
    assert [[piece.lang for piece in item.pieces] for item in prepared] == [["fr"], ["en"], [], ["fr"]]
    assert parts(prepared[1]) == ["enonetwo"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("abc", "def", "abc|def"),
        ("abcdefgh", "xyz", "abcdefgh|xyz"),
        ("abcdefghij", "xyz", "abcdefgh|xyz"),
        ("abc", "lmnopqrstuvw", "abc|lmnopqrs"),
        ("abcdefghij", "lmnopqrstu", "abcdef|lmnop"),
        ("abc", "", "abc|"),
        ("", "abc", "|abc"),
    ],
)
def test_of_a_pair_the_longer_text_is_cut(first: str, second: str, expected: str) -> None:
    (prepared,) = maker(12).prepare_pairs([(first, second)])
    assert parts(prepared) == [expected.replace("|", chr(SEPARATOR))]
    assert prepared.pieces[0].is_cut == (len(first) + len(second) > 11)


def test_a_blank_pair_has_no_pieces() -> None:
    assert maker().prepare_pairs([(" ", "\n")])[0].pieces == []
