"""Where one of two versions of a file lacks lines that the other has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np


class Shift(NamedTuple):
    """Where the shorter of two files fits the longer one only if it is moved down by the lines that it lacks.

    Attributes:
        position: Of its first line that fits better when moved; its length if only the end is missing.
        likeness: Sum over its lines, those before ``position`` compared side by side and the others moved.
    """

    position: int
    likeness: float


def find_shift(shorter: Sequence[str], longer: Sequence[str], likeness: Callable[[str, str], float]) -> Shift:
    """Finds where lines went missing, taking it that they are missing in one place.

    Args:
        shorter: The lines of one file.
        longer: Those of the other.
        likeness: How much two lines have in common, 0-1.

    Returns:
        The shift with the greatest likeness; of several the last, which is the first line where it shows.
    """
    beside = list(map(likeness, shorter, longer))
    moved = list(map(likeness, shorter, longer[len(longer) - len(shorter) :]))
    gains = np.concatenate([[0.0], np.cumsum(np.subtract(beside, moved, dtype=np.float64))])
    position = len(shorter) - int(gains[::-1].argmax())
    return Shift(position, sum(moved) + float(gains[position]))
