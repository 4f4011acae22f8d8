"""Embeddings from co-occurrence: counts against a plain count, and what lies near what."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from xlmcli.train.data.corpus import Corpus, TextData
from xlmcli.train.pretraining import cooccurrence
from xlmcli.train.pretraining.cooccurrence import cooccurrence_embeddings, count_shared_texts, mutual_information

NUM_WORDS = 12


def text(*sides: list[list[int]], repeats: list[float] | None = None) -> TextData:
    corpora = tuple(Corpus.from_sequences(side) for side in sides)
    counts = np.asarray(repeats or [1.0] * len(sides[0]), dtype=np.float32)
    return TextData(("en", "fr")[: len(sides)], corpora, counts, 0)


SENTENCE = st.lists(st.integers(0, NUM_WORDS - 1), max_size=6)
ROWS = st.lists(st.tuples(SENTENCE, SENTENCE, st.sampled_from([0.5, 1.0, 3.0])), min_size=1, max_size=8)


def pieces(side: list[int], size: int, num_pieces: int) -> list[list[int]]:
    return [side[size * number : size * (number + 1)] for number in range(num_pieces)]


@given(ROWS, st.lists(SENTENCE, min_size=1, max_size=4), st.integers(1, 3), st.integers(2, 6))
def test_counts_are_those_of_a_plain_count(
    pairs: list[tuple[list[int], list[int], float]], sentences: list[list[int]], chunk: int, size: int
) -> None:
    expected: dict[tuple[int, int], float] = defaultdict(float)
    for first, second, repeat in pairs + [(sentence, [], 1.0) for sentence in sentences]:
        for one, other in zip(pieces(first, size, 3), pieces(second, size, 3), strict=True):
            words = {*one, *other}
            for word, company in permutations(words, 2):
                expected[word, company] += repeat / (len(words) - 1)
    parallel = text([x for x, _, _ in pairs], [y for _, y, _ in pairs], repeats=[repeat for *_, repeat in pairs])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cooccurrence, "_CHUNK_SENTENCES", chunk)
        patch.setattr(cooccurrence, "_MAX_TEXT_LEN", size)
        counts = count_shared_texts([parallel, text(sentences)], NUM_WORDS).todok()
    assert set(counts.keys()) == set(expected)
    assert [counts[pair] for pair in expected] == pytest.approx(list(expected.values()), rel=1e-5)


def test_a_words_sum_is_the_number_of_texts_it_is_in() -> None:
    sentences = [[1, 2], [1, 3, 4, 5], [1, 1, 6], [7]]
    counts = count_shared_texts([text(sentences)], NUM_WORDS)
    assert counts.sum(1)[:8].tolist() == pytest.approx([0, 3, 1, 1, 1, 1, 1, 0])


def test_words_far_apart_in_a_long_line_do_not_share_a_text() -> None:
    line = [1] * 128 + [2] * 100 + [3] * 28 + [4, 5]
    counts = count_shared_texts([text([line, [6, 7]])], NUM_WORDS).todok()
    assert set(counts.keys()) == {(2, 3), (3, 2), (4, 5), (5, 4), (6, 7), (7, 6)}


def test_mutual_information_is_the_papers() -> None:
    counts = np.array([[0, 4, 1], [4, 0, 0], [1, 0, 0]], dtype=np.float32)
    information = mutual_information(sparse.csr_array(counts)).toarray()
    totals = counts.sum(1)
    contexts = totals**0.75 / (totals**0.75).sum()
    for word, context in np.ndindex(3, 3):
        joint = counts[word, context] / counts.sum()
        expected = max(0.0, math.log(joint / (totals[word] / counts.sum() * contexts[context]))) if joint else 0.0
        assert information[word, context] == pytest.approx(expected, abs=1e-5)


def translated(num_meanings: int, num_pairs: int) -> TextData:
    """Pairs in two made languages: meaning ``i`` is word ``i`` in one and ``i + num_meanings`` in the other.

    A sentence is about meanings that are close to each other.
    """
    rng = np.random.default_rng(1)
    first = [
        (rng.integers(num_meanings) + rng.choice(8, size=4, replace=False)) % num_meanings for _ in range(num_pairs)
    ]
    return text([x.tolist() for x in first], [rng.permutation(x + num_meanings).tolist() for x in first])


def embed(texts: list[TextData], num_words: int, dim: int) -> NDArray[np.float32]:
    return cooccurrence_embeddings(texts, num_words, dim, np.random.default_rng(0))


def test_words_lie_near_their_translations() -> None:
    table = embed([translated(40, 400)], 80, 12)
    nearest = (table[:40] @ table[40:].T).argmax(1)
    assert np.mean(nearest == np.arange(40)) > 0.9


def test_rows_have_length_one_or_no_company() -> None:
    lonely = text([[80], [81, 81]])
    table = embed([translated(40, 400), lonely], 90, 16)
    assert table.shape == (90, 16)
    assert table.dtype == np.float32
    assert np.linalg.norm(table[:80], axis=1) == pytest.approx(1, abs=1e-5)
    assert not table[80:].any()


def test_the_same_seed_gives_the_same_embeddings() -> None:
    texts = [translated(20, 100)]
    assert np.array_equal(embed(texts, 40, 8), embed(texts, 40, 8))


@pytest.mark.parametrize("sentences", [[[1], [2]], [[]], [[1, 2]]])
def test_text_with_little_to_tell_is_no_error(sentences: list[list[int]]) -> None:
    table = embed([text(sentences)], NUM_WORDS, 4)
    assert np.isfinite(table).all()
    company = Counter(word for sentence in sentences if len(set(sentence)) > 1 for word in sentence)
    assert set(np.flatnonzero(table.any(1))) == set(company)
