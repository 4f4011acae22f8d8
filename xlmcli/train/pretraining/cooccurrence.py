"""Embeddings to begin pretraining with: words that occur together, or in each other's translation, lie close.

Positive pointwise mutual information of words that share a text, reduced by a truncated singular value decomposition
(Levy, Goldberg & Dagan 2015, "Improving Distributional Similarity with Lessons Learned from Word Embeddings"). A
sentence pair is one text, as in cross-lingual latent semantic indexing, so a word starts near its translation.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

from xlmcli.train.data.corpus import TextData

# A longer line is cut into texts of so many tokens a side: not every word of it has to do with every other.
_MAX_TEXT_LEN = 128
_CHUNK_SENTENCES = 50_000
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

    A word of a text spreads one count, times how often the text counts in an epoch, evenly over the text's other words:
    its sum is then the number of texts in which it has company, however long they are.

    Returns:
        float32 (num_words, num_words), symmetric, nothing on the diagonal.
    """
    counts = sparse.csr_array((num_words, num_words), dtype=np.float32)
    for text in texts:
        for start in range(0, len(text), _CHUNK_SENTENCES):
            members, repeats = _memberships(text, start, min(start + _CHUNK_SENTENCES, len(text)), num_words)
            shares = repeats / np.maximum(members.sum(1) - 1, 1)
            counts += members.T @ (members * shares[:, None])
    # Not setdiag, which got this wrong before scipy's issue 21791: where few diagonal entries are missing.
    counts.data[counts.indices == np.repeat(np.arange(num_words), np.diff(counts.indptr))] = 0
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


def _memberships(text: TextData, start: int, end: int, num_words: int) -> tuple[sparse.csr_array, NDArray[np.float32]]:
    """Which words some sentences have, ones (texts, num_words), and how often each text counts, float32 (texts,)."""
    lens = np.stack([side.lens[start:end] for side in text.sides])
    num_texts = np.maximum(1, -(-lens.max(0) // _MAX_TEXT_LEN))
    first_rows = np.cumsum(num_texts) - num_texts
    rows, words = [], []
    for side, side_lens in zip(text.sides, lens, strict=True):
        sentence_starts = np.cumsum(side_lens) - side_lens
        places = np.arange(side_lens.sum()) - np.repeat(sentence_starts, side_lens)
        rows.append((np.repeat(first_rows, side_lens) + places // _MAX_TEXT_LEN).astype(np.int32))
        words.append(side.gather(np.arange(start, end)))
    row, word = np.concatenate(rows), np.concatenate(words)
    shape = (int(num_texts.sum()), num_words)
    members = sparse.csr_array((np.ones(len(row), dtype=np.float32), (row, word)), shape=shape)
    members.sum_duplicates()
    members.data[:] = 1
    return members, np.repeat(text.repeats[start:end], num_texts)
