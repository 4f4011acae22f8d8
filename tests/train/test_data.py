from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xlmcli.errors import DataError
from xlmcli.sources import Source
from xlmcli.text import Tokenizer, load_tokenizer
from xlmcli.train.data import Corpus, LengthFilter, TextOptions
from xlmcli.train.loading import load_text
from xlmcli.train.setup import join, load_by_langs, sentences_of

EVERYTHING = TextOptions(LengthFilter(max_len=1000, max_ratio=1000))


@pytest.fixture(scope="module")
def tokenizer(tiny_tokenizer: Path) -> Tokenizer:
    return load_tokenizer(tiny_tokenizer)


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_a_corpus_gives_back_its_sentences() -> None:
    sentences = [[5, 6], [], [7], [8, 9, 10]]
    corpus = Corpus.from_sequences(sentences)
    assert len(corpus) == 4
    assert [corpus[i] for i in range(4)] == sentences
    assert corpus.lens.tolist() == [2, 0, 1, 3]


def test_text_is_tokenised_and_keeps_its_order(
    tokenizer: Tokenizer, tmp_path: Path, sentences: dict[str, list[str]]
) -> None:
    rows = [f"{en}\t{fr}" for en, fr in zip(sentences["en"], sentences["fr"], strict=True)]
    text = load_text([Source(("en", "fr"), write(tmp_path / "a.tsv", *rows))], tokenizer, EVERYTHING)
    assert text.langs == ("en", "fr")
    for lang, side in zip(text.langs, text.sides, strict=True):
        assert tokenizer.decode_batch([side[i] for i in range(len(side))]) == sentences[lang]
    assert text.side("fr").sides[0] is text.sides[1]


def test_rows_outside_the_limits_are_skipped_and_counted(tokenizer: Tokenizer, tmp_path: Path) -> None:
    short, long = "cat", "The cat sleeps on the warm roof. " * 5
    num_words = len(tokenizer.encode(long))
    assert num_words > 10
    path = write(tmp_path / "a.tsv", f"{short}\t{short}", f"{short}\t{long}", f"{short}\t", f"{long}\t{long}")
    source = Source(("en", "fr"), path)
    text = load_text([source], tokenizer, TextOptions(LengthFilter(num_words, 2.0)))
    assert (len(text), text.num_skipped) == (2, 2)
    text = load_text([source], tokenizer, TextOptions(LengthFilter(num_words - 1, 2.0)))
    assert (len(text), text.num_skipped) == (1, 3)


def test_the_ratio_spares_short_pairs(tokenizer: Tokenizer, tmp_path: Path) -> None:
    one = "a"
    ten = next(text for n in range(1, 30) if len(tokenizer.encode(text := " a" * n)) == 10)
    path = write(tmp_path / "a.tsv", f"{one}\t{ten}", f"{one}\t{ten} a")
    text = load_text([Source(("en", "fr"), path)], tokenizer, TextOptions(LengthFilter(100, 1.5)))
    assert len(text) == 1


def test_sources_keep_their_repeats(tokenizer: Tokenizer, tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.txt", "a", "b"), write(tmp_path / "b.txt", "c")
    text = load_text([Source(("en",), a), Source(("en",), b, repeat=0.25)], tokenizer, EVERYTHING)
    assert text.repeats.tolist() == [1, 1, 0.25]
    assert text.epoch_size == 2.25


def test_no_usable_line_is_an_error_that_names_the_files(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = write(tmp_path / "empty.txt", "", "  ")
    with pytest.raises(DataError, match=r"no usable line in .*empty\.txt") as caught:
        load_text([Source(("en",), path)], tokenizer, EVERYTHING)
    assert "--max-len" in str(caught.value.hint)


def test_all_sentences_of_a_language(tokenizer: Tokenizer, tmp_path: Path) -> None:
    mono = Source(("en",), write(tmp_path / "a.txt", "Good morning.", "Turn left."), repeat=2)
    pairs = Source(("fr", "en"), write(tmp_path / "b.tsv", "Bonjour.\tFresh bread."))
    text = sentences_of("en", load_by_langs([mono, pairs], tokenizer, EVERYTHING).values())
    side = text.sides[0]
    assert tokenizer.decode_batch([side[i] for i in range(3)]) == ["Good morning.", "Turn left.", "Fresh bread."]
    assert text.repeats.tolist() == [2, 2, 1]


def test_joined_pairs_stay_aligned(tokenizer: Tokenizer, tmp_path: Path) -> None:
    sources = [Source(("en", "fr"), write(tmp_path / f"{x}.tsv", f"{x}\t{x} {x}")) for x in ("cat", "bread")]
    text = join([load_text([source], tokenizer, EVERYTHING) for source in sources])
    for index, word in enumerate(("cat", "bread")):
        assert [tokenizer.decode(side[index]) for side in text.sides] == [word, f"{word} {word}"]
    assert np.array_equal(text.repeats, [1, 1])
