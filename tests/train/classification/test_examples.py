from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.errors import DataError
from xlmcli.sources import Source
from xlmcli.text import Tokenizer
from xlmcli.text.special import EOS_ID
from xlmcli.train.classification.examples import (
    cut_to,
    encode_labelled,
    join_pair,
    mix_languages,
    names_of_labels,
    read_by_lang,
)
from xlmcli.train.classification.files import Columns

WORDS = st.lists(st.integers(14, 99), max_size=12)


def test_one_side_a_language_and_a_matrix_of_labels(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("x\tGood morning.\ny\t \nx\tThe sea.\n")
    (tmp_path / "b.tsv").write_text("z\tThe garden.\n")
    (tmp_path / "c.tsv").write_text("y\tLa mer.\n")
    sources = [Source((lang,), tmp_path / f"{name}.tsv", repeat=n) for lang, name, n in
               (("en", "a", 1.0), ("fr", "c", 1.0), ("en", "b", 2.0))]  # fmt: skip
    groups = read_by_lang(sources, Columns())
    assert list(groups) == ["en", "fr"]
    labels = names_of_labels(groups.values())
    assert labels == ("x", "y", "z")
    english = encode_labelled("en", groups["en"], labels, tokenizer, 100)
    texts = ["Good morning.", "The sea.", "The garden."]
    assert [english.text.sides[0][row] for row in range(3)] == tokenizer.encode_batch(texts)
    assert english.labels.tolist() == [[True, False, False], [True, False, False], [False, False, True]]
    assert (english.lang, english.text.repeats.tolist()) == ("en", [1, 1, 2])
    assert (english.text.num_skipped, english.text.num_cut) == (1, 0)


def test_swapped_columns_are_said(tokenizer: Tokenizer, tmp_path: Path) -> None:
    rows = [(f"Sentence {number}", ("good", "bad")[number % 2]) for number in range(60)]
    (tmp_path / "a.tsv").write_text("".join(f"{text}\t{label}\n" for text, label in rows))
    source = Source(("en",), tmp_path / "a.tsv")
    swapped = read_by_lang([source], Columns())
    with pytest.raises(DataError, match=r"a\.tsv:1: 60 different labels of 2 different texts") as caught:
        names_of_labels(swapped.values())
    assert "swapped" in (caught.value.hint or "")
    with pytest.raises(DataError, match="unknown label 'Sentence 0'") as caught:
        encode_labelled("en", swapped["en"], ("bad", "good"), tokenizer, 100)
    assert "swapped" in (caught.value.hint or "")
    assert names_of_labels(read_by_lang([source], Columns("2", "1")).values()) == ("bad", "good")


def test_languages_are_mixed_by_their_shares(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "en.tsv").write_text("x\tThe sea.\n" * 9)
    (tmp_path / "fr.tsv").write_text("y\tLa mer.\n")
    groups = read_by_lang([Source((lang,), tmp_path / f"{lang}.tsv") for lang in ("en", "fr")], Columns())
    texts = [encode_labelled(lang, files, ("x", "y"), tokenizer, 100) for lang, files in groups.items()]
    mixed = mix_languages(texts, {"en": 4, "fr": 2}, alpha=0.5)
    assert mixed.lang_ids.tolist() == [4] * 9 + [2]
    assert mixed.labels.argmax(axis=1).tolist() == [0] * 9 + [1]
    assert mixed.text.sides[0][9] == tokenizer.encode("La mer.")
    # sqrt(9) : sqrt(1) of an epoch of ten texts.
    assert mixed.text.repeats.tolist() == pytest.approx([7.5 / 9] * 9 + [2.5])
    assert mix_languages(texts, {"en": 4, "fr": 2}, alpha=1.0).text.repeats.tolist() == pytest.approx([1] * 10)


def test_pairs_are_one_sequence_and_long_ones_are_cut(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("x\tThe sea.\tThe garden in the sea.\nx\tGood.\tThe.\nx\t\tThe.\n")
    groups = read_by_lang([Source(("en",), tmp_path / "a.tsv")], Columns("1", "2", "3"))
    first, second, short = tokenizer.encode_batch(["The sea.", "The garden in the sea.", "Good."])
    max_len = len(first) + 3
    assert len(second) > len(first)
    data = encode_labelled("en", groups["en"], ("x", "y"), tokenizer, max_len)
    (corpus,) = data.text.sides
    assert corpus[0] == [*first, EOS_ID, *second[:3]] or len(first) > 3
    assert len(corpus[0]) == max_len + 1
    assert corpus[1] == [*short, EOS_ID, *tokenizer.encode("The.")]
    assert (len(corpus), data.text.num_skipped, data.text.num_cut) == (2, 1, 1)


@given(WORDS, WORDS, st.integers(2, 24))
def test_the_longer_of_a_pair_is_cut_first(first: list[int], second: list[int], max_len: int) -> None:
    cut = cut_to([first, second], max_len)
    assert (cut[0], cut[1]) == (first[: len(cut[0])], second[: len(cut[1])])
    assert len(cut[0]) + len(cut[1]) == min(max_len, len(first) + len(second))
    if len(cut[0]) < len(first):
        assert len(cut[0]) >= len(cut[1])
    if len(cut[1]) < len(second):
        assert len(cut[1]) + 1 >= len(cut[0])


@given(WORDS, st.integers(1, 24))
def test_a_text_alone_keeps_its_start(words: list[int], max_len: int) -> None:
    assert join_pair(cut_to([words], max_len)) == words[:max_len]


def test_errors(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("x\tThe sea.\nz\tThe sea.\n")
    files = read_by_lang([Source(("en",), path)], Columns())["en"]
    with pytest.raises(DataError) as caught:
        encode_labelled("en", files, ("x", "y"), tokenizer, 9)
    assert (caught.value.message, caught.value.hint) == (f"{path}:2: unknown label 'z'", "known are x, y")
    path.write_text("x\t\n")
    with pytest.raises(DataError, match=f"no usable line in {path}"):
        encode_labelled("en", read_by_lang([Source(("en",), path)], Columns())["en"], ("x",), tokenizer, 9)
    path.write_text("")
    with pytest.raises(DataError, match=f"no usable line in {path}"):
        encode_labelled("en", read_by_lang([Source(("en",), path)], Columns())["en"], ("x",), tokenizer, 9)
