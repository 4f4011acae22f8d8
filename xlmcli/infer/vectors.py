"""Vectors as the answer to a text, in text formats and as .npy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

from xlmcli.array_files import ArrayWriter
from xlmcli.infer.records.protocols import Added, Record, Row, Values

SIMILARITY = Added(("similarity",), ("similarity",))

_LINES = "lines"


def vector_added(dim: int) -> Added:
    """Returns what vectors add to tables and objects."""
    return Added(_value_names(dim), ("vector",))


def token_added(dim: int) -> Added:
    """Returns what states of tokens add to tables and objects."""
    return Added(("token", *_value_names(dim)), ("tokens", "states"))


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """The vector of a text.

    Attributes:
        vector: float32 (dim,); zeros for a blank text.
        is_blank: Whether there was nothing to encode.
        warnings: What the reader should know, in a word each.
    """

    vector: NDArray[np.float32]
    is_blank: bool = False
    warnings: tuple[str, ...] = ()

    def lines(self, text: str, index: int) -> list[str]:
        return ["" if self.is_blank else _join(self.vector)]

    def rows(self) -> list[Row]:
        return [Row(None, ("",) * len(self.vector) if self.is_blank else tuple(_format(self.vector)))]

    def values(self) -> Values:
        return Values(None, {"vector": None if self.is_blank else _numbers(self.vector)})


@dataclass(frozen=True, slots=True, eq=False)
class TokenStates:
    """The states of a text's tokens, special tokens left out.

    Attributes:
        ids: Ids of the tokens.
        pieces: The tokens as the vocabulary writes them.
        states: float32 (num_tokens, dim).
        warnings: What the reader should know, in a word each.
    """

    ids: Sequence[int]
    pieces: tuple[str, ...]
    states: NDArray[np.float32]
    warnings: tuple[str, ...] = ()

    def lines(self, text: str, index: int) -> list[str]:
        return ["\t".join([str(index + 1), *row.added]) for row in self.rows()]

    def rows(self) -> list[Row]:
        return [Row(None, (piece, *_format(state))) for piece, state in zip(self.pieces, self.states, strict=True)]

    def values(self) -> Values:
        return Values(None, {"tokens": list(self.pieces), "states": [_numbers(state) for state in self.states]})


@dataclass(frozen=True, slots=True)
class Similarity:
    """How near two texts are.

    Attributes:
        score: Cosine of their vectors, -1 to 1; None if one of them is blank.
        warnings: What the reader should know, in a word each.
    """

    score: float | None
    warnings: tuple[str, ...] = ()

    def lines(self, text: str, index: int) -> list[str]:
        return [self._text]

    def rows(self) -> list[Row]:
        return [Row(None, (self._text,))]

    def values(self) -> Values:
        return Values(None, {"similarity": None if self.score is None else round(self.score, 4)})

    @property
    def _text(self) -> str:
        return "" if self.score is None else f"{self.score:.4f}"


def cosine(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Returns the cosine of two vectors, (dim,); 0 if one of them is zero."""
    norm = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / norm if norm else 0.0


class VectorArraySink:
    """Writes vectors as an .npy file: float32 (num_records, dim), zeros for blank texts."""

    def __init__(self, file: IO[bytes], dim: int) -> None:
        self._array = ArrayWriter(file, np.dtype("<f4"), (dim,))

    def write(self, answered: Sequence[tuple[Record, Vector | None]]) -> None:
        vectors = [answer.vector for _, answer in answered if answer is not None]
        if vectors:
            self._array.append(np.stack(vectors))

    def finish(self) -> None:
        """Completes the file."""
        self._array.finish()


class TokenArraySink:
    """Writes states of tokens as an .npy file: a row a token, of "line" (from 1), "id" and "state" (dim,).

    Args:
        file: As of `ArrayWriter`.
        dim: Width of a state.
        counts: Lines are counted here.
    """

    def __init__(self, file: IO[bytes], dim: int, counts: Counter[str]) -> None:
        self._dtype = np.dtype([("line", "<i8"), ("id", "<i4"), ("state", "<f4", (dim,))])
        self._array = ArrayWriter(file, self._dtype, ())
        self._counts = counts

    def write(self, answered: Sequence[tuple[Record, TokenStates | None]]) -> None:
        for _, answer in answered:
            if answer is None:
                continue
            self._counts[_LINES] += 1
            rows = np.empty(len(answer.ids), dtype=self._dtype)
            rows["line"], rows["id"], rows["state"] = self._counts[_LINES], answer.ids, answer.states
            self._array.append(rows)

    def finish(self) -> None:
        """Completes the file."""
        self._array.finish()


def _value_names(dim: int) -> tuple[str, ...]:
    return tuple(f"v{number}" for number in range(1, dim + 1))


def _format(vector: NDArray[np.float32]) -> list[str]:
    return _join(vector).split("\t")


def _join(vector: NDArray[np.float32]) -> str:
    """Returns numbers with tabs between them."""
    # At once, which takes two thirds of the time that they take one by one.
    return "\t".join(["%.6g"] * len(vector)) % tuple(vector.tolist())


def _numbers(vector: NDArray[np.float32]) -> list[float]:
    return list(map(float, _format(vector)))
