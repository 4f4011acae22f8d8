"""Embeddings to begin pretraining with: words that occur together, or in each other's translation, lie close.

Positive pointwise mutual information of words that share a text, reduced by a truncated singular value decomposition
(Levy, Goldberg & Dagan 2015, "Improving Distributional Similarity with Lessons Learned from Word Embeddings"). A
sentence pair is one text, as in cross-lingual latent semantic indexing, so a word starts near its translation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

from xlmcli.train.data import Corpus, TextData

# In a line that is no sentence, not every word has to do with every other.
_MAX_TEXT_LEN = 128
_CHUNK_TEXTS = 50_000
# Makes rare words count for more as contexts, or the mutual information with them would drown all else (section 3.2).
_CONTEXT_SMOOTHING = 0.75


def cooccurrence_embeddings(
    texts: Iterable[TextData], num_words: int, dim: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Computes an embedding for every word that shares a text with others.

    Args:
        texts: Sentences and sentence pairs.
        num_words: Rows of the table.
        dim: Columns of the table, fewer than ``num_words``.
        rng: Source of the decomposition's first guess.

    Returns:
        (num_words, dim): rows of length 1, or of zeros where a word has no company.
    """
    information = mutual_information(count_shared_texts(texts, num_words))
    if information.nnz == 0:
        return np.zeros((num_words, dim), dtype=np.float32)
    left, strengths, _ = svds(information, k=dim, v0=rng.standard_normal(num_words).astype(np.float32))
    # Left vectors without their strengths: like a random table, this one varies as much in every direction.
    table = np.where(strengths > strengths.max() * num_words * np.finfo(np.float32).eps, left, 0)
    table[np.diff(information.indptr) == 0] = 0
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    return np.divide(table, lengths, out=table, where=lengths > 0)  # type: ignore[no-any-return]


def count_shared_texts(texts: Iterable[TextData], num_words: int) -> sparse.csr_array:
    """Counts how often two words share a text.

    A word of a text spreads one count, times how often the text counts in an epoch, evenly over the text's other words,
    so that a word's sum is the number of texts that it is in, however long they are.

    Returns:
        float32 (num_words, num_words), symmetric, nothing on the diagonal.
    """
    counts = sparse.csr_array((num_words, num_words), dtype=np.float32)
    for members, repeats in _memberships(texts, num_words):
        shares = repeats / np.maximum(members.sum(1) - 1, 1)
        counts += members.T @ (members * shares[:, None])
    counts.setdiag(0)
    counts.eliminate_zeros()
    return counts


def mutual_information(counts: sparse.csr_array) -> sparse.csr_array:
    """Positive pointwise mutual information in nats of each word (row) with each context (column), float32."""
    totals = counts.sum(1)
    contexts = totals**_CONTEXT_SMOOTHING
    pairs = counts.tocoo()
    information = np.log(pairs.data * contexts.sum() / (totals[pairs.row] * contexts[pairs.col]))
    kept = information > 0
    rows, columns = pairs.row[kept], pairs.col[kept]
    return sparse.csr_array((information[kept].astype(np.float32), (rows, columns)), shape=counts.shape)


def _memberships(texts: Iterable[TextData], num_words: int) -> Iterator[tuple[sparse.csr_array, NDArray[np.float32]]]:
    """Which words each text has, ones (texts, num_words), and how often each text counts, (texts,), chunk by chunk."""
    for text in texts:
        for start in range(0, len(text), _CHUNK_TEXTS):
            end = min(start + _CHUNK_TEXTS, len(text))
            words = np.concatenate([side.ids[side.starts[start] : side.starts[end]] for side in text.sides])
            rows = np.concatenate([_rows(side, start, end) for side in text.sides])
            # Blocks of as many rows as there are sentences: the first tokens of each, the next ones, and so on.
            num_blocks = rows.max(initial=0) // (end - start) + 1
            shape = (num_blocks * (end - start), num_words)
            members = sparse.csr_array((np.ones(len(words), dtype=np.float32), (rows, words)), shape=shape)
            members.sum_duplicates()
            members.data[:] = 1
            yield members, np.tile(text.repeats[start:end], num_blocks)


def _rows(side: Corpus, start: int, end: int) -> NDArray[np.int64]:
    """The row of each word of some sentences; the words of a long one go on in the next block of rows."""
    lens = side.lens[start:end]
    sentences = np.repeat(np.arange(end - start), lens)
    places = np.arange(len(sentences)) - np.repeat(side.starts[start:end] - side.starts[start], lens)
    return sentences + (end - start) * (places // _MAX_TEXT_LEN)  # type: ignore[no-any-return]
