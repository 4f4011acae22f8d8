"""The numbers of each line that sacreBLEU's metrics are computed from, counted for many lines at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.base import Metric
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from xlmcli.metrics.translation.ngrams import Ints, NumberedTokens, iter_matches, number_characters, number_words

Statistics = NDArray[np.float64]


def count_statistics(metric: Metric, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Statistics:
    """Returns what the metric's ``_extract_corpus_statistics`` returns.

    Args:
        metric: Any of sacreBLEU's; for BLEU and chrF it is done here, many times faster.
        hypotheses: Lines.
        references: As many lines of each reference.

    Returns:
        (num_lines, num_stats); whole numbers, but for TER against several references.
    """
    if isinstance(metric, BLEU):
        return _count_bleu(metric, hypotheses, references)
    if isinstance(metric, CHRF):
        return _count_chrf(metric, hypotheses, references)
    return np.array(metric._extract_corpus_statistics(hypotheses, references), dtype=np.float64)


def _count_bleu(metric: BLEU, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Statistics:
    """Columns: length, length of the reference that is closest, matches of each order, n-grams of each order."""
    versions = [[metric._preprocess_segment(line).split() for line in lines] for lines in (hypotheses, *references)]
    ours, *theirs = number_words(versions)
    orders = range(1, metric.max_ngram_order + 1)
    columns = [
        ours.lens,
        _closest_lens(ours.lens, np.stack([side.lens for side in theirs])),
        *iter_matches(ours, theirs, metric.max_ngram_order),
        *(ours.num_ngrams(order) for order in orders),
    ]
    return np.stack(columns, axis=1).astype(np.float64)


def _closest_lens(lens: Ints, reference_lens: Ints) -> Ints:
    """Returns of each line's references the length nearest to the line's, of two the shorter; (num_lines,)."""
    ordered = np.sort(reference_lens, axis=0)
    nearest = np.abs(ordered - lens).argmin(axis=0)
    closest: Ints = ordered[nearest, np.arange(len(lens))]
    return closest


def _count_chrf(metric: CHRF, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Statistics:
    """Columns, for each order of characters, then of words: n-grams, n-grams of the reference, matches.

    Of several references each line takes the one that gives it the best score.
    """
    versions = [[metric._preprocess_segment(line) for line in lines] for lines in (hypotheses, *references)]
    characters = number_characters([["".join(line.split()) for line in lines] for lines in versions])
    words = number_words([[metric._remove_punctuation(line) for line in lines] for lines in versions])
    candidates = []
    for index in range(1, len(versions)):
        triples = _count_triples(characters[0], characters[index], metric.char_order)
        triples += _count_triples(words[0], words[index], metric.word_order)
        candidates.append(np.stack(triples, axis=1))
    if len(candidates) == 1:
        return candidates[0].astype(np.float64)
    scores = [[metric._compute_f_score(row) for row in counted.tolist()] for counted in candidates]
    best = np.argmax(scores, axis=0)
    chosen: Ints = np.stack(candidates)[best, np.arange(len(best))]
    return chosen.astype(np.float64)


def _count_triples(ours: NumberedTokens, theirs: NumberedTokens, max_order: int) -> list[Ints]:
    columns: list[Ints] = []
    for order, matches in enumerate(iter_matches(ours, [theirs], max_order), start=1):
        num_theirs = theirs.num_ngrams(order)
        # Where the reference is too short to have any, those of the line do not count.
        columns += [np.where(num_theirs > 0, ours.num_ngrams(order), 0), num_theirs, matches]
    return columns
