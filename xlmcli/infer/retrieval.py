"""The nearest of many texts, by cosine or by margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlmcli.infer.pipeline import Sink
from xlmcli.infer.records.protocols import Added, Answer, Record, Row, Values
from xlmcli.infer.vectors import Vector

Array = NDArray[np.float32]

_MARGIN_NEIGHBORS = 4
_LEAST_MEAN = 0.01
_ROWS_AT_ONCE = 4096


def nearest_added(num_best: int) -> Added:
    """Returns what neighbours add to tables and objects."""
    ends = ["", *(f"_{rank}" for rank in range(2, num_best + 1))]
    return Added(tuple(f"{name}{end}" for end in ends for name in ("score", "number", "nearest")), ("nearest",))


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A text near another.

    Attributes:
        score: How near: a cosine, or a margin.
        number: Its line, from 1.
        text: What it says.
    """

    score: float
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The texts nearest to a text.

    Attributes:
        neighbors: The nearest first; none for a blank text.
        num_best: How many were asked for.
        warnings: What the reader should know, in a word each.
    """

    neighbors: tuple[Neighbor, ...]
    num_best: int
    warnings: tuple[str, ...] = ()

    def lines(self, text: str, index: int) -> list[str]:
        return ["\t".join(column.replace("\t", " ") for column in self._columns())]

    def rows(self) -> list[Row]:
        missing = [""] * 3 * (self.num_best - len(self.neighbors))
        return [Row(None, (*self._columns(), *missing))]

    def values(self) -> Values:
        nearest = [{"score": round(item.score, 4), "number": item.number, "text": item.text} for item in self.neighbors]
        return Values(None, {"nearest": nearest})

    def _columns(self) -> list[str]:
        return [column for item in self.neighbors for column in (f"{item.score:.4f}", str(item.number), item.text)]


class TextIndex:
    """Texts and their vectors, to be searched; as a sink, it takes the texts in.

    Blank texts keep their numbers and are never found.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._numbers: list[int] = []
        self._vectors: list[Array] = []
        self._matrix: Array | None = None
        self._num_records = 0

    def write(self, answered: Sequence[tuple[Record, Vector | None]]) -> None:
        for record, answer in answered:
            self._num_records += 1
            if answer is not None and not answer.is_blank:
                self._texts.append(record.text or "")
                self._numbers.append(self._num_records)
                self._vectors.append(_normalized(answer.vector))

    @property
    def num_texts(self) -> int:
        """How many texts can be found."""
        return len(self._texts)

    def matrix(self) -> Array:
        """Returns all vectors, (num_texts, dim), each of length 1; afterwards the index takes nothing in."""
        if self._matrix is None:
            self._matrix = np.stack(self._vectors) if self._vectors else np.zeros((0, 1), dtype=np.float32)
            self._vectors = []
        return self._matrix

    def neighbor(self, index: int, score: float) -> Neighbor:
        """Returns a text by its row in the matrix."""
        return Neighbor(score, self._numbers[index], self._texts[index])


