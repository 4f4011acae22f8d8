"""Batches in the engine's hands, and what has to be searched for once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from xlmcli.infer.engine import Decoding, Translated, TranslationEngine
from xlmcli.infer.pieces import Piece, surrounding_spaces
from xlmcli.infer.repetition import repeats_itself
from xlmcli.records import Direction
from xlmcli.text import Tokenizer
from xlmcli.text.spans import restore_spans, split_at_marks, without_marks

_GUARD_NGRAM = 3


@dataclass(frozen=True, slots=True)
class PieceTranslation:
    """What became of a piece.

    Attributes:
        translated: What the engine said: of the piece, or, where it was translated in parts, of each of them.
        texts: The hypotheses with protected spans in their places, the best first; empty where the piece has none, and
            what the engine said is all there is.
        is_parted: Whether the texts between its spans were translated one by one.
    """

    translated: Sequence[Translated]
    texts: Sequence[str] = ()
    is_parted: bool = False


class GuardedTranslations:
    """A batch in the engine's hands; translations that turn out to be no text, or to loop, are searched for once more.

    They are searched for without bytes, or without repeats. A greedy search, which is asked for to see what the model
    says, may loop.
    """

    def __init__(self, engine: TranslationEngine, batch: Sequence[Sequence[int]], decoding: Decoding) -> None:
        self._engine, self._batch, self._decoding = engine, batch, decoding
        self._pending = engine.submit(batch, decoding)

    def wait(self) -> list[Translated]:
        results = self._pending.wait()
        again = self._find_faults(dict.fromkeys(range(len(results)), self._decoding), results)
        while again:
            for decoding in set(again.values()):
                rows = [row for row, stricter in again.items() if stricter == decoding]
                found = self._engine.submit([self._batch[row] for row in rows], decoding).wait()
                for row, result in zip(rows, found, strict=True):
                    results[row] = replace(result, is_respelt=decoding.without_bytes)
            again = self._find_faults(again, results)
        return results

    def _find_faults(self, decodings: Mapping[int, Decoding], results: Sequence[Translated]) -> dict[int, Decoding]:
        """Of results that were searched for as told, returns those at fault, and how to search for them again."""
        stricter = {row: self._stricter(row, results[row], decoding) for row, decoding in decodings.items()}
        return {row: decoding for row, decoding in stricter.items() if decoding != decodings[row]}

    def _stricter(self, row: int, result: Translated, decoding: Decoding) -> Decoding:
        if not all(map(self._engine.byte_pieces.are_text, result.hypotheses)):
            decoding = replace(decoding, without_bytes=True)
        if decoding.beam_size > 1 and repeats_itself(self._batch[row], result.hypotheses[0]):
            decoding = replace(decoding, no_repeat_ngram=_GUARD_NGRAM)
        return decoding


class ProtectedTranslations:
    """A batch in the engine's hands, whose protected spans come out as they went in, each exactly once.

    Where the model lost or doubled a mark, the texts between the spans are translated one by one.
    """

    def __init__(
        self,
        engine: TranslationEngine,
        tokenizer: Tokenizer,
        direction: Direction,
        batch: Sequence[Piece],
        decoding: Decoding,
    ) -> None:
        self._engine, self._tokenizer, self._direction = engine, tokenizer, direction
        self._batch, self._decoding = batch, decoding
        self._pending = GuardedTranslations(engine, [piece.ids for piece in batch], decoding)

    def wait(self) -> list[PieceTranslation]:
        return [
            self._protect(piece, result) if piece.spans else PieceTranslation([result])
            for piece, result in zip(self._batch, self._pending.wait(), strict=True)
        ]

    def _protect(self, piece: Piece, result: Translated) -> PieceTranslation:
        texts = [restore_spans(self._decode(ids), piece.spans) for ids in result.hypotheses]
        whole = [text for text in texts if text is not None]
        return PieceTranslation([result], whole) if len(whole) == len(texts) else self._in_parts(piece)

    def _in_parts(self, piece: Piece) -> PieceTranslation:
        parts = split_at_marks(piece.marked)
        ids = {
            index: self._tokenizer.encode(part.strip(), self._direction.src)
            for index, part in enumerate(parts)
            if any(map(str.isalnum, part))
        }
        results = GuardedTranslations(self._engine, list(ids.values()), self._decoding).wait() if ids else []
        said = dict(zip(ids, results, strict=True))
        texts = [self._join(piece, parts, said, rank) for rank in range(self._decoding.num_best)]
        return PieceTranslation(results, texts, is_parted=True)

    def _join(self, piece: Piece, parts: Sequence[str], said: Mapping[int, Translated], rank: int) -> str:
        joined = []
        for index, part in enumerate(parts):
            if index in said:
                # A mark in the translation of a text that has none is the model's own.
                before, after = surrounding_spaces(part)
                part = f"{before}{without_marks(self._decode(said[index].hypotheses[rank])).strip()}{after}"
            joined.append(piece.spans.get(part, part))
        return "".join(joined)

    def _decode(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(ids, self._direction.tgt).strip()
