"""Translations in the engine's hands, and what is searched for again: broken bytes, loops, lost spans and numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress

from xlmcli.infer.decoding import Decoding, Translated
from xlmcli.infer.engine import TranslationEngine
from xlmcli.infer.pieces import Piece
from xlmcli.infer.repetition import repeats_itself
from xlmcli.records import Direction
from xlmcli.text import Tokenizer
from xlmcli.text.marks import MARKS, fill_marks, put_marks, restore_spans, split_at_marks, without_marks
from xlmcli.text.sentences import sentence_separator

_GUARD_NGRAM = 3
_DIGIT = re.compile(r"\d")
_BEHIND_SPANS = ",;:.!?…)]}»”"
_BEFORE_SPANS = "([{«“"


@dataclass(frozen=True, slots=True)
class PieceTranslation:
    """What became of a piece.

    Attributes:
        piece: The piece as it was asked about: marks may stand for its numbers.
        translated: What the engine said: of the piece, or, where it was translated in parts, of each of them.
        texts: The hypotheses as they are to be read, the best first: with protected spans in their places, in capitals
            where the text was; empty where what the engine said is all there is.
        is_parted: Whether the texts between its spans were translated one by one.
        order: Ids of what was asked, as ``translated`` answers it, and the marks that stand between.
    """

    piece: Piece
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
    translated one by one. Where it loses or doubles a number, the text is translated again with a mark in its place.

    Args:
        engine: The model.
        tokenizer: Its tokenizer.
        direction: From and to.
        batch: What to translate.
        decoding: How to search.
        knows_marks: Whether the model has learned what marks are.
        keeps_numbers: Whether numbers are looked after.
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
        keeps_numbers: bool = False,
    ) -> None:
        self._engine, self._tokenizer, self._direction = engine, tokenizer, direction
        self._batch, self._decoding, self._keeps_numbers = batch, decoding, keeps_numbers
        self._reader = _Reader(tokenizer, direction, keeps_numbers)
        is_whole = [knows_marks or not piece.spans for piece in batch]
        self._whole = list(compress(range(len(batch)), is_whole))
        self._pending = GuardedTranslations(engine, [batch[row].ids for row in self._whole], decoding)
        self._parted = {row: self._in_parts(batch[row]) for row, whole in enumerate(is_whole) if not whole}

    def wait(self) -> list[PieceTranslation]:
        whole = dict(zip(self._whole, self._pending.wait(), strict=True))
        done = {row: self._restore(self._batch[row], result) for row, result in whole.items()}
        parted = self._parted | {row: self._in_parts(self._batch[row]) for row in done if done[row] is None}
        results = [done.get(row) or parted[row].wait() for row in range(len(self._batch))]
        return self._find_numbers_again(results) if self._keeps_numbers else results

    def _find_numbers_again(self, results: list[PieceTranslation]) -> list[PieceTranslation]:
        marked = {row: piece for row, result in enumerate(results) if (piece := self._mark_lost_numbers(result))}
        if marked:
            pieces = list(marked.values())
            again = ProtectedTranslations(self._engine, self._tokenizer, self._direction, pieces, self._decoding)
            for row, result in zip(marked, again.wait(), strict=True):
                results[row] = result
        return results

    def _mark_lost_numbers(self, result: PieceTranslation) -> Piece | None:
        """Puts marks in place of the numbers that a translation has lost; None if there are none, or too many."""
        piece = result.piece
        if not _DIGIT.search(piece.text):
            return None
        from xlmcli.text.numbers import find_lost_numbers, write_number  # Most texts do not need its patterns.

        src, tgt = self._direction.src, self._direction.tgt
        said = "\n".join(self._reader.read(piece, part.hypotheses[0]) for part in result.translated)
        lost = find_lost_numbers(piece.text, said)
        marks = [mark for mark in MARKS if mark not in piece.spans]
        if not lost or len(lost) > len(marks):
            return None
        numbers = dict(zip(marks, (piece.text[slice(*place)] for place in lost), strict=False))
        written = {mark: write_number(number, src, tgt) for mark, number in numbers.items()}
        text = put_marks(piece.text, lost, marks)
        ids = self._tokenizer.encode(text, src)
        if len(ids) > self._engine.max_source_tokens:
            return None
        return replace(piece, ids=ids, text=text, spans={**piece.spans, **written}, terms={**piece.terms, **numbers})

    def _restore(self, piece: Piece, result: Translated) -> PieceTranslation | None:
        if not (piece.spans or piece.in_capitals or _DIGIT.search(piece.text)):
            return PieceTranslation(piece, [result], order=[piece.ids])
        said = [self._reader.read(piece, ids) for ids in result.hypotheses]
        if not piece.spans:
            return PieceTranslation(piece, [result], [without_marks(text).strip() for text in said], order=[piece.ids])
        separator = sentence_separator(self._direction.tgt)
        texts = [restore_spans(text, piece.spans, piece.terms, separator) for text in said]
        whole = [text for text in texts if text is not None]
        return PieceTranslation(piece, [result], whole, order=[piece.ids]) if len(whole) == len(texts) else None

    def _in_parts(self, piece: Piece) -> _PartedTranslation:
        return _PartedTranslation(self._engine, self._reader, piece, self._decoding)


class _Reader:
    """Reads what the engine says: in capitals where the text was, with numbers as the language writes them."""

    def __init__(self, tokenizer: Tokenizer, direction: Direction, keeps_numbers: bool) -> None:
        self.tokenizer, self.direction, self._keeps_numbers = tokenizer, direction, keeps_numbers

    def read(self, piece: Piece, ids: Sequence[int]) -> str:
        """Returns the translation of a piece, or of a part of it, with marks."""
        lang = self.direction.tgt
        text = self.tokenizer.decode(ids, lang).strip()
        if self._keeps_numbers and _DIGIT.search(piece.text):
            from xlmcli.text.numbers import rewrite_numbers

            text = rewrite_numbers(piece.text, text, self.direction.src, lang)
        if piece.in_capitals:
            from xlmcli.text.casing import to_capitals

            text = to_capitals(text, lang)
        return text


class _PartedTranslation:
    """A piece in the engine's hands, of which the texts between spans are translated one by one."""

    def __init__(self, engine: TranslationEngine, reader: _Reader, piece: Piece, decoding: Decoding) -> None:
        self._reader, self._piece = reader, piece
        self._num_best = decoding.num_best
        self._parts = split_at_marks(piece.text)
        self._asked = [index for index, part in enumerate(self._parts) if any(map(str.isalnum, part))]
        self._edges = {index: _edges(self._parts[index], is_first=index == 0) for index in self._asked}
        inner = [self._parts[index][slice(*self._edges[index])] for index in self._asked]
        self._ids = [reader.tokenizer.encode(part, reader.direction.src) for part in inner]
        self._pending = GuardedTranslations(engine, self._ids, decoding)

    def wait(self) -> PieceTranslation:
        results = self._pending.wait()
        said = dict(zip(self._asked, results, strict=True))
        texts = [self._join(said, rank) for rank in range(self._num_best)]
        ids = dict(zip(self._asked, self._ids, strict=True))
        order = [ids.get(index) or (part if index % 2 else "") for index, part in enumerate(self._parts)]
        return PieceTranslation(self._piece, results, texts, is_parted=True, order=[asked for asked in order if asked])

    def _join(self, said: Mapping[int, Translated], rank: int) -> str:
        joined = []
        for index, part in enumerate(self._parts):
            if index in said:
                # A mark in the translation of a text that has none is the model's own.
                text = without_marks(self._reader.read(self._piece, said[index].hypotheses[rank]))
                start, end = self._edges[index]
                part = f"{part[:start]}{_like(part[start], text.strip())}{part[end:]}"
            joined.append(part)
        separator = sentence_separator(self._reader.direction.tgt)
        return fill_marks("".join(joined), self._piece.spans, self._piece.terms, separator)


def _like(letter: str, text: str) -> str:
    """A text that starts with a small letter where another did, unless it is in capitals."""
    return text[0].lower() + text[1:] if letter.islower() and text[:2].istitle() else text


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