class NearestSink:
    """Writes the nearest texts for each text.

    By cosine, every text is answered as it comes. By margin, all must be there first: the cosine is divided by the mean
    cosine of both texts with their nearest neighbours on the other side, which holds back texts that are near to many.
    Source: Artetxe & Schwenk 2019, "Margin-based Parallel Corpus Mining with Multilingual Sentence Embeddings", ratio.

    Args:
        sink: Where to.
        index: What is searched.
        num_best: How many texts to give.
        by_margin: Whether the score is a margin.
    """

    def __init__(self, sink: Sink[Answer], index: TextIndex, num_best: int, by_margin: bool) -> None:
        self._sink = sink
        self._index = index
        self._matrix = index.matrix()
        self._num_best = num_best
        self._by_margin = by_margin
        self._held: list[tuple[Record, Vector | None]] = []

    def write(self, answered: Sequence[tuple[Record, Vector | None]]) -> None:
        if self._by_margin:
            self._held += answered
        else:
            self._answer(answered, None)

    def finish(self) -> None:
        """Writes what could not be written before."""
        if not self._by_margin or not self._held:
            return
        queries = [_normalized(answer.vector) for _, answer in self._held if answer is not None and not answer.is_blank]
        density = _density(self._matrix, np.stack(queries)) if queries else None
        for start in range(0, len(self._held), _ROWS_AT_ONCE):
            self._answer(self._held[start : start + _ROWS_AT_ONCE], density)

    def _answer(self, answered: Sequence[tuple[Record, Vector | None]], density: Array | None) -> None:
        queries = [answer.vector for _, answer in answered if answer is not None and not answer.is_blank]
        found = iter(self._search(np.stack([_normalized(query) for query in queries]), density) if queries else [])
        near: list[tuple[Record, Neighbors | None]] = []
        for record, answer in answered:
            neighbors = () if answer is None or answer.is_blank else next(found)
            near.append((record, None if answer is None else Neighbors(neighbors, self._num_best, answer.warnings)))
        self._sink.write(near)

    def _search(self, queries: Array, density: Array | None) -> list[tuple[Neighbor, ...]]:
        num_candidates = self._num_best if density is None else max(self._num_best, _MARGIN_NEIGHBORS)
        indices, scores = find_nearest(queries, self._matrix, num_candidates)
        if density is not None and indices.size:
            own = scores[:, :_MARGIN_NEIGHBORS].mean(axis=1, keepdims=True)
            # Of texts that are near to none the mean may be nothing or less, which would turn the order round.
            scores = scores / np.maximum((own + density[indices]) / 2, _LEAST_MEAN)
            order = np.argsort(-scores, axis=1, kind="stable")
            indices, scores = np.take_along_axis(indices, order, 1), np.take_along_axis(scores, order, 1)
        rows = zip(indices[:, : self._num_best].tolist(), scores[:, : self._num_best].tolist(), strict=True)
        return [tuple(map(self._index.neighbor, *row)) for row in rows]


def find_nearest(queries: Array, matrix: Array, num_best: int) -> tuple[NDArray[np.int64], Array]:
    """Finds the rows of a matrix that are nearest to queries.

    Args:
        queries: (num_queries, dim), rows of length 1.
        matrix: (num_rows, dim), likewise.
        num_best: How many rows to find.

    Returns:
        Their indices and cosines, both (num_queries, at most ``num_best``), the nearest first.
    """
    indices = np.zeros((len(queries), 0), dtype=np.int64)
    scores = np.zeros((len(queries), 0), dtype=np.float32)
    for start in range(0, len(matrix), _ROWS_AT_ONCE):
        part = queries @ matrix[start : start + _ROWS_AT_ONCE].T
        numbers = _best_columns(part, num_best)
        scores = np.hstack([scores, np.take_along_axis(part, numbers, 1)])
        indices = np.hstack([indices, numbers + start])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :num_best]
        scores, indices = np.take_along_axis(scores, order, 1), np.take_along_axis(indices, order, 1)
    return indices, scores


def _best_columns(scores: Array, num_best: int) -> NDArray[np.int64]:
    """Returns the columns of the highest scores of every row, lower columns first."""
    num_columns = scores.shape[1]
    if num_best >= num_columns:
        return np.broadcast_to(np.arange(num_columns), scores.shape)
    return np.sort(np.argpartition(scores, num_columns - num_best, axis=1)[:, num_columns - num_best :], axis=1)


def _density(matrix: Array, queries: Array) -> Array:
    """Returns the mean cosine of every row of a matrix with the queries nearest to it, (num_rows,)."""
    parts = [
        find_nearest(matrix[start : start + _ROWS_AT_ONCE], queries, _MARGIN_NEIGHBORS)[1].mean(axis=1)
        for start in range(0, len(matrix), _ROWS_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)


def _normalized(vector: Array) -> Array:
    norm = np.linalg.norm(vector)
    return vector / norm if norm else vector
