"""BLEU by the length of the source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.quality.answers import Answers, Request
from benchmarks.quality.parts import ParallelSet, Part, iter_requests_of, score_bleu
from benchmarks.quality.records import Layout, Record

# Upper ends, in words; the last bucket has none.
_UPPER_ENDS = (5, 10, 15, 25)

_HAS_WORD = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class LengthPart(Part):
    """Scores the lines of each length alone."""

    test_sets: Sequence[ParallelSet]

    title = "BLEU by words of the source"
    note = (
        "What stands between spaces is a word if it has a letter or a digit. The fewer lines, the less a figure says."
    )
    layout = Layout({"test_set": "test set", "direction": "direction", "metric": ""}, ("variant",))

    def iter_requests(self) -> Iterator[Request]:
        return iter_requests_of(self.test_sets)

    def measure(self, answers: Answers) -> list[Record]:
        return [record for test_set in self.test_sets for record in _measure(test_set, answers)]


def count_words(text: str) -> int:
    """Returns how many words stand between spaces; a punctuation mark alone, as French has it, is none."""
    return sum(_HAS_WORD.search(word) is not None for word in text.split())


def bucket_of(num_words: int) -> int:
    """Returns the index of the bucket of a length."""
    return sum(num_words > end for end in _UPPER_ENDS)


def bucket_names() -> list[str]:
    """Returns the buckets, as a table names them."""
    starts = [1, *(end + 1 for end in _UPPER_ENDS)]
    closed = [f"{start}-{end}" for start, end in zip(starts, _UPPER_ENDS, strict=False)]
    return [f"{name} words" for name in (*closed, f"{starts[-1]} and more")]


def split_by_length(test_set: ParallelSet) -> list[ParallelSet]:
    """Returns a test set for each bucket, empty ones included."""
    buckets: list[list[tuple[str, str]]] = [[] for _ in bucket_names()]
    for pair in zip(test_set.sources, test_set.references, strict=True):
        buckets[bucket_of(count_words(pair[0]))].append(pair)
    return [
        ParallelSet(test_set.name, test_set.direction, [pair[0] for pair in pairs], [pair[1] for pair in pairs])
        for pairs in buckets
    ]


def _measure(test_set: ParallelSet, answers: Answers) -> Iterator[Record]:
    for name, bucket in zip(bucket_names(), split_by_length(test_set), strict=True):
        if bucket.sources:
            yield score_bleu(bucket, answers.texts(bucket.direction, bucket.sources), name)
            yield Record(bucket.direction, bucket.name, "lines", len(bucket.sources), variant=name)
