from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.sources import Source
from xlmcli.text.numerals import plain_numerals
from xlmcli.text.sentencepiece import SentencePieceTokenizer
from xlmcli.text.sentencepiece_training import TokenizerOptions, train_sentencepiece


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("10⁶", "10^6"),
        ("10⁻³ or 10⁺²", "10^-3 or 10^+2"),
        ("3×10⁸ m", "3×10^8 m"),
        ("x²", "x^2"),
        ("20 m²", "20 m^2"),
        ("(a+b)³ and [c]¹⁰", "(a+b)^3 and [c]^10"),
        ("H₂O", "H₂O"),  # compatibility normalisation makes H2O of it, which is how people write it
        ("log₁₀ x", "log₁₀ x"),
        ("10₂ and 12₁₀", "10_2 and 12_10"),
        ("1½", "1 1/2"),
        ("½ cup, ¼ tsp", "1/2 cup, 1/4 tsp"),
        ("a½", "a1/2"),
        ("3⁄4", "3/4"),
        ("² alone", "² alone"),
        ("_²", "_²"),
        ("", ""),
    ],
)
def test_numerals_keep_their_value(text: str, plain: str) -> None:
    assert plain_numerals(text) == plain


@given(st.text(st.characters(max_codepoint=0x2FF, exclude_characters="²³¹¼½¾"), max_size=20))
def test_text_without_such_numerals_stays(text: str) -> None:
    assert plain_numerals(text) == text


@given(st.text("x1.a)²¹½⁻⁄ é"))
def test_what_is_plain_stays_plain(text: str) -> None:
    once = plain_numerals(text)
    assert plain_numerals(once) == once


@pytest.mark.parametrize(("text", "plain"), [("10⁶", "10^6"), ("1½", "1 1/2"), ("10₂", "10_2"), ("H₂O", "H2O")])
def test_a_vocabulary_reads_the_plain_form(tmp_path: Path, text: str, plain: str) -> None:
    (tmp_path / "en").write_text("10^6 or 2^3 is 1 1/2 of 10_2 H2O\n106 H20 by 12 o'clock\n" * 20)
    train_sentencepiece(TokenizerOptions((Source(("en",), tmp_path / "en"),), vocab_size=292), tmp_path)
    tokenizer = SentencePieceTokenizer.load(tmp_path)
    assert tokenizer.encode(text) == tokenizer.encode(plain)
    assert tokenizer.decode(tokenizer.encode(text)) == plain


def test_a_vocabulary_without_a_mark_reads_what_it_has_learned(tokenizer: SentencePieceTokenizer) -> None:
    assert tokenizer.encode("10⁶ m²") == tokenizer.encode("106 m2")
