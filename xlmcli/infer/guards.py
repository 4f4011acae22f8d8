"""Translations in the engine's hands, and what is searched for again: broken bytes, loops, lost spans and facts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import TYPE_CHECKING

from xlmcli.infer.decoding import Decoding, Translated
from xlmcli.infer.engine import TranslationEngine
from xlmcli.infer.pieces import NO_PROTECTION, Piece, Protection
from xlmcli.infer.repetition import repeats_itself
from xlmcli.records import Direction
from xlmcli.text import Tokenizer
from xlmcli.text.dates import has_weekday
from xlmcli.text.few_words import is_made_up, without_capital
from xlmcli.text.marks import MARKS, fill_marks, put_marks, restore_spans, split_at_marks, without_marks
from xlmcli.text.number_words import may_have_number_word
from xlmcli.text.sentences import sentence_separator

if TYPE_CHECKING:
    from xlmcli.text.lost import LostPart

_GUARD_NGRAM = 3
_SURER = 0.2
_BETWEEN_STOPS = re.compile(r"(?<=[!?])[ \u00a0\u202f]+(?=[!?])")
_END_OF_FIRST_WORD = re.compile(r"[\s'’]")
_COUNTS = re.compile(r"\d|centur|jahrhundert|secol|siècle|siglo|século", re.IGNORECASE)
_BEHIND_SPANS = ",;:.!?…)]}»”"
_BEFORE_SPANS = "([{«“"


@dataclass(frozen=True, slots=True)
class PieceTranslation:
    """What became of a piece.

    Attributes:
        piece: The piece as it was asked about: marks may stand for its numbers and names.
        translated: What the engine said: of the piece, or, where it was translated in parts, of each of them.
        texts: The hypotheses as they are to be read, the best first: with protected spans in their places, in capitals
            where the text was.
        is_parted: Whether the texts between its spans were translated one by one.
        order: Ids of what was asked, as ``translated`` answers it, and the marks that stand between.
    """

    piece: Piece
    translated: Sequence[Translated]
    texts: Sequence[str] = ()
    is_parted: bool = False
    order: Sequence[Sequence[int] | str] = ()


@dataclass(frozen=True, slots=True)
class Lost:
    """Numbers and names that a translation does not have; falsy where there are none."""

    numbers: Sequence[LostPart] = ()
    names: Sequence[LostPart] = ()

    def __bool__(self) -> bool:
        return bool(self.numbers or self.names)

    def is_better_than(self, other: Lost) -> bool:
        """Whether fewer numbers are lost, or as many, and fewer names."""
        return (len(self.numbers), len(self.names)) < (len(other.numbers), len(other.names))


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


class TranslationReader:
    """Reads what the engine says: in capitals where the text was, with numbers as the language writes them.

    Args:
        tokenizer: The model's.
        direction: From and to.
        protection: Whether numbers and names are looked after, and sentences.
    """

    def __init__(self, tokenizer: Tokenizer, direction: Direction, protection: Protection = NO_PROTECTION) -> None:
        self.tokenizer, self.direction, self._protection = tokenizer, direction, protection

    def find_lost(self, piece: Piece, translation: str) -> Lost:
        """Returns what of a piece its translation does not have.

        Args:
            piece: The piece.
            translation: What is read of it; those with marks it has.
        """
        lost, langs = Lost(), (self.direction.src, self.direction.tgt)
        if self._keeps_numbers_of(piece):
            from xlmcli.text.numbers import find_lost_numbers

            lost = Lost(find_lost_numbers(piece.text, translation, *langs))
        if self._protection.keeps_facts:
            from xlmcli.text.names import find_lost_names

            names = find_lost_names(piece.text, translation, *langs, was_in_capitals=piece.in_capitals)
            lost = replace(lost, names=[name for name in names if not any(map(name.touches, lost.numbers))])
        return lost

    def _keeps_numbers_of(self, piece: Piece) -> bool:
        """Whether there are numbers in a piece to look after."""
        return self._protection.keeps_facts and (
            _COUNTS.search(piece.text) is not None
            or may_have_number_word(piece.text)
            or has_weekday(piece.text, self.direction.src)
        )

    def without_capital(self, piece: Piece) -> Piece | None:
        """Returns a piece of a few words as it would stand inside a sentence, if that is to be tried."""
        if not self._protection.keeps_facts or piece.spans or piece.is_cut:
            return None
        text = without_capital(piece.text, self.direction.src)
        return replace(piece, text=text, ids=self.tokenizer.encode(text, self.direction.src)) if text else None

    def read(self, piece: Piece, ids: Sequence[int], *, is_start: bool = True) -> str:
        """Returns the translation of a piece, or of a part of it that may be its start, with marks."""
        # One by one: a call of decode_batch starts a thread, which costs more than what it decodes.
        text = self.tokenizer.decode(ids, self.direction.tgt).strip()
        if self._protection.shows_sentences and not _BETWEEN_STOPS.search(piece.text):
            text = _BETWEEN_STOPS.sub("", text)
        if self._keeps_numbers_of(piece):
            from xlmcli.text.numbers import rewrite_numbers  # Most texts do not need its patterns.

            text = rewrite_numbers(piece.text, text, self.direction.src, self.direction.tgt)
        if piece.in_capitals:
            return self.to_capitals(text)
        if is_start and self._misses_capital(piece, text):
            from xlmcli.text.casing import with_capital

            return with_capital(text, self.direction.tgt)
        return text

    def to_capitals(self, text: str) -> str:
        from xlmcli.text.casing import to_capitals  # Few texts need its patterns.

        return to_capitals(text, self.direction.tgt)

    def _misses_capital(self, piece: Piece, translation: str) -> bool:
        """Whether a sentence or a title starts with a capital and its translation does not, nor with an iPhone.

        A German word by itself may have one as a noun.
        """
        start = piece.terms.get(piece.text[:1], piece.text)[:1]
        is_sentence = self._protection.shows_sentences and not piece.is_cut and start.isupper()
        if not is_sentence or not translation[:1].islower() or (self.direction.src == "de" and " " not in piece.text):
            return False
        return not any(map(str.isupper, _END_OF_FIRST_WORD.split(translation, 1)[0]))


class ProtectedTranslations:
    """A batch in the engine's hands, whose protected spans come out as they went in, each exactly once.

    Where the model loses or doubles a mark, or has not learned what marks are, the texts between the spans are
    translated one by one. Where it loses or doubles a number, or loses a name, the text is translated again with a mark
    in its place; so it goes on with those that are lost then.

    Args:
        engine: The model.
        reader: What reads its answers.
        batch: What to translate.
        decoding: How to search.
        knows_marks: Whether the model has learned what marks are; it has to where numbers and names are looked after.
    """

    def __init__(
        self,
        engine: TranslationEngine,
        reader: TranslationReader,
        batch: Sequence[Piece],
        decoding: Decoding,
        *,
        knows_marks: bool = True,
    ) -> None:
        self._engine, self._reader, self._batch, self._decoding = engine, reader, batch, decoding
        others = {row: other for row, piece in enumerate(batch) if (other := reader.without_capital(piece))}
        is_whole = [row not in others and (knows_marks or not piece.spans) for row, piece in enumerate(batch)]
        self._whole, self._few = list(compress(range(len(batch)), is_whole)), list(others)
        self._pending = GuardedTranslations(engine, [batch[row].ids for row in self._whole], decoding)
        self._pending_few = _FewWords(engine, reader, [(batch[row], other) for row, other in others.items()], decoding)
        apart = (row for row, whole in enumerate(is_whole) if not whole and row not in others)
        self._parted = {row: self._in_parts(batch[row]) for row in apart}

    def wait(self) -> list[PieceTranslation]:
        few = dict(zip(self._few, self._pending_few.wait(), strict=True))
        whole = dict(zip(self._whole, self._pending.wait(), strict=True))
        done = {row: self._restore(self._batch[row], result) for row, result in whole.items()}
        parted = self._parted | {row: self._in_parts(self._batch[row]) for row in done if done[row] is None}
        results = [few.get(row) or done.get(row) or parted[row].wait() for row in range(len(self._batch))]
        lost = {row: found for row, result in enumerate(results) if (found := self._find_lost(result))}
        marked = {row: piece for row in lost if (piece := self._mark_lost(results[row].piece, lost[row]))}
        if marked:
            again = ProtectedTranslations(self._engine, self._reader, list(marked.values()), self._decoding)
            for row, result in zip(marked, again.wait(), strict=True):
                breaks_up = result.is_parted and not lost[row].numbers  # A name is not worth it.
                if not breaks_up and self._find_lost(result).is_better_than(lost[row]):
                    results[row] = result
        return results

    def _find_lost(self, result: PieceTranslation) -> Lost:
        piece = result.piece
        # With spans in their places, their digits would count.
        said = [self._reader.read(piece, part.hypotheses[0]) for part in result.translated] if piece.spans else []
        return self._reader.find_lost(piece, "\n".join(said or result.texts[:1]))

    def _mark_lost(self, piece: Piece, lost: Lost) -> Piece | None:
        """Puts marks in place of numbers, then names, as many as there are; None if that does not fit the model."""
        marks = [mark for mark in MARKS if mark not in piece.spans]
        parts = sorted([*lost.numbers, *lost.names][: len(marks)])
        placed = dict(zip(marks, parts, strict=False))
        written = (self._reader.to_capitals(part.written) if piece.in_capitals else part.written for part in parts)
        if not placed:
            return None
        text = put_marks(piece.text, [(part.start, part.end) for part in placed.values()], list(placed))
        ids = self._reader.tokenizer.encode(text, self._reader.direction.src)
        if len(ids) > self._engine.max_source_tokens:
            return None
        return replace(
            piece,
            ids=ids,
            text=text,
            spans={**piece.spans, **dict(zip(placed, written, strict=False))},
            terms={**piece.terms, **{mark: piece.text[part.start : part.end] for mark, part in placed.items()}},
        )

    def _restore(self, piece: Piece, result: Translated) -> PieceTranslation | None:
        """Puts spans in their places, or returns None if one has none; without spans, marks are the model's own."""
        said = [self._reader.read(piece, ids) for ids in result.hypotheses]
        if piece.spans:
            separator = sentence_separator(self._reader.direction.tgt)
            restored = [restore_spans(text, piece.spans, piece.terms, separator) for text in said]
            texts = [text for text in restored if text is not None]
        else:
            texts = [without_marks(text).strip() for text in said]
        return PieceTranslation(piece, [result], texts, order=[piece.ids]) if len(texts) == len(said) else None

    def _in_parts(self, piece: Piece) -> _PartedTranslation:
        return _PartedTranslation(self._engine, self._reader, piece, self._decoding)


