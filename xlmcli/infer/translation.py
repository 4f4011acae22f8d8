"""Translation of streams of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from xlmcli.infer.decoding import Decoding, Translated
from xlmcli.infer.engine import TranslationEngine
from xlmcli.infer.guards import PieceTranslation, ProtectedTranslations, TranslationReader
from xlmcli.infer.hypotheses import (
    PARTED,
    REPETITION,
    RESPELT,
    TERMS,
    UNFINISHED,
    Hypothesis,
    Translations,
)
from xlmcli.infer.pieces import CUT, NO_PROTECTION, Piece, PieceMaker, Prepared, Protection
from xlmcli.infer.records.protocols import Record
from xlmcli.infer.repetition import repeats_itself
from xlmcli.infer.terms import FoundTerm, TermList
from xlmcli.records import Direction
from xlmcli.text import Tokenizer
from xlmcli.text.spans import find_spans

if TYPE_CHECKING:
    from xlmcli.infer.alignment import SymmetricTranslations, WordAligner
    from xlmcli.text.lexicon import Lexicon
    from xlmcli.text.lost import LostPart


@dataclass(frozen=True, slots=True)
class Links:
    """How words are linked.

    Attributes:
        aligner: What links them.
        are_written: Whether links are written, or only used.
        back: The model in the opposite direction, where that is asked too.
    """

    aligner: WordAligner
    are_written: bool = True
    back: TranslationEngine | None = None


class Translation:
    """The work of translating, for a `Pipeline`.

    Attributes:
        direction: From and to.
        num_workers: Batches that the engine works on at once.

    Args:
        engine: The model.
        tokenizer: Its tokenizer.
        direction: From and to.
        decoding: How to search.
        with_scores: Whether scores are written.
        protection: What the model does not see.
        links: How words are linked; None where neither links nor terms are asked for, or no head of the model can.
        lexicon: What rare words are, for a model that says where it looked.
        terms: Words whose translations are given.
        memory: Texts whose translations are given.
    """

    def __init__(
        self,
        engine: TranslationEngine,
        tokenizer: Tokenizer,
        direction: Direction,
        decoding: Decoding,
        *,
        with_scores: bool = False,
        protection: Protection = NO_PROTECTION,
        links: Links | None = None,
        lexicon: Lexicon | None = None,
        terms: TermList | None = None,
        memory: Mapping[str, str] | None = None,
    ) -> None:
        self._engine = engine
        self.direction = direction
        self._decoding = decoding
        self._with_scores = with_scores
        self._knows_marks = protection.knows_marks
        self._reader = TranslationReader(tokenizer, direction, protection)
        self._aligner = None if links is None else links.aligner
        self._with_alignment = links is not None and links.are_written
        self._back = None if links is None else links.back
        self._tokenizer, self._lexicon = tokenizer, lexicon
        self._terms = terms
        self._has_memory = memory is not None
        make_pieces = partial(
            PieceMaker,
            tokenizer,
            engine.max_source_tokens,
            direction.src,
            direction.tgt,
            protection,
            memory=memory,
        )
        self._pieces = make_pieces()
        self._marked_pieces = None if terms is None else make_pieces(terms=terms)
        self.num_workers = engine.num_workers

    def prepare(self, records: Sequence[Record]) -> list[Prepared]:
        texts = [record.text or "" for record in records]
        prepared = self._pieces.prepare(texts)
        if self._marked_pieces is not None:
            rows = [row for row, text in enumerate(texts) if self._find_terms(text, prepared[row])]
            for row, marked in zip(rows, self._marked_pieces.prepare([texts[row] for row in rows]), strict=True):
                prepared[row] = self._choose(prepared[row], marked)
        return prepared

    def _choose(self, plain: Prepared, marked: Prepared) -> Prepared:
        """Where links say which words are a term's, marks of terms are for a text in which they find no place."""
        return marked if self._aligner is None or not marked.pieces else plain

    def ask_again(self, record: Record, prepared: Prepared, results: Sequence[PieceTranslation]) -> list[Piece]:
        """Returns a text with the marks of its terms, if one of these has no place in the translation."""
        text = record.text or ""
        terms = self._find_terms(text, prepared) if prepared.pieces else []
        if not terms or self._aligner is None or self._marked_pieces is None:
            return []
        _, are_kept = self._substitute(self._hypotheses(text, prepared, results, are_linked=True), terms)
        if are_kept:
            return []
        (marked,) = self._marked_pieces.prepare([text])
        return [replace(piece, is_second=True) for piece in marked.pieces]

    def submit(self, batch: Sequence[Piece]) -> ProtectedTranslations | SymmetricTranslations:
        pending = ProtectedTranslations(
            self._engine, self._reader, batch, self._decoding, knows_marks=self._knows_marks
        )
        if self._back is None:
            return pending
        from xlmcli.infer.alignment import SymmetricTranslations

        return SymmetricTranslations(pending, self._back)

    def finish(self, record: Record, prepared: Prepared, results: Sequence[PieceTranslation]) -> Translations:
        """Joins the translations of a text's pieces; a text without pieces is its own translation."""
        text = record.text or ""
        pieces = [piece for piece in prepared.pieces if not piece.is_second]
        plain, said = replace(prepared, pieces=pieces), results[: len(pieces)]
        # Terms alone were put in their places already.
        terms = self._find_terms(text, prepared) if pieces or self._marked_pieces is None else []
        hypotheses = self._hypotheses(text, plain, said, are_linked=self._with_alignment or bool(terms))
        are_kept = True
        if terms and self._aligner is not None:
            hypotheses, are_kept = self._substitute(hypotheses, terms)
        if not are_kept and self._marked_pieces is not None and len(results) > len(pieces):
            (plain,), said = self._marked_pieces.prepare([text]), results[len(pieces) :]
            hypotheses = self._hypotheses(text, plain, said, are_linked=self._with_alignment)
            are_kept = all(term.target in item.text for item in hypotheses for term in terms)
        warnings = _find_warnings(plain, said) if plain.pieces else ()
        if not are_kept:
            warnings = (*warnings, TERMS)
        is_remembered = bool(prepared.remembered) if self._has_memory else None
        return Translations(hypotheses, warnings, self._with_scores, is_remembered=is_remembered)

    def _hypotheses(
        self, text: str, prepared: Prepared, results: Sequence[PieceTranslation], *, are_linked: bool
    ) -> tuple[Hypothesis, ...]:
        num_best = self._decoding.num_best
        if not prepared.pieces:
            hypotheses = (Hypothesis(prepared.after or text, 0.0),) * num_best
        else:
            hypotheses = tuple(self._join(prepared, results, rank) for rank in range(num_best))
        are_linked = are_linked and self._aligner is not None
        found = []
        for rank, item in enumerate(hypotheses):
            lost = self._find_lost_words(text, prepared, item.text) if prepared.pieces else []
            if are_linked or lost:
                links = self._any_aligner.align(text, item.text, results, rank, prepared.given)
                item = replace(item, alignment=links)
            if lost:
                from xlmcli.infer.rare_words import put_rare_words  # Few texts need its rules.

                item = put_rare_words(text, item, lost, self.direction.tgt)
            found.append(item if are_linked else replace(item, alignment=None))
        return tuple(found)

    @cached_property
    def _any_aligner(self) -> WordAligner:
        """What links words, also where no links were asked for."""
        from xlmcli.infer.alignment import WordAligner  # Its rules take time to load.

        return self._aligner or WordAligner(self._tokenizer, self.direction)

    def _find_lost_words(self, text: str, prepared: Prepared, translation: str) -> list[LostPart]:
        """The rare words of a text that its translation has lost, but for those in spans, terms and the memory."""
        lost = [] if self._lexicon is None else self._lexicon.find_lost(text, translation)
        if not lost:
            return lost
        terms = [(term.start, term.end) for term in self._find_terms(text, prepared)]
        taken = {letter for place in (*self._find_spans(text, prepared), *terms) for letter in range(*place)}
        return [part for part in lost if taken.isdisjoint(range(part.start, part.end))]

    def _find_terms(self, text: str, prepared: Prepared) -> list[FoundTerm]:
        """The terms of a text, but for those in parts that are remembered."""
        return [] if self._terms is None else self._terms.find(text, self._find_spans(text, prepared))

    def _find_spans(self, text: str, prepared: Prepared) -> list[tuple[int, int]]:
        """Where protected spans of a text are, and parts that are remembered."""
        places, end = find_spans(text), 0
        for known in prepared.remembered:
            if (start := text.find(known, end)) >= 0:  # Of a sentence, spaces may have been mended.
                end = start + len(known)
                places.append((start, end))
        return places

    def _substitute(
        self, hypotheses: Sequence[Hypothesis], terms: Sequence[FoundTerm]
    ) -> tuple[tuple[Hypothesis, ...], bool]:
        """Puts terms where the words are that are linked to them; tells whether all have a place."""
        from xlmcli.infer.alignment import Alignment
        from xlmcli.infer.substitution import substitute_terms

        lang = self.direction.tgt
        put = [substitute_terms(item.text, item.alignment or Alignment(), terms, lang) for item in hypotheses]
        kept = tuple(
            Hypothesis(text, item.score, links if self._with_alignment else None)
            for item, (text, links, _) in zip(hypotheses, put, strict=True)
        )
        return kept, not any(num_missing for _, _, num_missing in put)

    def _join(self, prepared: Prepared, results: Sequence[PieceTranslation], rank: int) -> Hypothesis:
        pairs = zip(prepared.pieces, results, strict=True)
        text = "".join(piece.before + result.texts[rank] for piece, result in pairs)
        translated = [part for result in results for part in result.translated]
        return Hypothesis(text + prepared.after, self._join_scores(translated, rank))

    def _join_scores(self, results: Sequence[Translated], rank: int) -> float:
        """Returns the score that the translations would have as one: log probabilities and lengths are summed."""
        if len(results) == 1:
            return results[0].scores[rank]
        penalty = self._decoding.length_penalty
        lens = [max(1, len(result.hypotheses[rank])) for result in results]
        total = sum(result.scores[rank] * length**penalty for result, length in zip(results, lens, strict=True))
        return float(total / sum(lens) ** penalty) if results else 0.0


def _find_warnings(prepared: Prepared, results: Sequence[PieceTranslation]) -> tuple[str, ...]:
    pairs = [(result.piece, part) for result in results for part in result.translated]
    found = {
        CUT: prepared.is_cut,
        REPETITION: any(repeats_itself(piece.ids, part.hypotheses[0]) for piece, part in pairs),
        UNFINISHED: any(part.is_unfinished for _, part in pairs),
        PARTED: any(result.is_parted for result in results),
        RESPELT: any(part.is_respelt for _, part in pairs),
    }
    return tuple(word for word, is_so in found.items() if is_so)
