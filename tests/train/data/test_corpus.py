from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.sources import Source
from xlmcli.text import Tokenizer
from xlmcli.text.augmentation import Augmentation
from xlmcli.text.marks import FIRST_MARK_ID, MARKS
from xlmcli.train.core.setup import join, load_by_langs, sentences_of
from xlmcli.train.data.corpus import Corpus, LengthFilter, TextData, TextOptions, join_corpora
from xlmcli.train.data.loading import load_text

EVERYTHING = TextOptions(LengthFilter(max_len=1000, max_ratio=1000))


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_a_corpus_gives_back_its_sentences() -> None:
    sentences = [[5, 6], [], [7], [8, 9, 10]]
    corpus = Corpus.from_sequences(sentences)
    assert len(corpus) == 4
    assert [corpus[i] for i in range(4)] == sentences
    assert corpus.lens.tolist() == [2, 0, 1, 3]


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


@pytest.fixture
def noisy(tokenizer: Tokenizer, tmp_path: Path, sentences: dict[str, list[str]]) -> TextData:
    """Twenty pairs, and of each one with a typo on a side."""
    rows = [f"{en}\t{fr}" for en, fr in zip(sentences["en"], sentences["fr"], strict=True)]
    source = Source(("en", "fr"), write(tmp_path / "a.tsv", *rows), repeat=2)
    return load_text([source], tokenizer, replace(EVERYTHING, augmentations=(Augmentation("typos", 1),)))


def test_variants_come_after_the_rows(noisy: TextData, tokenizer: Tokenizer, sentences: dict[str, list[str]]) -> None:
    assert len(noisy) > 35
    assert noisy.repeats.tolist() == [2] * len(noisy)
    assert noisy.num_skipped == 0
    assert noisy.noisy_sides is not None
    assert noisy.noisy_sides[:20].tolist() == [-1] * 20
    assert set(noisy.noisy_sides[20:].tolist()) == {0, 1}
    for number, lang in enumerate(noisy.langs):
        texts = tokenizer.decode_batch([noisy.sides[number][row] for row in range(len(noisy))])
        assert texts[:20] == sentences[lang]
        for text, side in zip(texts[20:], noisy.noisy_sides[20:], strict=True):
            assert (text in sentences[lang]) == (side != number)


@pytest.mark.parametrize(("src", "tgt"), [("en", "fr"), ("fr", "en")])
def test_nobody_learns_to_write_errors(
    noisy: TextData, tokenizer: Tokenizer, sentences: dict[str, list[str]], src: str, tgt: str
) -> None:
    pairs = noisy.direction(src, tgt)
    assert pairs.langs == (src, tgt)
    written = tokenizer.decode_batch([pairs.sides[1][row] for row in np.flatnonzero(pairs.repeats)])
    assert set(written) == set(sentences[tgt])
    read = tokenizer.decode_batch([pairs.sides[0][row] for row in np.flatnonzero(pairs.repeats)])
    assert not set(read) <= set(sentences[src])
    alone = noisy.side(tgt)
    assert alone.repeats.tolist() == pairs.repeats.tolist()
    assert noisy.direction(src, tgt).epoch_size + noisy.direction(tgt, src).epoch_size == 2 * (len(noisy) + 20)


@pytest.mark.parametrize("kinds", [(), ("typos",)])
def test_nobody_learns_to_write_what_a_model_made(
    tokenizer: Tokenizer, tmp_path: Path, sentences: dict[str, list[str]], kinds: tuple[str, ...]
) -> None:
    rows = [f"{en}\t{fr}" for en, fr in zip(sentences["en"], sentences["fr"], strict=True)]
    source = Source(("en", "fr"), write(tmp_path / "a.tsv", *rows), repeat=2, synthetic="en")
    text = load_text([source], tokenizer, replace(EVERYTHING, augmentations=tuple(Augmentation(k, 1) for k in kinds)))
    assert text.direction("fr", "en").epoch_size == text.side("en").epoch_size == 0
    pairs = text.direction("en", "fr")
    written = tokenizer.decode_batch([pairs.sides[1][row] for row in np.flatnonzero(pairs.repeats)])
    assert set(written) == set(sentences["fr"]), "nor what has errors on the other side"
    assert set(pairs.repeats.tolist()) <= {0, 2}


def test_joined_texts_keep_which_side_has_errors(noisy: TextData) -> None:
    clean = replace(noisy, noisy_sides=None)
    both = join([clean, noisy])
    assert both.noisy_sides is not None
    assert both.noisy_sides.tolist() == [-1] * len(noisy) + noisy.noisy_sides.tolist()
    assert clean.repeats_writing("en") is clean.repeats
    assert both.repeats_writing("fr").tolist() == [2] * len(noisy) + noisy.repeats_writing("fr").tolist()


def test_variants_are_drawn_from_the_seed(tokenizer: Tokenizer, tmp_path: Path) -> None:
    source = Source(("en",), write(tmp_path / "a.txt", *(f"some {word} text" for word in "abcdefgh")))
    options = replace(EVERYTHING, augmentations=(Augmentation("typos", 0.5),))
    first, again, other = (
        load_text([source], tokenizer, replace(options, seed=seed)).sides[0].ids.tolist() for seed in (0, 0, 1)
    )
    assert first == again != other


def test_marks_are_reserved_tokens_in_training_text(tokenizer: Tokenizer, tmp_path: Path) -> None:
    source = Source(("en", "fr"), write(tmp_path / "a.tsv", "Go to {city}.\tAllez à {city}."))
    options = replace(EVERYTHING, augmentations=(Augmentation("spans", 1),))
    assert options.protects_spans
    assert not EVERYTHING.protects_spans
    text = load_text([source], tokenizer, options)
    marks = [[id_ - FIRST_MARK_ID for id_ in side[0] if 0 <= id_ - FIRST_MARK_ID < len(MARKS)] for side in text.sides]
    assert len(marks[0]) == 1
    assert marks[0] == marks[1]


SENTENCES = st.lists(st.lists(st.integers(0, 99), max_size=5), max_size=8)


@given(parts=st.lists(SENTENCES, min_size=1, max_size=5), data=st.data())
def test_corpora_are_joined_without_being_copied(parts: list[list[list[int]]], data: st.DataObject) -> None:
    corpora = [Corpus.from_sequences(part) for part in parts]
    joined, sentences = join_corpora(corpora), [sentence for part in parts for sentence in part]
    assert all(
        np.shares_memory(a, b) or not a.size for a, b in zip(joined.segments, [c.ids for c in corpora], strict=True)
    )
    assert joined.to_sequences() == sentences
    assert [joined[index] for index in range(len(joined))] == sentences
    assert joined.lens.tolist() == list(map(len, sentences))
    order = data.draw(st.lists(st.integers(0, len(sentences) - 1), max_size=12)) if sentences else []
    taken = joined.take(np.array(order, dtype=np.int64))
    assert taken.to_sequences() == [sentences[index] for index in order]
    assert joined.gather(np.array(order, dtype=np.int64)).tolist() == [
        id_ for index in order for id_ in sentences[index]
    ]


def test_sides_and_directions_share_their_ids() -> None:
    corpora = tuple(Corpus.from_sequences(side) for side in ([[5], [6, 7]], [[8, 9], [10]]))
    text = TextData(("en", "fr"), corpora, np.ones(2, dtype=np.float32), 0)
    assert text.side("fr").sides == (corpora[1],)
    assert text.direction("fr", "en").sides == corpora[::-1]
