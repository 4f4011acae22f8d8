"""Finds translations of each other among the film subtitles of data/sentiment, which come without any alignment.

    python recipes/subtitle_pairs.py xlm-0 states pairs

writes ``pairs/en-fr.tsv`` and so on for every two languages. It begins with names: rare words that two languages share.
Sentences paired so, and the Tatoeba pairs of data/parallel, tell which words occur in each other's company, those make
vectors of sentences, and their nearest neighbours are new pairs, in several passes. ``states/`` holds ``fr.npy`` and so
on: the vectors that

    cut -f 2 data/sentiment/subtitles.fr.train.tsv | xlm encode -m xlm-0.bundle --lang fr -o states/fr.npy

makes of the same lines; they count as much as the words. ``xlm-0`` gives its vocabulary. A pair whose labels contradict
each other is left out: the labels of translations are those of the English original, which alone may be neutral.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from xlmcli.lines import iter_file_lines
from xlmcli.sources import iter_rows, parse_source
from xlmcli.text import Tokenizer, load_tokenizer
from xlmcli.train.data.corpus import Corpus, TextData
from xlmcli.train.pretraining.cooccurrence import cooccurrence_embeddings

DATA = Path("data")
LANGS = ("en", "de", "es", "fi", "fr", "it", "nl", "pl", "pt", "ro")
# Languages with ten thousand Tatoeba pairs or more: their neighbours are mostly right at a lower margin.
TIED = ("de", "es", "fr", "it", "pt")
# Dutch and Romanian have about 700 pairs of other kinds, Finnish and Polish none.
MARGINS = {"nl": 1.15, "ro": 1.15, "fi": 1.2, "pl": 1.2}
TIED_MARGIN = 1.1
# The first of a file; where it is sorted by length, the shortest.
KNOWN_PAIRS = 40_000
PASSES = 2
DIM = 300
# A word in more lines than these is no name.
RARE_LINES = 12
# A line's best match counts if its score and its lead over the second best come to this.
LEAST_SCORE_AND_LEAD = 0.24
# Pairs are few beside the lines themselves, and tell more.
PAIR_REPEAT = 3
WORD = re.compile(r"\w+|[?!]")
Matrix = NDArray[np.float32]
Pairs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Subtitles:
    """One language's lines: labels, texts, words of each text, ids of each text, and states (lines, dim)."""

    labels: list[str]
    texts: list[str]
    words: list[set[str]]
    ids: list[list[int]]
    states: Matrix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("xlm", type=Path)
    parser.add_argument("states", type=Path)
    parser.add_argument("pairs", type=Path)
    options = parser.parse_args()
    tokenizer = load_tokenizer(options.xlm)
    subtitles = {lang: read_subtitles(lang, options.states, tokenizer) for lang in LANGS}
    known = [read_known(lang, tokenizer) for lang in TIED]
    lang_pairs = list(combinations(LANGS, 2))
    seeds = {(a, b): pairs_by_rare_words(subtitles[a], subtitles[b]) for a, b in lang_pairs}
    pairs = {(a, b): keep_compatible(rows, subtitles[a], subtitles[b]) for (a, b), rows in seeds.items()}
    for number in range(1, PASSES + 1):
        vectors = make_vectors(subtitles, known, pairs, tokenizer.vocab_size)
        for a, b in lang_pairs:
            rows, margins = mutual_neighbours(vectors[a], vectors[b])
            rows = rows[margins > max(MARGINS.get(a, TIED_MARGIN), MARGINS.get(b, TIED_MARGIN))]
            rows = np.unique(np.concatenate([rows, seeds[a, b]]), axis=0)
            pairs[a, b] = keep_compatible(rows, subtitles[a], subtitles[b])
        counts = " ".join(f"{a}-{b} {len(rows)}" for (a, b), rows in pairs.items())
        print(f"pass {number}: {counts}", file=sys.stderr, flush=True)
    options.pairs.mkdir(exist_ok=True)
    for (a, b), rows in pairs.items():
        lines = [f"{subtitles[a].texts[i]}\t{subtitles[b].texts[j]}\n" for i, j in rows.tolist()]
        (options.pairs / f"{a}-{b}.tsv").write_text("".join(lines), encoding="utf-8")


def read_subtitles(lang: str, states: Path, tokenizer: Tokenizer) -> Subtitles:
    rows = [line.split("\t", 1) for line in iter_file_lines(DATA / f"sentiment/subtitles.{lang}.train.tsv")]
    texts = [text for _, text in rows]
    words = [{word.lower() for word in WORD.findall(text)} for text in texts]
    vectors = np.load(states / f"{lang}.npy")
    return Subtitles([label for label, _ in rows], texts, words, tokenizer.encode_batch(texts, lang), centre(vectors))


def read_known(lang: str, tokenizer: Tokenizer) -> TextData:
    source = parse_source(f"en-{lang}={DATA}/parallel/en-{lang}.tsv.xz,only=tatoeba*")
    rows = list(islice(iter_rows(source), KNOWN_PAIRS))
    langs = ("en", lang)
    return make_text_data(langs, *(tokenizer.encode_batch([row[side] for row in rows], langs[side]) for side in (0, 1)))


