"""Which sequences share a batch."""

from __future__ import annotations

from collections.abc import Sequence


def plan_batches(lens: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Groups sequences of like length, so that little of a batch is padding.

    Args:
        lens: Length of each sequence in tokens.
        max_tokens: Most tokens of a batch, padding counted; a sequence longer than that has a batch of its own.

    Returns:
        Indices into ``lens``, every one once. The longest come first: at the end, short batches let workers finish
        together.
    """
    batches: list[list[int]] = []
    longest = 0
    for index in sorted(range(len(lens)), key=lambda index: -lens[index]):
        if not batches or (len(batches[-1]) + 1) * longest > max_tokens:
            batches.append([])
            longest = lens[index]
        batches[-1].append(index)
    return batches
