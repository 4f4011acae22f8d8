"""Where one of two files has lines that the other has not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def find_shift(first: Sequence[str], second: Sequence[str]) -> int:
    """Finds the line from which two files of different length fit better if the shorter one is moved down.

    Up to that line they are compared side by side, and from it on as far apart as their ends are; the line is the one
    with most equal lines, and of several the last, which is the first where the shift shows.

    Returns:
        Index of the line in both; the length of the shorter file if the longer one just goes on.
    """
    ids: dict[str, int] = {}
    shorter, longer = sorted(([ids.setdefault(line, len(ids)) for line in lines] for lines in (first, second)), key=len)
    distance = len(longer) - len(shorter)
    beside = np.equal(shorter, longer[: len(shorter)])
    moved = np.equal(shorter, longer[distance:])
    num_equal = _sums_before(beside) + moved.sum() - _sums_before(moved)
    return int(len(shorter) - num_equal[::-1].argmax())


def _sums_before(values: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns the sum before each position and, last, of all: (len(values) + 1,)."""
    return np.concatenate([[0], np.cumsum(values)])
