"""Texts to sequences of ids that fit the model, with nothing lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from xlmcli.infer.terms import TermList
from xlmcli.text import Tokenizer
from xlmcli.text.accents import restore_accents
from xlmcli.text.marks import MARKS, has_marks, iter_mark_places, iter_marks, mark_spans, split_at_marks
from xlmcli.text.sentences import sentence_separator, split_sentences
from xlmcli.text.spans import apart, find_spans, find_strange

_LINE_END = re.compile(r"(\r?\n)")
_WORD = re.compile(r"\s*\S+")
# What a line of a list, a heading or a quotation begins with: a bullet, a box, a number, a letter. M. is Monsieur, and
# in German a number with a point may be that of a thing.
_BULLET = (
    r"[^\w\s\"'«»‹›“”„‘’「」『』《》【】¿¡(){}\[\]…!?.,:;/$€£¥%\ufdd0-\ufdef]+|\[[ xX]?\]"
    r"|\(?(?:[A-Za-z]|[ivx]{2,5}|[IVX]{2,5}|\d+)\)|[A-Z]:|[A-C]\.(?=\s+[^\W\d_a-z])"
)
_MARKER = re.compile(rf"(?:(?:{_BULLET}|[IVX]{{1,5}}\.(?=\s+[^\W\d_a-z]))\s+)+")
_GERMAN_MARKER = re.compile(rf"(?:(?:{_BULLET})\s+)+")
_CLAUSE_ENDS = (",", ";", ":", ")", "—", "–", "،", "，", "、", "；", "：", "）")
_CLAUSE = re.compile(rf"[^{''.join(_CLAUSE_ENDS)}]*[{''.join(_CLAUSE_ENDS)}]+|[^{''.join(_CLAUSE_ENDS)}]+")


Given = tuple[tuple[str, str], ...]
"""Parts of a text, and what becomes of each."""

CUT = "cut"
"""The warning of an answer for whose text a sentence was cut."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What goes through the model at once.

    Attributes:
        ids: Ids without special tokens, at least one.
        before: What stands before its answer when the answers of a text are joined.
        is_cut: Whether it starts or ends inside a sentence because the sentence is too long.
        lang: Language of the text, where it is told with every text.
        is_second: Whether it belongs to the second text of a pair whose texts are asked about apart, or to a text with
            the marks of terms that is asked about without them too.
        text: What it says, with the marks of protected spans; empty where nobody asks for it, or where it is cut inside
            a word and has none.
        spans: What each mark stands for in its answer.
        terms: What those marks stand for in the text that are words or numbers, and another in the answer.
        in_capitals: Whether the text was in capitals, as its answer is to be.
        given: What stands before it in the text and does not go through the model, and what becomes of each: the bullet
            of a list, say, which stays, or a sentence of the memory.
    """

    ids: list[int]
    before: str = ""
    is_cut: bool = False
    lang: str | None = None
    is_second: bool = False
    text: str = ""
    spans: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, str] = field(default_factory=dict)
    in_capitals: bool = False
    given: Given = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text as pieces.

    Attributes:
        pieces: In order; none if there is nothing to ask the model.
        after: What stands after the answer of the last piece; without pieces it is the answer, or empty for the text.
        remembered: The parts of the text, in order, whose answers are from the translation memory; it may be all.
        given: As that of a piece, behind the last one.
    """

    pieces: list[Piece]
    after: str = ""
    remembered: tuple[str, ...] = ()
    given: Given = ()

    @property
    def is_cut(self) -> bool:
        """Whether a sentence was too long for the model."""
        return any(piece.is_cut for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class _Protected:
    """A text with marks in place of its spans, and of each in order what it is, and what it becomes if it is a term.

    One in capitals is in sentence case here.
    """

    marked: str
    spans: tuple[tuple[str, str], ...] = ()
    in_capitals: bool = False

    @property
    def is_untranslatable(self) -> bool:
        """Whether there is nothing to ask the model: only protected spans, symbols, abbreviations in capitals."""
        return not any(map(str.isalnum, self.marked)) or (self.in_capitals and self.marked.isupper())

    @property
    def answer(self) -> str:
        """The text with its terms translated, and nothing else."""
        if not self.spans:  # What marks there are are its own.
            return self.marked
        parts = split_at_marks(self.marked)
        parts[1::2] = [target or source for source, target in self.spans]
        return "".join(parts)

    def part(self, marked: str, spans: Iterator[tuple[str, str]]) -> _Protected:
        """A part of the text, with no more marks than there are different ones; it takes the next spans."""
        return _Protected(marked, tuple(islice(spans, sum(1 for _ in iter_marks(marked)))), self.in_capitals)


FindSpans = Callable[[str], list[tuple[int, int]]]
"""Says where in a text the spans are that the model must not touch, start and end, in order."""


@dataclass(frozen=True, slots=True)
class Protection:
    """What of a text is kept from a model.

    Attributes:
        find_spans: What to protect; None for nothing.
        knows_marks: Whether the model has learned what marks of protected spans are.
        keeps_facts: Whether a text is translated again where a number or a name is lost; marks have to be known for it.
        shows_sentences: Whether the model sees sentences alone: what a line of a list begins with, and lines without
            letters and digits, are kept from it, lines in capitals are in sentence case, words have their accents, and
            the translation of what starts with a capital does.
    """

    find_spans: FindSpans | None = None
    knows_marks: bool = True
    keeps_facts: bool = False
    shows_sentences: bool = False


NO_PROTECTION = Protection()


class PieceMaker:
    """Tokenises texts and splits those that are too long: at line ends, at sentence ends, between words, inside words.

    Args:
        tokenizer: The model's.
        max_tokens: Longest sequence of ids, special tokens not counted.
        src_lang: Language of the texts.
        tgt_lang: Language of the answers, which says how they are joined.
        protection: What the model does not see. A text with more spans than there are marks is split at its
            sentences, and a sentence with more is cut between words.
        terms: What has a mark too, and a translation of its own; None for nothing.
        memory: Answers to texts, lines and sentences that do not go through the model.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        max_tokens: int,
        src_lang: str,
        tgt_lang: str,
        protection: Protection = NO_PROTECTION,
        *,
        terms: TermList | None = None,
        memory: Mapping[str, str] | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._src_lang = src_lang
        self._separator = sentence_separator(tgt_lang)
        self._has_spaces = bool(sentence_separator(src_lang))
        self._find_spans = protection.find_spans
        self._shows_sentences = protection.shows_sentences
        self._terms = terms
        self._memory = memory or {}

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        """Returns every text as pieces, in order; spaces at its ends and at those of its lines stand around them.

        So does what a line of a list begins with.
        """
        done = [self._prepare_apart(text) for text in texts]
        margins = [self._margins(text) for text in texts]
        protected = [
            self._protect("" if known else text[len(before) : len(text) - len(after)])
            for text, known, (before, after) in zip(texts, done, margins, strict=True)
        ]
        all_ids = self._encode_batch([text.marked for text in protected])
        return [
            known or _put_back(margin, self._prepare(inner, ids))
            for known, margin, inner, ids in zip(done, margins, protected, all_ids, strict=True)
        ]

    def _margins(self, text: str) -> tuple[str, str]:
        before, after = surrounding_spaces(text)
        pattern = _GERMAN_MARKER if self._src_lang == "de" else _MARKER
        marker = pattern.match(text, len(before), len(text) - len(after)) if self._shows_sentences else None
        return before + (marker[0] if marker else ""), after

    def _protect(self, text: str) -> _Protected:
        places = [] if self._find_spans is None else self._find_spans(text)
        terms = [] if self._terms is None else self._terms.find(text, find_spans(text))
        if terms and self._find_spans is None:  # The text's own marks are none of theirs.
            places = find_strange(text, has_marks)
        if not places and not terms:
            return self._in_ordinary_spelling(text)
        kept = apart([(term.start, term.end) for term in terms], places)
        spans = sorted([*((start, end, "") for start, end in kept), *terms])
        marked = mark_spans(text, [(start, end) for start, end, _ in spans])
        return self._in_ordinary_spelling(marked, tuple((text[start:end], target) for start, end, target in spans))

    def _in_ordinary_spelling(self, marked: str, spans: tuple[tuple[str, str], ...] = ()) -> _Protected:
        """A text as a sentence in ordinary letters, with the accents that it lacks."""
        in_capitals = False
        if self._shows_sentences and marked.isupper():
            from xlmcli.text.casing import has_word, to_sentence_case  # Few texts need its patterns.

            if in_capitals := has_word(marked):
                marked = to_sentence_case(marked, self._tokenizer, self._src_lang)
        if self._shows_sentences:
            marked = restore_accents(marked, self._src_lang)
        return _Protected(marked, spans, in_capitals=in_capitals)

    def _prepare(self, text: _Protected, ids: list[int]) -> Prepared:
        if (text.spans or self._shows_sentences) and text.is_untranslatable:
            return Prepared([], text.answer)
        if len(ids) <= self._max_tokens and len(text.spans) <= len(MARKS):
            return Prepared([self._piece(ids, text, text.marked)] if ids else [])
        return Prepared(list(self._split(text)))

    def _prepare_apart(self, text: str) -> Prepared | None:
        """A text that the model is not asked about as a whole: the memory has it or a sentence of it, or it has lines.

        A value of CSV or JSON may hold line ends: its lines are answered one by one and the line ends kept.
        """
        inner = text.strip() if self._memory else ""
        if inner in self._memory:
            known = self._memory[inner]
            return _put_back(surrounding_spaces(text), Prepared([], known, (inner,), ((inner, known),)))
        if "\n" in text:
            return self._prepare_parts(_LINE_END.split(text))
        sentences = split_sentences(inner, self._src_lang) if self._memory else []
        if len(sentences) > 1 and not self._memory.keys().isdisjoint(sentences):
            parts = [part for sentence in sentences for part in (self._separator, sentence)]
            return _put_back(surrounding_spaces(text), self._prepare_parts(parts[1:]))
        return None

    def _prepare_parts(self, parts: Sequence[str]) -> Prepared:
        """Answers texts, at even places, one by one, and keeps what stands between them."""
        pieces: list[Piece] = []
        between = ""
        given: Given = ()
        remembered: tuple[str, ...] = ()
        for position, part in enumerate(parts):
            if position % 2:
                between += part
                continue
            (prepared,) = self.prepare([part])
            remembered += prepared.remembered
            for piece in prepared.pieces:
                pieces.append(replace(piece, before=between + piece.before, given=given + piece.given))
                between, given = "", ()
            after = prepared.after if prepared.pieces else prepared.after or part
            between += after
            given += prepared.given if prepared.pieces or prepared.given else _as_given(part, after)
        return Prepared(pieces, between, remembered, given)

    def split(self, text: str) -> Iterator[Piece]:
        """Yields the sentences of a text without line ends, and parts of those that are too long."""
        return self._split(_Protected(text))

    def _split(self, text: _Protected) -> Iterator[Piece]:
        before, spans = "", iter(text.spans)
        for sentence in split_sentences(text.marked, self._src_lang):
            fragments = _split_by_marks(sentence) if text.spans else [sentence]
            for number, fragment in enumerate(fragments):
                if number > 0 and not fragment.startswith(" "):
                    before = ""
                fragment = fragment.lstrip(" ")
                protected = text.part(fragment, spans)
                ids = self._encode(fragment)
                fits = len(ids) <= self._max_tokens
                parts = [(ids, fragment)] if fits else list(self._split_sentence(fragment))
                is_cut = len(parts) > 1 or len(fragments) > 1
                for part_ids, part in parts:
                    if part_ids:
                        yield self._piece(part_ids, protected, part, before, is_cut=is_cut)
                        before = self._separator

    def _split_sentence(self, sentence: str) -> Iterator[tuple[list[int], str]]:
        """Yields the parts of a sentence that fit, as ids and as text; that is empty of those cut inside words."""
        words, lens = self._words(sentence)
        start = 0
        while start < len(words):
            end = self._last_fitting(lens, start)
            if end < len(words):
                end = _prefer_clause_end(words, start, end)
            # Ids of words together may be more than those of each: what is left of a word or of this is cut anywhere.
            text = "".join(words[start:end]).strip()
            ids = self._encode(text)
            for position in range(0, len(ids), self._max_tokens):
                yield ids[position : position + self._max_tokens], text if len(ids) <= self._max_tokens else ""
            start = end

    def _words(self, sentence: str) -> tuple[list[str], list[int]]:
        """What a sentence may be cut between, and how many ids each has.

        Without spaces between words that are clauses, and the characters of those that are too long.
        """
        if self._has_spaces:
            words = _WORD.findall(sentence)
            return words, [len(ids) for ids in self._encode_batch(words)]
        clauses = _CLAUSE.findall(sentence)
        fitting = [len(ids) <= self._max_tokens for ids in self._encode_batch(clauses)]
        words = [word for clause, fits in zip(clauses, fitting, strict=True) for word in ([clause] if fits else clause)]
        return words, [len(ids) for ids in self._encode_batch(words)]

    def _piece(self, ids: list[int], text: _Protected, marked: str, before: str = "", *, is_cut: bool = False) -> Piece:
        """A piece of a text, or all of it: what ``marked`` says, if that is known."""
        if not text.spans:
            return Piece(ids, before, is_cut, text=marked, in_capitals=text.in_capitals)
        marked = marked or self._tokenizer.decode(ids, self._src_lang)
        spans = dict(zip(iter_marks(text.marked), text.spans, strict=True))
        here = {mark: spans[mark] for mark in iter_marks(marked)}
        return Piece(
            ids,
            before,
            is_cut,
            text=marked,
            spans={mark: target or source for mark, (source, target) in here.items()},
            terms={mark: source for mark, (source, target) in here.items() if target},
            in_capitals=text.in_capitals,
        )

    def _encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, self._src_lang)

    def _encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        return self._tokenizer.encode_batch(texts, self._src_lang)

    def _last_fitting(self, lens: list[int], start: int) -> int:
        """Returns the end of the longest run of words from ``start`` that fits, at least one word."""
        end, total = start + 1, lens[start]
        while end < len(lens) and total + lens[end] <= self._max_tokens:
            total += lens[end]
            end += 1
        return end


def surrounding_spaces(text: str) -> tuple[str, str]:
    """Returns the white space that a text begins with, and that it ends with."""
    inner = text.lstrip()
    return text[: len(text) - len(inner)], inner[len(inner.rstrip()) :]


def _as_given(text: str, answer: str) -> Given:
    """What does not go through the model, but for spaces around it."""
    return ((text.strip(), answer.strip()),) if text.strip() else ()


def _put_back(margins: tuple[str, str], prepared: Prepared) -> Prepared:
    before, after = margins
    if not before + after:
        return prepared
    if not prepared.pieces:
        return replace(prepared, after=f"{before}{prepared.after}{after}") if prepared.after else prepared
    first, *others = prepared.pieces
    first = replace(first, before=before + first.before, given=_as_given(before, before) + first.given)
    return replace(prepared, pieces=[first, *others], after=prepared.after + after)


def _split_by_marks(sentence: str) -> list[str]:
    """Cuts a sentence so that no part has more marks than there are different ones; before a space where it can."""
    fragments = []
    while len(places := list(islice(iter_mark_places(sentence), len(MARKS) + 1))) > len(MARKS):
        space = sentence.rfind(" ", places[-2] + 1, places[-1])
        end = places[-1] if space < 0 else space
        fragments.append(sentence[:end])
        sentence = sentence[end:]
    return [*fragments, sentence]


def _prefer_clause_end(words: list[str], start: int, end: int) -> int:
    """Returns the last end of a clause in the second half of a run of words, else the run's own end."""
    for position in range(end, start + (end - start) // 2, -1):
        if words[position - 1].endswith(_CLAUSE_ENDS):
            return position
    return end
