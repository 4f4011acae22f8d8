from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.text.byte_pieces import BYTE_PIECES, BytePieces

FIRST_ID = 14
WORD = 300
PIECES = BytePieces({piece: FIRST_ID + byte for byte, piece in enumerate(BYTE_PIECES)})


def ids_of(content: bytes) -> list[int]:
    return [FIRST_ID + byte for byte in content]


RARE = st.characters(exclude_categories=["Cc", "Cs"])


@given(st.lists(st.text(RARE).map(str.encode).map(ids_of) | st.just([WORD])))
def test_characters_in_bytes_are_text(parts: Sequence[Sequence[int]]) -> None:
    assert PIECES.are_text([index for part in parts for index in part])


@given(st.characters(min_codepoint=0x80, exclude_categories=["Cc", "Cs"]).map(str.encode), st.data())
def test_a_character_that_lacks_a_byte_or_is_parted_is_none(spelt: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(spelt) - 1))
    assert not PIECES.are_text([WORD, *ids_of(spelt[:place]), WORD, *ids_of(spelt[place:])])
    assert not PIECES.are_text(ids_of(spelt[:place]))
    assert not PIECES.are_text(ids_of(spelt[place:] + spelt[:place]))


@pytest.mark.parametrize("character", [chr(code) for code in range(0xA0) if unicodedata.category(chr(code)) == "Cc"])
def test_control_characters_are_no_text(character: str) -> None:
    assert not PIECES.are_text([WORD, *ids_of(character.encode())])


def test_a_vocabulary_without_bytes_has_none() -> None:
    pieces = BytePieces({"<0xE2>": 5, "▁the": 6})
    assert pieces.pieces == ()
    assert pieces.are_text([5, 6])