class _FewWords:
    """Pieces of a few words in the engine's hands, as they are and without their capitals; the better ones count.

    Those without are better if a word of the others is made up, or if the model is surer of them by a margin.
    """

    def __init__(
        self,
        engine: TranslationEngine,
        reader: TranslationReader,
        pieces: Sequence[tuple[Piece, Piece]],
        decoding: Decoding,
    ) -> None:
        self._reader, self._pieces = reader, pieces
        batch = [piece.ids for both in pieces for piece in both]
        self._pending = GuardedTranslations(engine, batch, replace(decoding, with_scores=True))

    def wait(self) -> list[PieceTranslation]:
        results = iter(self._pending.wait())
        found = ([self._read(whole, piece, next(results)) for piece in (whole, other)] for whole, other in self._pieces)
        return [self._choose(*both) for both in found]

    def _read(self, whole: Piece, piece: Piece, result: Translated) -> PieceTranslation:
        from xlmcli.text.casing import with_first_capital  # Few texts need its patterns.

        lang = self._reader.direction.tgt
        said = (self._reader.read(whole, ids) for ids in result.hypotheses)
        texts = [with_first_capital(without_marks(text).strip(), lang) for text in said]
        return PieceTranslation(whole, [result], texts, order=[piece.ids])

    def _choose(self, whole: PieceTranslation, other: PieceTranslation) -> PieceTranslation:
        lang = self._reader.direction.tgt
        made_up, other_made_up = (is_made_up(found.texts[0], whole.piece.text, lang) for found in (whole, other))
        is_surer = other.translated[0].scores[0] > whole.translated[0].scores[0] + _SURER
        return other if (made_up, is_surer) > (other_made_up, False) else whole


class _PartedTranslation:
    """A piece in the engine's hands, of which the texts between spans are translated one by one."""

    def __init__(self, engine: TranslationEngine, reader: TranslationReader, piece: Piece, decoding: Decoding) -> None:
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
                text = self._reader.read(self._piece, said[index].hypotheses[rank], is_start=index == 0)
                text = without_marks(text)
                start, end = self._edges[index]
                part = f"{part[:start]}{text.strip()}{part[end:]}"
            joined.append(part)
        separator = sentence_separator(self._reader.direction.tgt)
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
