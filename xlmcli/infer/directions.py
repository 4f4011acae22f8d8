"""Directions of bundles, opened for translating."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from xlmcli.bundle import Bundle, TranslationPart
from xlmcli.errors import MissingExtraError, ModelError, UsageError
from xlmcli.infer.decoding import Decoding
from xlmcli.infer.engine import EngineOptions, TranslationEngine
from xlmcli.infer.pieces import FindSpans, Protection
from xlmcli.infer.records.protocols import Added
from xlmcli.infer.terms import read_terms
from xlmcli.infer.translation import Links, Translation
from xlmcli.records import Direction
from xlmcli.text import Tokenizer
from xlmcli.text.marks import find_marks
from xlmcli.text.spans import find_spans, find_strange

_MAX_DIRECTIONS_SHOWN = 20

if TYPE_CHECKING:
    from xlmcli.infer.alignment import WordAligner
    from xlmcli.text.lexicon import Lexicon


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What may be said about the search; None leaves it to the model.

    Attributes:
        beam_size: Hypotheses kept.
        length_penalty: Exponent of the length by which scores are divided.
        num_best: Translations wanted of each text.
        with_scores: Whether scores are wanted.
        protect: Whether spans that must not change are kept from the model, lost numbers, names and rare words looked
            for again, and capitals
            read as sentences.
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
        raise ModelError(f"{bundle.name} does not translate {_wish(src, tgt)}", hint=f"it has {possible}")
    raise UsageError(f"{bundle.name} translates in several directions", hint=f"choose one of {possible}")


def _wish(src: str | None, tgt: str | None) -> str:
    return f"from {src!r}" if src is not None else f"into {tgt!r}"


def open_translation(
    bundle: Bundle, src: str | None, tgt: str | None, search: SearchOptions, options: EngineOptions
) -> Translation:
    """Opens the only direction of a bundle that agrees with the languages given.

    Raises:
        ModelError: It cannot be opened, or there is none.
        UsageError: It translates in several directions, or the device or the compute type is not to be had.
    """
    return open_direction(bundle, choose_direction(bundle, src, tgt), bundle.open_tokenizer(), search, options)


def open_direction(
    bundle: Bundle,
    direction: Direction,
    tokenizer: Tokenizer,
    search: SearchOptions,
    options: EngineOptions,
    engines: DirectionEngines | None = None,
) -> Translation:
    """Opens a direction of an opened bundle, some of whose engines may be open already; as `open_translation`."""
    terms = read_terms(search.terms, direction.src) if search.terms else None
    memory = _open_memory(search.memory, direction) if search.memory else None
    defaults = bundle.translation.decoding
    knows_marks = bundle.translation.protects_spans
    lexicon = _open_lexicon(bundle, direction) if search.protect else None
    needs_links = search.with_alignment or (
        terms is not None and (not knows_marks or bundle.translation.alignment_head is not None)
    )
    aligner = _open_aligner(bundle, tokenizer, direction) if needs_links else None
    if aligner is None and search.is_document:
        with contextlib.suppress(ModelError, MissingExtraError):  # Tags stand in proportion then.
            aligner = _open_aligner(bundle, tokenizer, direction)
    aligns = aligner is not None or lexicon is not None
    open_it = partial((engines or DirectionEngines(bundle, tokenizer, options)).open, aligns=aligns)
    decoding = Decoding(
        beam_size=search.beam_size or max(defaults.beam_size, search.num_best),
        length_penalty=defaults.length_penalty if search.length_penalty is None else search.length_penalty,
        num_best=search.num_best,
        with_scores=search.with_scores or search.num_best > 1,
        with_attention=aligns,
    )
    links = None
    if aligner is not None:
        back = open_it(direction.opposite) if search.is_symmetric else None
        links = Links(aligner, are_written=search.with_alignment or search.is_document, back=back)
    find_own = find_marks if search.is_document else None
    return Translation(
        open_it(direction),
        tokenizer,
        direction,
        decoding,
        with_scores=search.with_scores,
        protection=Protection(
            (_span_finder(tokenizer, knows_marks) if search.protect else None) or find_own,
            knows_marks=knows_marks,
            keeps_facts=search.protect and knows_marks,
            shows_sentences=search.protect,
        ),
        links=links,
        lexicon=lexicon,
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
    """

    def __init__(self, bundle: Bundle, tokenizer: Tokenizer, options: EngineOptions) -> None:
        self._bundle, self._tokenizer, self._options = bundle, tokenizer, options
        self._opened: dict[bool, dict[Direction, TranslationEngine]] = {False: {}, True: {}}

    def open(self, direction: Direction, *, aligns: bool) -> TranslationEngine:
        """Returns the engine of a direction, for attention too or not; as `open_engine`."""
        opened = self._opened[aligns]
        if direction not in opened:
            if opened and self._bundle.manifest.language_input == "token":
                engine = next(iter(opened.values())).framing(self._bundle.frame(direction))
            else:
                engine = open_engine(self._bundle, direction, self._tokenizer, self._options, aligns=aligns)
            opened[direction] = engine
        return opened[direction]


def check_links(name: str, part: TranslationPart, direction: Direction, *, is_symmetric: bool) -> None:
    """Finds out whether a model links the words of a direction, before it is opened.

    Raises:
        ModelError: It does not say which of its heads aligns words, or it is asked for the opposite direction and has
            none.
    """
    if part.alignment_head is None:
        raise ModelError(
            f"{name} does not say which of its heads aligns words",
            hint="convert it again: xlm convert finds that out, but for models of old converters",
        )
    if is_symmetric and not part.translates(direction.opposite):
        raise ModelError(f"{name} does not translate {direction.opposite}", hint="leave --symmetric out")


def _open_aligner(bundle: Bundle, tokenizer: Tokenizer, direction: Direction) -> WordAligner:
    check_links(bundle.name, bundle.translation, direction, is_symmetric=False)
    from xlmcli.infer.alignment import WordAligner  # Its rules take time to import.

    return WordAligner(tokenizer, direction)


def _open_lexicon(bundle: Bundle, direction: Direction) -> Lexicon | None:
    """Opens the lexicon of a bundle, if it has one and says which of its heads aligns words."""
    content = bundle.read_lexicon() if bundle.translation.alignment_head is not None else None
    if content is None:
        return None
    from xlmcli.text.lexicon import Lexicon

    return Lexicon(content, direction)


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
