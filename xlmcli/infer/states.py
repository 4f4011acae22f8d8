"""What an encoder says about a batch of texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

StatePooling = Literal["first", "last", "mean", "max"]


class States:
    """The last layer's states of the texts of a batch, special tokens counted.

    They are views of the batch's: what is to stay has to be copied.

    Args:
        padded: float32 (batch, longest, dim).
        lens: Length of each text, at least 1.
    """

    def __init__(self, padded: Array, lens: Sequence[int]) -> None:
        self._padded, self._lens = padded, lens

    def __len__(self) -> int:
        return len(self._lens)

    def __getitem__(self, index: int) -> Array:
        """Returns the states of a text, (length, dim)."""
        states: Array = self._padded[index, : self._lens[index]]
        return states

    def __iter__(self) -> Iterator[Array]:
        return map(self.__getitem__, range(len(self)))

    def pool(self, pooling: StatePooling) -> Array:
        """Returns a vector of each text, (batch, dim), that keeps nothing else in memory: one of its states, or all."""
        if pooling == "first":
            first: Array = self._padded[:, 0].copy()
            return first
        if pooling == "last":
            last: Array = self._padded[np.arange(len(self)), np.subtract(self._lens, 1)]
            return last
        reduce = np.maximum.reduce if pooling == "max" else np.add.reduce
        vectors = np.empty((len(self), self._padded.shape[-1]), dtype=np.float32)
        start = 0
        # A batch holds texts of like length, and those of the same are done together.
        for length, group in groupby(self._lens):
            end = start + sum(1 for _ in group)
            reduce(self._padded[start:end, :length], axis=1, out=vectors[start:end])
            start = end
        if pooling == "mean":
            vectors /= np.array(self._lens, dtype=np.float32)[:, None]
        return vectors
