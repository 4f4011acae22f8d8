"""N-grams that lines share, counted for many lines at once.

sacreBLEU counts them in dictionaries, line by line, which takes longer than all else. Here an n-gram of a line is one
whole number, made of the line and the tokens; those of a thousand lines are sorted, and equal neighbours are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MAX_ID = np.iinfo(np.int64).max

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NumberedTokens:
    """Lines as tokens.

    Attributes:
        ids: Of all lines, one after the other, (num_tokens,), from 0.
        lens: Tokens of each line, (num_lines,).
    """

    ids: Ints
    lens: Ints

    def num_ngrams(self, order: int) -> Ints:
        """Returns how many n-grams each line has, (num_lines,)."""
        return np.maximum(self.lens - order + 1, 0)


@dataclass(frozen=True, slots=True)
class _Counted:
    """Different n-grams, sorted, and how often each occurs."""

    ngrams: Ints
    counts: Ints


def number_words(versions: Sequence[Iterable[Sequence[str]]]) -> list[NumberedTokens]:
    """Numbers words, or anything that can be told apart, the same in all versions of a text.

    Args:
        versions: Of each version, the words of each line.
    """
    numbers: dict[str, int] = {}
    numbered = []
    for lines in versions:
        ids: list[int] = []
        lens: list[int] = []
        for words in lines:
            ids += [numbers.setdefault(word, len(numbers)) for word in words]
            lens.append(len(words))
        numbered.append(NumberedTokens(np.array(ids, dtype=np.int64), np.array(lens, dtype=np.int64)))
    return numbered


def number_characters(versions: Sequence[Sequence[str]]) -> list[NumberedTokens]:
    """Numbers characters, the same in all versions of a text.

    Args:
        versions: Of each version, the lines.
    """
    codes = [np.frombuffer("".join(lines).encode("utf-32-le", "surrogatepass"), dtype=np.uint32) for lines in versions]
    # Small numbers leave room for long n-grams.
    occurs = np.zeros(max((int(part.max()) for part in codes if part.size), default=0) + 1, dtype=np.bool_)
    for part in codes:
        occurs[part] = True
    numbers = np.cumsum(occurs) - 1
    lens = [np.array(list(map(len, lines)), dtype=np.int64) for lines in versions]
    return [NumberedTokens(numbers[part], part_lens) for part, part_lens in zip(codes, lens, strict=True)]


def iter_matches(hypothesis: NumberedTokens, references: Sequence[NumberedTokens], max_order: int) -> Iterator[Ints]:
    """Counts the n-grams that each line of a text shares with other versions of it.

    An n-gram counts as often as it is in the line, but no more often than in the version that has it most often.

    Yields:
        For each order from 1, the number of each line, (num_lines,).
    """
    num_lines = len(hypothesis.lens)
    sides = [hypothesis, *references]
    num_words = max((int(side.ids.max()) + 1 for side in sides if side.ids.size), default=1)
    lines = [np.repeat(np.arange(num_lines), side.lens) for side in sides]
    # Tokens from each to the end of its line, itself included: no n-gram runs on into the next line.
    lefts = [np.repeat(np.cumsum(side.lens), side.lens) - np.arange(len(side.ids)) for side in sides]
    grams, num_grams = [side.ids for side in sides], num_words
    for order in range(1, max_order + 1):
        if order > 1:
            if num_grams > _MAX_ID // num_words // max(1, num_lines):
                grams, num_grams = _renumber(grams)
            grams = [
                gram[: len(gram) - 1] * num_words + side.ids[order - 1 :] if gram.size else gram
                for gram, side in zip(grams, sides, strict=True)
            ]
            num_grams *= num_words
        ours, *theirs = (
            _count((line[: len(gram)] * num_grams + gram)[left[: len(gram)] >= order])
            for line, gram, left in zip(lines, grams, lefts, strict=True)
        )
        shared, counts = _intersect(ours, _largest(theirs))
        yield np.bincount(shared // num_grams, weights=counts, minlength=num_lines).astype(np.int64)


def _renumber(parts: Sequence[Ints]) -> tuple[list[Ints], int]:
    """Returns the same numbers, made small, and one more than the largest."""
    values, inverse = np.unique(np.concatenate(parts), return_inverse=True)
    return np.split(inverse.reshape(-1), np.cumsum([len(part) for part in parts])[:-1]), len(values)


def _count(ngrams: Ints) -> _Counted:
    ngrams.sort()
    starts = _run_starts(ngrams)
    return _Counted(ngrams[starts], np.diff(starts, append=len(ngrams)))


def _largest(versions: Sequence[_Counted]) -> _Counted:
    """Returns how often n-grams occur in the version that has them most often."""
    if len(versions) == 1:
        return versions[0]
    order, ngrams = _merge(versions)
    starts = _run_starts(ngrams)
    counts = np.concatenate([version.counts for version in versions])[order]
    return _Counted(ngrams[starts], np.maximum.reduceat(counts, starts) if starts.size else counts)


def _intersect(first: _Counted, second: _Counted) -> tuple[Ints, Ints]:
    """Returns the n-grams that both have, and how often they have them in common."""
    order, ngrams = _merge([first, second])
    counts = np.concatenate([first.counts, second.counts])[order]
    is_shared = ngrams[1:] == ngrams[:-1]
    return ngrams[1:][is_shared], np.minimum(counts[1:][is_shared], counts[:-1][is_shared])


def _merge(parts: Sequence[_Counted]) -> tuple[NDArray[np.intp], Ints]:
    ngrams = np.concatenate([part.ngrams for part in parts])
    # Stable sorting finds what is sorted already, and merges it.
    order = np.argsort(ngrams, kind="stable")
    return order, ngrams[order]


def _run_starts(ordered: Ints) -> Ints:
    """Returns where a new value begins."""
    is_new = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    return np.flatnonzero(is_new)
