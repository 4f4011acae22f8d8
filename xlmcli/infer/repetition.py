"""Noticing output that loops."""

from __future__ import annotations

from collections.abc import Sequence

_MAX_NGRAM = 8
_MIN_TIMES = 4


def repeats_itself(source_ids: Sequence[int], output_ids: Sequence[int]) -> bool:
    """Tells whether an n-gram stands four times or more in a row in the output, and more often than in the source.

    Args:
        source_ids: Ids of what was translated.
        output_ids: Ids of the translation.
    """
    if len(output_ids) - len(set(output_ids)) < _MIN_TIMES - 1:
        return False  # Too few ids come again for any n-gram to come that often.
    for size in range(1, min(_MAX_NGRAM, len(output_ids) // _MIN_TIMES) + 1):
        times = _most_times_in_a_row(output_ids, size)
        if times >= _MIN_TIMES and times > _most_times_in_a_row(source_ids, size) + 1:
            return True
    return False


def _most_times_in_a_row(ids: Sequence[int], size: int) -> int:
    """Returns how often an n-gram of ``size`` ids follows on itself at most, 1 if none does."""
    longest = run = 0
    for index in range(size, len(ids)):
        run = run + 1 if ids[index] == ids[index - size] else 0
        longest = max(longest, run)
    return longest // size + 1
