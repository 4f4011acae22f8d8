"""Vectors of streams of records: of texts, of their tokens, and how near the texts of a pair are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from xlmcli.infer.encoders import TextEncoder
from xlmcli.infer.engine import PendingStates
from xlmcli.infer.pieces import CUT, Piece, Prepared
from xlmcli.infer.records.protocols import Record
from xlmcli.infer.vectors import Similarity, TokenStates, Vector, cosine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

VectorPooling = Literal["first", "mean", "max"]


class PassageVectors:
    """Vectors of passages, and of texts that take several.

    Passages become one as the states of a passage do: by their mean (weighted by numbers of tokens, also for "first")
    or their maximum.

    Args:
        encoder: The model.
        pooling: The vector of a passage: its first state, or the mean or maximum of its states, special tokens counted.
    """

    def __init__(self, encoder: TextEncoder, pooling: VectorPooling) -> None:
        self._encoder = encoder
        self._pooling = pooling
        self.num_workers = encoder.num_workers

    def submit(self, batch: Sequence[Piece]) -> PendingStates[Sequence[Array]]:
        return self._encoder.submit(batch, lambda states: list(states.pool(self._pooling)))

    def _join(self, parts: Sequence[tuple[Piece, Array]]) -> Array:
        if len(parts) == 1:
            return parts[0][1]
        vectors = np.stack([vector for _, vector in parts])
        if self._pooling == "max":
            vector: Array = vectors.max(axis=0)
            return vector
        mean: Array = np.average(vectors, axis=0, weights=[len(piece.ids) for piece, _ in parts]).astype(np.float32)
        return mean


class Encoding(PassageVectors):
    """The work of making a vector of every text, for a `Pipeline`.

    Attributes:
        num_workers: Batches that the engine works on at once.

    Args:
        encoder: The model.
        lang: Language of the texts; see `open_languages`.
        pooling: See `PassageVectors`.
    """

    def __init__(self, encoder: TextEncoder, lang: str | None, pooling: VectorPooling) -> None:
        super().__init__(encoder, pooling)
        self._zeros = np.zeros(encoder.dim, dtype=np.float32)
        self._passages = encoder.passages(lang)

    def prepare(self, records: Sequence[Record]) -> list[Prepared]:
        return self._passages.prepare([record.text or "" for record in records])

    def finish(self, record: Record, prepared: Prepared, results: Sequence[Array]) -> Vector:
        if not results:
            return Vector(self._zeros, is_blank=True)
        vector = self._join(list(zip(prepared.pieces, results, strict=True)))
        return Vector(vector, warnings=_warnings(prepared))


class PairEncoding(PassageVectors):
    """The work of telling how near the two texts of every record are, by the cosine of their vectors.

    Attributes:
        num_workers: Batches that the engine works on at once.

    Args:
        encoder: The model.
        langs: Language of the first texts and of the second; see `open_languages`.
        pooling: See `PassageVectors`.
    """

    def __init__(self, encoder: TextEncoder, langs: tuple[str | None, str | None], pooling: VectorPooling) -> None:
        super().__init__(encoder, pooling)
        self._firsts, self._seconds = map(encoder.passages, langs)

    def prepare(self, records: Sequence[Record]) -> list[Prepared]:
        firsts = self._firsts.prepare([record.text or "" for record in records])
        seconds = self._seconds.prepare([record.pair or "" for record in records])
        return [
            Prepared([*first.pieces, *(replace(piece, is_second=True) for piece in second.pieces)])
            for first, second in zip(firsts, seconds, strict=True)
        ]

    def finish(self, record: Record, prepared: Prepared, results: Sequence[Array]) -> Similarity:
        parts = list(zip(prepared.pieces, results, strict=True))
        first, second = ([part for part in parts if part[0].is_second == is_second] for is_second in (False, True))
        if not first or not second:
            return Similarity(None)
        return Similarity(cosine(self._join(first), self._join(second)), _warnings(prepared))


class TokenEncoding:
    """The work of giving the state of every token of every text, for a `Pipeline`.

    Attributes:
        num_workers: Batches that the engine works on at once.

    Args:
        encoder: The model.
        lang: Language of the texts; see `open_languages`.
    """

    def __init__(self, encoder: TextEncoder, lang: str | None) -> None:
        self._encoder = encoder
        self._vocab = encoder.tokenizer.vocab
        self._passages = encoder.passages(lang)
        self.num_workers = encoder.num_workers

    def prepare(self, records: Sequence[Record]) -> list[Prepared]:
        return self._passages.prepare([record.text or "" for record in records])

    def submit(self, batch: Sequence[Piece]) -> PendingStates[Sequence[Array]]:
        # The first and the last state are those of the special tokens.
        return self._encoder.submit(batch, lambda states: [sequence[1:-1].copy() for sequence in states])

    def finish(self, record: Record, prepared: Prepared, results: Sequence[Array]) -> TokenStates:
        ids = [index for piece in prepared.pieces for index in piece.ids]
        pieces = tuple(self._vocab[index] for index in ids)
        states = np.concatenate(results) if results else np.zeros((0, self._encoder.dim), dtype=np.float32)
        return TokenStates(ids, pieces, states, _warnings(prepared))


def _warnings(prepared: Prepared) -> tuple[str, ...]:
    return (CUT,) if prepared.is_cut else ()
