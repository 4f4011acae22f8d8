"""Translation of streams of records."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from xlmcli.bundle import Bundle, open_bundle
from xlmcli.errors import MissingExtraError, ModelError, UsageError
from xlmcli.infer.decoding import Decoding, Translated
from xlmcli.infer.engine import EngineOptions, TranslationEngine
from xlmcli.infer.guards import PieceTranslation, ProtectedTranslations
from xlmcli.infer.pieces import FindSpans, Piece, PieceMaker, Prepared
from xlmcli.infer.records.protocols import Added, Record, Row, Values
from xlmcli.infer.repetition import repeats_itself
from xlmcli.infer.terms import FoundTerm, TermList, read_terms
from xlmcli.records import Direction
from xlmcli.text import Tokenizer
from xlmcli.text.spans import find_marks, find_spans, find_strange, without_marks

CUT = "cut"
REPETITION = "repetition"
UNFINISHED = "unfinished"
PARTED = "parted"
RESPELT = "respelt"
TERMS = "terms"
MEMORY = "memory"

_MAX_DIRECTIONS_SHOWN = 20

if TYPE_CHECKING:
    from xlmcli.infer.alignment import Alignment, SymmetricTranslations, WordAligner


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What may be said about the search; None leaves it to the model.

    Attributes:
        beam_size: Hypotheses kept.
        length_penalty: Exponent of the length by which scores are divided.
        num_best: Translations wanted of each text.
        with_scores: Whether scores are wanted.
        protect: Whether spans that must not change are kept from the model.
        with_alignment: Whether links between words are wanted.
        is_symmetric: Whether the opposite direction is asked for links too.
        terms: Files of words whose translations are given.
        memory: File of texts whose translations are given.
        is_document: Whether texts are those of documents: opaque characters are protected, whatever ``protect`` says,
            and links are wanted where the model has them.
    """

    beam_size: int | None = None
    length_penalty: float | None = None
    num_best: int = 1
    with_scores: bool = False
    protect: bool = True
    with_alignment: bool = False
    is_symmetric: bool = False
    terms: tuple[Path, ...] = ()
    memory: Path | None = None
    is_document: bool = False

    def __post_init__(self) -> None:
        if self.beam_size is not None and self.beam_size < self.num_best:
            raise UsageError(
                f"--n-best {self.num_best} needs a beam as wide, not --beam-size {self.beam_size}",
                hint=f"--beam-size {self.num_best}, or leave it out",
            )

    @property
    def added(self) -> Added:
        """What the answers add to tables and objects."""
        scores = ("score",) if self.with_scores else ()
        links = ("alignment",) if self.with_alignment else ()
        words = ("source_words", "target_words") if self.with_alignment else ()
        nbest = ("nbest",) if self.num_best > 1 else ()
        memory = ("memory",) if self.memory else ()
        return Added((*scores, *links), (*scores, *links, *words, *nbest, *memory))


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One possible translation.

    Attributes:
        text: What it says.
        score: How sure the model is; higher is surer.
        alignment: Which words stand for which, if that was asked for.
    """

    text: str
    score: float
    alignment: Alignment | None = None

    def with_links(self) -> str:
        """Returns the text, and if there are links, these behind it, as marian writes them."""
        return self.text if self.alignment is None else f"{self.text} ||| {self.alignment.format()}"

    def linked_values(self) -> dict[str, object]:
        """Returns the links and the words of the translation for a JSON object."""
        if self.alignment is None:
            return {}
        words = [word.values() for word in self.alignment.target]
        return {"alignment": list(map(list, self.alignment.links)), "target_words": words}


@dataclass(frozen=True, slots=True)
class Translations:
    """The answer to a text.

    Attributes:
        hypotheses: As many as were asked for, the best first.
        warnings: What the reader should know, in a word each.
        with_scores: Whether scores are written.
        language: What language the text was found to be in, where that was asked for.
        is_remembered: Whether it is from the translation memory, or a part of it; None without a memory.
    """

    hypotheses: tuple[Hypothesis, ...]
    warnings: tuple[str, ...] = ()
    with_scores: bool = False
    language: str | None = None
    is_remembered: bool | None = None

    @property
    def happened(self) -> tuple[str, ...]:
        """What is counted: what the reader should know, and whether the translation memory has answered."""
        return (*self.warnings, MEMORY) if self.is_remembered else self.warnings

    def lines(self, text: str, index: int) -> list[str]:
        if len(self.hypotheses) > 1:
            return [f"{index} ||| {item.with_links()} ||| {item.score:.4f}" for item in self.hypotheses]
        best = self.hypotheses[0]
        if not text.strip():  # An empty line gives an empty line.
            return [best.text]
        return [f"{best.score:.4f}\t{best.with_links()}" if self.with_scores else best.with_links()]

    def rows(self) -> list[Row]:
        return [
            Row(
                item.text,
                (
                    *((f"{item.score:.4f}",) if self.with_scores else ()),
                    *((item.alignment.format(),) if item.alignment else ()),
                ),
            )
            for item in self.hypotheses
        ]

    def values(self) -> Values:
        best = self.hypotheses[0]
        added: dict[str, object] = {}
        if self.with_scores:
            added["score"] = round(best.score, 4)
        if best.alignment is not None:
            added["source_words"] = [word.values() for word in best.alignment.source]
        added |= best.linked_values()
        if len(self.hypotheses) > 1:
            added["nbest"] = [
                {"text": item.text, "score": round(item.score, 4), **item.linked_values()} for item in self.hypotheses
            ]
        if self.is_remembered is not None:
            added[MEMORY] = self.is_remembered
        suggested = {} if self.language is None else {"language": self.language}
        return Values(best.text, added, suggested, alignment=best.alignment)


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
        find_spans: What to protect.
        knows_marks: Whether the model has learned what marks of protected spans are.
        aligner: What links words; None where neither links nor terms are asked for, or no head of the model can.
        with_alignment: Whether links are written.
        back: The model in the opposite direction, where that is asked for links too.
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
        find_spans: FindSpans | None = None,
        knows_marks: bool = True,
        aligner: WordAligner | None = None,
        with_alignment: bool = True,
        back: TranslationEngine | None = None,
        terms: TermList | None = None,
        memory: Mapping[str, str] | None = None,
    ) -> None:
        self._engine = engine
        self._tokenizer = tokenizer
        self.direction = direction
        self._decoding = decoding
        self._with_scores = with_scores
        self._knows_marks = knows_marks
        self._aligner = aligner
        self._with_alignment = with_alignment
        self._back = back
        self._terms = terms
        self._has_memory = memory is not None
        make_pieces = partial(
            PieceMaker, tokenizer, engine.max_source_tokens, direction.src, direction.tgt, find_spans, memory=memory
        )
        self._pieces = make_pieces()
        self._marked_pieces = make_pieces(terms=terms) if terms is not None and knows_marks else None
        self.num_workers = engine.num_workers

    def prepare(self, records: Sequence[Record]) -> list[Prepared]:
        texts = [record.text or "" for record in records]
        prepared = self._pieces.prepare(texts)
        if self._marked_pieces is not None:
            rows = [row for row, text in enumerate(texts) if self._find_terms(text, prepared[row])]
            for row, marked in zip(rows, self._marked_pieces.prepare([texts[row] for row in rows]), strict=True):
                prepared[row] = self._add_marked(prepared[row], marked)
        return prepared

    def _add_marked(self, plain: Prepared, marked: Prepared) -> Prepared:
        """Where links say which words are a term's, marks of terms are for a text in which they find no place."""
        if self._aligner is None or not marked.pieces:
            return marked
        return replace(plain, pieces=[*plain.pieces, *(replace(piece, is_second=True) for piece in marked.pieces)])

    def submit(self, batch: Sequence[Piece]) -> ProtectedTranslations | SymmetricTranslations:
        pending = ProtectedTranslations(
            self._engine, self._tokenizer, self.direction, batch, self._decoding, knows_marks=self._knows_marks
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
        if not are_kept and self._marked_pieces is not None:
            (plain,), said = self._marked_pieces.prepare([text]), results[len(pieces) :]
            hypotheses = self._hypotheses(text, plain, said, are_linked=self._with_alignment)
            are_kept = True
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
        if self._aligner is None or not are_linked:
            return hypotheses
        return tuple(
            replace(item, alignment=self._aligner.align(text, item.text, prepared.pieces, results, rank))
            for rank, item in enumerate(hypotheses)
        )

    def _find_terms(self, text: str, prepared: Prepared) -> list[FoundTerm]:
        """The terms of a text, but for those in parts that are remembered."""
        if self._terms is None:
            return []
        taken, end = find_spans(text), 0
        for known in prepared.remembered:
            if (start := text.find(known, end)) >= 0:  # Of a sentence, spaces may have been mended.
                end = start + len(known)
                taken.append((start, end))
        return self._terms.find(text, taken)

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
        texts = [self._text(result, rank) for result in results]
        text = "".join(piece.before + part for piece, part in zip(prepared.pieces, texts, strict=True))
        translated = [part for result in results for part in result.translated]
        return Hypothesis(text + prepared.after, self._join_scores(translated, rank))

    def _text(self, result: PieceTranslation, rank: int) -> str:
        if result.texts:
            return result.texts[rank]
        # One by one: a call of decode_batch starts a thread, which costs more than what it decodes.
        text = self._tokenizer.decode(result.translated[0].hypotheses[rank], self.direction.tgt)
        return without_marks(text).strip()

    def _join_scores(self, results: Sequence[Translated], rank: int) -> float:
        """Returns the score that the translations would have as one: log probabilities and lengths are summed."""
        if len(results) == 1:
            return results[0].scores[rank]
        penalty = self._decoding.length_penalty
        lens = [max(1, len(result.hypotheses[rank])) for result in results]
        total = sum(result.scores[rank] * length**penalty for result, length in zip(results, lens, strict=True))
        return float(total / sum(lens) ** penalty) if results else 0.0


def _find_warnings(prepared: Prepared, results: Sequence[PieceTranslation]) -> tuple[str, ...]:
    pairs = [
        (piece, part) for piece, result in zip(prepared.pieces, results, strict=True) for part in result.translated
    ]
    found = {
        CUT: any(piece.is_cut for piece in prepared.pieces),
        REPETITION: any(repeats_itself(piece.ids, part.hypotheses[0]) for piece, part in pairs),
        UNFINISHED: any(part.is_unfinished for _, part in pairs),
        PARTED: any(result.is_parted for result in results),
        RESPELT: any(part.is_respelt for _, part in pairs),
    }
    return tuple(word for word, is_so in found.items() if is_so)


def choose_direction(bundle: Bundle, src: str | None, tgt: str | None) -> Direction:
    """Returns the only direction of a bundle that agrees with the languages given.

    Raises:
        ModelError: The bundle has no such direction.
        UsageError: It has several.
    """
    part = bundle.translation
    src, tgt = (None if name is None else part.language_code(name) for name in (src, tgt))
    if src is not None and tgt is not None:
        direction = Direction(src, tgt)
        bundle.check_direction(direction)
        return direction
    agreeing = part.find_directions(src, tgt)
    if len(agreeing) == 1:
        return agreeing[0]
    shown = agreeing or part.find_directions()
    possible = ", ".join(f"--src {item.src} --tgt {item.tgt}" for item in shown[:_MAX_DIRECTIONS_SHOWN])
    if len(shown) > _MAX_DIRECTIONS_SHOWN:
        possible += f", … {len(shown)} in all"
    if not agreeing:
        raise UsageError(f"{bundle.name} does not translate {_wish(src, tgt)}", hint=f"it has {possible}")
    raise UsageError(f"{bundle.name} translates in several directions", hint=f"choose one of {possible}")


def _wish(src: str | None, tgt: str | None) -> str:
    return f"from {src!r}" if src is not None else f"into {tgt!r}"


def open_translation(
    path: Path, src: str | None, tgt: str | None, search: SearchOptions, options: EngineOptions
) -> Translation:
    """Opens a bundle for translating.

    Raises:
        ModelError: It cannot be opened, or does not translate in that direction.
        UsageError: It translates in several directions, or the device or the compute type is not to be had.
    """
    bundle = open_bundle(path)
    return open_direction(bundle, choose_direction(bundle, src, tgt), bundle.open_tokenizer(), search, options)


def open_direction(
    bundle: Bundle,
    direction: Direction,
    tokenizer: Tokenizer,
    search: SearchOptions,
    options: EngineOptions,
    engine: TranslationEngine | None = None,
) -> Translation:
    """Opens a direction of an opened bundle, whose engine may be open already; as `open_translation`."""
    terms = read_terms(search.terms, direction.src) if search.terms else None
    memory = _open_memory(search.memory, direction) if search.memory else None
    defaults = bundle.translation.decoding
    knows_marks = bundle.translation.protects_spans
    needs_links = search.with_alignment or (
        terms is not None and (not knows_marks or bundle.translation.alignment_head is not None)
    )
    aligner = _open_aligner(bundle, tokenizer, direction) if needs_links else None
    if aligner is None and search.is_document:
        with contextlib.suppress(ModelError, MissingExtraError):  # Tags stand in proportion then.
            aligner = _open_aligner(bundle, tokenizer, direction)
    engine = engine or open_engine(bundle, direction, tokenizer, options, aligns=aligner is not None)
    decoding = Decoding(
        beam_size=search.beam_size or max(defaults.beam_size, search.num_best),
        length_penalty=defaults.length_penalty if search.length_penalty is None else search.length_penalty,
        num_best=search.num_best,
        with_scores=search.with_scores or search.num_best > 1,
        with_attention=aligner is not None,
    )
    find_own = find_marks if search.is_document else None
    return Translation(
        engine,
        tokenizer,
        direction,
        decoding,
        with_scores=search.with_scores,
        find_spans=(_span_finder(tokenizer, knows_marks) if search.protect else None) or find_own,
        knows_marks=knows_marks,
        aligner=aligner,
        with_alignment=search.with_alignment or search.is_document,
        back=open_engine(bundle, direction.opposite, tokenizer, options, aligns=True) if search.is_symmetric else None,
        terms=terms,
        memory=memory,
    )


def open_engine(
    bundle: Bundle, direction: Direction, tokenizer: Tokenizer, options: EngineOptions, *, aligns: bool = False
) -> TranslationEngine:
    """Opens the engine of a bundle for a direction; ``aligns`` is for what is asked for attention.

    Raises:
        ModelError: The bundle does not translate in that direction, or the engine does not accept it.
        UsageError: The device or the compute type is not to be had.
    """
    return TranslationEngine(
        bundle.folded_files(direction, aligns=aligns),
        tokenizer.vocab,
        bundle.manifest.tokens,
        bundle.manifest.limits,
        options,
        max_target_positions=bundle.translation.max_target_positions,
        frame=bundle.frame(direction),
        alignment_head=bundle.translation.alignment_head if aligns else None,
    )


class DirectionEngines:
    """The engines of a model's directions, each opened once; a single one where they differ only in their frames.

    Args:
        bundle: The model.
        tokenizer: Its tokenizer.
        options: Where and how to compute.
        aligns: Whether they are asked for attention.
    """

    def __init__(self, bundle: Bundle, tokenizer: Tokenizer, options: EngineOptions, *, aligns: bool = False) -> None:
        self._bundle, self._tokenizer, self._options, self._aligns = bundle, tokenizer, options, aligns
        self._opened: dict[Direction, TranslationEngine] = {}

    def open(self, direction: Direction) -> TranslationEngine:
        """Returns the engine of a direction; as `open_engine`."""
        if direction not in self._opened:
            if self._opened and self._bundle.manifest.language_input == "token":
                engine = next(iter(self._opened.values())).framing(self._bundle.frame(direction))
            else:
                engine = open_engine(self._bundle, direction, self._tokenizer, self._options, aligns=self._aligns)
            self._opened[direction] = engine
        return self._opened[direction]


def _open_aligner(bundle: Bundle, tokenizer: Tokenizer, direction: Direction) -> WordAligner:
    if bundle.translation.alignment_head is None:
        raise ModelError(
            f"{bundle.name} does not say which of its heads aligns words",
            hint="convert it again: xlm convert finds that out, but for models of old converters",
        )
    from xlmcli.infer.alignment import WordAligner  # Its rules take time to import.

    return WordAligner(tokenizer, direction)


def _open_memory(path: Path, direction: Direction) -> dict[str, str]:
    from xlmcli.infer.memory import read_memory  # Only it needs an XML parser.

    return read_memory(path, direction)


def _span_finder(tokenizer: Tokenizer, knows_marks: bool) -> FindSpans | None:
    """Finds the spans to protect; what the vocabulary cannot write is among them, where it can say so.

    It is all that is protected from a model that has learned no marks: the text around is translated in parts.
    """
    from xlmcli.text.sentencepiece import SentencePieceTokenizer

    is_strange = tokenizer.lacks if isinstance(tokenizer, SentencePieceTokenizer) else None
    if knows_marks:
        return partial(find_spans, is_strange=is_strange)
    return None if is_strange is None else partial(find_strange, is_strange=is_strange)
