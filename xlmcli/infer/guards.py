"""Translations in the engine's hands, and what is searched for again: broken bytes, loops, lost spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress

from xlmcli.infer.decoding import Decoding, Translated
from xlmcli.infer.engine import TranslationEngine
from xlmcli.infer.pieces import Piece
from xlmcli.infer.repetition import repeats_itself
from xlmcli.records import Direction
from xlmcli.text import Tokenizer
from xlmcli.text.marks import fill_marks, restore_spans, split_at_marks, without_marks
from xlmcli.text.sentences import sentence_separator

_GUARD_NGRAM = 3
_BEHIND_SPANS = ",;:.!?…)]}»”"
_BEFORE_SPANS = "([{«“"


@dataclass(frozen=True, slots=True)
class PieceTranslation:
    """What became of a piece.

    Attributes:
        translated: What the engine said: of the piece, or, where it was translated in parts, of each of them.
        texts: The hypotheses with protected spans in their places, the best first; empty where the piece has none, and
            what the engine said is all there is.
        is_parted: Whether the texts between its spans were translated one by one.
        order: Ids of what was asked, as ``translated`` answers it, and the marks that stand between.
    """

    translated: Sequence[Translated]
    texts: Sequence[str] = ()
    is_parted: bool = False
    order: Sequence[Sequence[int] | str] = ()


class GuardedTranslations:
    """A batch in the engine's hands; translations that turn out to be no text, or to loop, are searched for again.

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

    Where the model loses or doubles a mark, or has not learned what marks are, the texts between the spans are
    translated one by one.
    """

    def __init__(
        self,
        engine: TranslationEngine,
        tokenizer: Tokenizer,
        direction: Direction,
        batch: Sequence[Piece],
        decoding: Decoding,
        *,
        knows_marks: bool = True,
    ) -> None:
        self._engine, self._tokenizer, self._direction = engine, tokenizer, direction
        self._batch, self._decoding = batch, decoding
        is_whole = [knows_marks or not piece.spans for piece in batch]
        self._whole = list(compress(range(len(batch)), is_whole))
        self._pending = GuardedTranslations(engine, [batch[row].ids for row in self._whole], decoding)
        self._parted = {row: self._in_parts(batch[row]) for row, whole in enumerate(is_whole) if not whole}

    def wait(self) -> list[PieceTranslation]:
        whole = dict(zip(self._whole, self._pending.wait(), strict=True))
        done = {row: self._restore(self._batch[row], result) for row, result in whole.items()}
        parted = self._parted | {row: self._in_parts(self._batch[row]) for row in done if done[row] is None}
        return [done.get(row) or parted[row].wait() for row in range(len(self._batch))]

    def _restore(self, piece: Piece, result: Translated) -> PieceTranslation | None:
        if not piece.spans:
            return PieceTranslation([result], order=[piece.ids])
        lang = self._direction.tgt
        said = [self._tokenizer.decode(ids, lang).strip() for ids in result.hypotheses]
        texts = [restore_spans(text, piece.spans, piece.terms, sentence_separator(lang)) for text in said]
        whole = [text for text in texts if text is not None]
        return PieceTranslation([result], whole, order=[piece.ids]) if len(whole) == len(texts) else None

    def _in_parts(self, piece: Piece) -> _PartedTranslation:
        return _PartedTranslation(self._engine, self._tokenizer, self._direction, piece, self._decoding)


class _PartedTranslation:
    """A piece in the engine's hands, of which the texts between spans are translated one by one."""

    def __init__(
        self, engine: TranslationEngine, tokenizer: Tokenizer, direction: Direction, piece: Piece, decoding: Decoding
    ) -> None:
        self._tokenizer, self._direction, self._piece = tokenizer, direction, piece
        self._num_best = decoding.num_best
        self._parts = split_at_marks(piece.marked)
        self._asked = [index for index, part in enumerate(self._parts) if any(map(str.isalnum, part))]
        self._edges = {index: _edges(self._parts[index], is_first=index == 0) for index in self._asked}
        inner = [self._parts[index][slice(*self._edges[index])] for index in self._asked]
        self._ids = [tokenizer.encode(part, direction.src) for part in inner]
        self._pending = GuardedTranslations(engine, self._ids, decoding)

    def wait(self) -> PieceTranslation:
        results = self._pending.wait()
        said = dict(zip(self._asked, results, strict=True))
        texts = [self._join(said, rank) for rank in range(self._num_best)]
        ids = dict(zip(self._asked, self._ids, strict=True))
        order = [ids.get(index) or (part if index % 2 else "") for index, part in enumerate(self._parts)]
        return PieceTranslation(results, texts, is_parted=True, order=[asked for asked in order if asked])

    def _join(self, said: Mapping[int, Translated], rank: int) -> str:
        joined = []
        for index, part in enumerate(self._parts):
            if index in said:
                # A mark in the translation of a text that has none is the model's own.
                text = without_marks(self._tokenizer.decode(said[index].hypotheses[rank], self._direction.tgt))
                start, end = self._edges[index]
                part = f"{part[:start]}{text.strip()}{part[end:]}"
            joined.append(part)
        separator = sentence_separator(self._direction.tgt)
        return fill_marks("".join(joined), self._piece.spans, self._piece.terms, separator)


def _edges(part: str, *, is_first: bool) -> tuple[int, int]:
    """Where what is asked of a text between spans begins and ends: without spaces and marks that belong to a span.

    A model that is asked for ", and" leaves the comma out.
    """
    start, end = 0, len(part)
    while part[start].isspace() or (part[start] in _BEHIND_SPANS and not is_first):
        start += 1
    while part[end - 1].isspace() or part[end - 1] in _BEFORE_SPANS:
        end -= 1
    return start, end