def pairs_by_rare_words(a: Subtitles, b: Subtitles) -> Pairs:
    """Lines that are each other's best match in shared rare words, ? and !, int64 (pairs, 2)."""
    a_words, a_members = index_words(a.words)
    b_words, b_members = index_words(b.words)
    a_counts, b_counts = a_members.sum(0), b_members.sum(0)
    by_start = defaultdict(list)
    for word, column in b_words.items():
        if b_counts[column] <= RARE_LINES:
            by_start[word[:4]].append((word, column))
    matches = [(a_words[mark], b_words[mark], 1.0) for mark in "?!"]
    for word, row in a_words.items():
        if a_counts[row] > RARE_LINES or (len(word) < 3 and not word.isdigit()):
            continue
        if word in b_words and b_counts[b_words[word]] <= RARE_LINES:
            matches.append((row, b_words[word], 1.0))
        elif len(word) >= 5:
            matches += [(row, column, 0.8) for other, column in by_start[word[:4]] if is_inflected(word, other)]
    rows, columns, values = zip(*matches, strict=True)
    a_idf, b_idf = np.log(len(a.words) / a_counts), np.log(len(b.words) / b_counts)
    weights = np.array(values) * np.sqrt(a_idf[list(rows)] * b_idf[list(columns)])
    table = sparse.csr_array((weights, (rows, columns)), shape=(len(a_words), len(b_words)))
    shared = (a_members @ table @ b_members.T).toarray()
    scores = shared / np.sqrt(np.outer(a_members @ a_idf + 2, b_members @ b_idf + 2))
    a_lens, b_lens = (np.log1p([len(words) for words in side.words]) for side in (a, b))
    scores *= np.exp(-2 * np.subtract.outer(a_lens - a_lens.mean(), b_lens - b_lens.mean()) ** 2)
    rows_of_best, best = mutual_best(scores)
    best_two = np.partition(scores[rows_of_best], -2, axis=1)[:, -2:]
    is_clear = 2 * best_two[:, 1] - best_two[:, 0] > LEAST_SCORE_AND_LEAD
    return np.stack([rows_of_best, best], axis=1)[is_clear]


def is_inflected(word: str, other: str) -> bool:
    """Whether two words differ only in a short ending, as names do in languages with cases."""
    shared = next((i for i, (x, y) in enumerate(zip(word, other, strict=False)) if x != y), min(len(word), len(other)))
    return shared >= 5 and min(len(word), len(other)) - shared <= 1 and max(len(word), len(other)) - shared <= 4


def index_words(texts: list[set[str]]) -> tuple[dict[str, int], sparse.csr_array]:
    """A column of every word, and which texts have it, ones (texts, words)."""
    columns: dict[str, int] = {}
    places = [
        (row, columns.setdefault(word, len(columns))) for row, words in enumerate(texts) for word in sorted(words)
    ]
    row, column = zip(*places, strict=True)
    return columns, sparse.csr_array((np.ones(len(row)), (row, column)), shape=(len(texts), len(columns)))


def make_vectors(
    subtitles: dict[str, Subtitles],
    known: list[TextData],
    pairs: dict[tuple[str, str], Pairs],
    vocab_size: int,
) -> dict[str, Matrix]:
    """A vector of each line: the co-occurrence embeddings of its words, frequent ones less, beside its states."""
    texts = [*known]
    counts = np.zeros(vocab_size)
    for lang, lines in subtitles.items():
        texts.append(make_text_data((lang,), lines.ids))
        counts += np.bincount(texts[-1].sides[0].ids, minlength=vocab_size)
    for langs, rows in pairs.items():
        sides = [[subtitles[lang].ids[row] for row in column] for lang, column in zip(langs, rows.T, strict=True)]
        if sides[0]:
            texts.append(make_text_data(langs, *sides, repeat=PAIR_REPEAT))
    table = cooccurrence_embeddings(texts, vocab_size, DIM, np.random.default_rng(1))
    # Weights of Arora, Liang & Ma 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings".
    table *= (1e-3 / (1e-3 + counts / counts.sum()))[:, None]
    return {
        lang: np.concatenate([centre(np.stack([table[ids].sum(0) for ids in lines.ids])), lines.states], axis=1)
        for lang, lines in subtitles.items()
    }


def mutual_neighbours(a: Matrix, b: Matrix, num_neighbours: int = 4) -> tuple[Pairs, Matrix]:
    """Pairs of rows that are each other's nearest by `xlm encode --margin`, int64 (pairs, 2), and their margins.

    The rows of both have one length, which the ratio cancels.
    """
    margins = a @ b.T
    a_near = np.partition(margins, -num_neighbours, axis=1)[:, -num_neighbours:].mean(1)
    b_near = np.partition(margins, -num_neighbours, axis=0)[-num_neighbours:].mean(0)
    margins /= (a_near[:, None] + b_near) / 2
    rows, best = mutual_best(margins)
    return np.stack([rows, best], axis=1), margins[rows, best]


def mutual_best(scores: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns that are each other's maximum."""
    best = scores.argmax(1)
    rows = np.flatnonzero(scores.argmax(0)[best] == np.arange(len(best)))
    return rows, best[rows]


def keep_compatible(rows: Pairs, a: Subtitles, b: Subtitles) -> Pairs:
    """The pairs whose labels are the same, or neutral on one side."""
    labels = [(a.labels[i], b.labels[j]) for i, j in rows.tolist()]
    return rows[[x == y or "neutral" in (x, y) for x, y in labels]]


def centre(vectors: NDArray[np.floating]) -> Matrix:
    """Rows of length 1 whose mean is near 0: what all lines of a language have in common says nothing."""
    rows = normalise(vectors)
    return normalise(rows - rows.mean(0)).astype(np.float32)


def normalise(rows: NDArray[np.floating]) -> NDArray[np.floating]:
    normalised: NDArray[np.floating] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return normalised


def make_text_data(langs: tuple[str, ...], *sides: list[list[int]], repeat: float = 1) -> TextData:
    corpora = tuple(Corpus.from_sequences(side) for side in sides)
    return TextData(langs, corpora, np.full(len(corpora[0]), repeat, dtype=np.float32), 0)


if __name__ == "__main__":
    main()
