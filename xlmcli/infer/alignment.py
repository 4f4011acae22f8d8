"""Which words of a translation stand for which of its text, by where the model looked."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from xlmcli.infer.engine import TranslationEngine
from xlmcli.infer.guards import PieceTranslation
from xlmcli.infer.pieces import Given
from xlmcli.records import Direction
from xlmcli.text import Tokenizer
from xlmcli.text.places import PieceSpeller, Word, find_parts, find_words, word_splitter

Attention = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Alignment:
    """Links between the words of a text and those of its translation.

    Attributes:
        source: The words of the text.
        target: Those of the translation.
        links: Numbers of a word of the text and one of the translation, from 0, in order.
    """

    source: Sequence[Word] = ()
    target: Sequence[Word] = ()
    links: Sequence[tuple[int, int]] = ()

    def sources_at(self, start: int, end: int) -> range:
        """The words of the text that stand in a place of it, by number."""
        return range(
            bisect_right(self.source, start, key=attrgetter("end")),
            bisect_left(self.source, end, key=attrgetter("start")),
        )

    def format(self) -> str:
        """Returns the links as Pharaoh wrote them: ``0-0 1-2``."""
        return " ".join(f"{source}-{target}" for source, target in self.links)


class _Spelling(NamedTuple):
    """What a piece stands for in a text, and the mark if that is a protected span, which is on both sides."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    """What was translated at once: what each piece stands for, and where those of the translation looked."""

    source: Sequence[_Spelling]
    target: Sequence[_Spelling]
    attention: Attention


class PendingPieces(Protocol):
    """Pieces of texts in the engine's hands."""

    def wait(self) -> list[PieceTranslation]:
        """Blocks until they are translated."""


class SymmetricTranslations:
    """Translations whose attention counts as far as the opposite direction agrees.

    Args:
        pending: The translations.
        back: The same model in the opposite direction.
    """

    def __init__(self, pending: PendingPieces, back: TranslationEngine) -> None:
        self._pending = pending
        self._back = back

    def wait(self) -> list[PieceTranslation]:
        """Blocks until both directions are done."""
        results = self._pending.wait()
        asked = [[ids for ids in result.order if not isinstance(ids, str)] for result in results]
        pairs = [
            (ids, hypothesis)
            for result, sources in zip(results, asked, strict=True)
            for ids, said in zip(sources, result.translated, strict=True)
            for hypothesis in said.hypotheses
        ]
        seen = iter(self._look_back(pairs))
        return [
            replace(
                result,
                translated=[
                    replace(said, attention=[forth * next(seen).T for forth in said.attention])
                    for said in result.translated
                ],
            )
            for result in results
        ]

    def _look_back(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[Attention]:
        """Where each text's pieces look in its translation; all ones where that is too long to be read, or empty."""
        found = [np.ones((len(text), len(translation)), np.float32) for text, translation in pairs]
        fitting = [row for row, (text, said) in enumerate(pairs) if self._back.can_force(said, text)]
        if fitting:
            texts, translations = ([pairs[row][side] for row in fitting] for side in (0, 1))
            for row, attention in zip(fitting, self._back.force(translations, texts), strict=True):
                found[row] = attention
        return found


class WordAligner:
    """Folds attention between pieces to links between words.

    Args:
        tokenizer: The model's.
        direction: From and to.

    Raises:
        MissingExtraError: A language is written without spaces, and its words' library is not installed.
    """

    def __init__(self, tokenizer: Tokenizer, direction: Direction) -> None:
        self._direction = direction
        self._speller = PieceSpeller(tokenizer)
        for lang in (direction.src, direction.tgt):
            word_splitter(lang)

    def align(
        self, text: str, translation: str, results: Sequence[PieceTranslation], rank: int, given: Given = ()
    ) -> Alignment:
        """Links the words of a text to those of one of its translations.

        A word is linked to the one that its pieces looked at most; of what did not go through the model only what stays
        is linked, to itself.

        Args:
            text: The text.
            translation: The translation.
            results: What became of each piece that went through the model.
            rank: Which translation it is, from 0.
            given: Parts of the text behind those pieces that did not go through the model, and what became of each.
        """
        others = find_words(translation, self._direction.tgt)
        # What is its own translation may be in that language already.
        words = others if text == translation else find_words(text, self._direction.src)
        if not results and not given:  # It is that, or nothing but terms.
            num_links = len(words) if len(words) == len(others) else 0
            return Alignment(words, others, [(number, number) for number in range(num_links)])
        parts = [part for number, result in enumerate(results) for part in self._parts(str(number), result, rank)]
        parts += _given_parts("", given)
        source = _Side([spelling for part in parts for spelling in part.source], text, words)
        target = _Side([spelling for part in parts for spelling in part.target], translation, others)
        seen: dict[int, tuple[float, int]] = {}
        row = column = 0
        for part in parts:
            rows, columns = len(part.target), len(part.source)
            for number, weight, word in _fold(
                part.attention, target.words[row : row + rows], source.words[column : column + columns]
            ):
                seen[number] = max(seen.get(number, (0.0, 0)), (weight, word))
            row, column = row + rows, column + columns
        links = {number: word for number, (_, word) in seen.items()}
        ones, twos = source.span_words(), target.span_words()
        for mark in ones.keys() & twos.keys():
            if len(ones[mark]) == len(twos[mark]):
                links.update(zip(twos[mark], ones[mark], strict=True))
        return Alignment(words, others, sorted((one, other) for other, one in links.items()))

    def _parts(self, number: str, result: PieceTranslation, rank: int) -> Iterator[_Part]:
        piece = result.piece
        yield from _given_parts(number, piece.given)
        translated, sources = iter(result.translated), {**piece.spans, **piece.terms}
        for place, asked in enumerate(result.order):
            if isinstance(asked, str):
                sides = [_Spelling(spans.get(asked, asked), f"{number} {place}") for spans in (sources, piece.spans)]
                yield _Part(sides[:1], sides[1:], np.ones((1, 1), np.float32))
                continue
            said = next(translated)
            yield _Part(
                self._spellings(asked, self._direction.src, sources, number),
                self._spellings(said.hypotheses[rank], self._direction.tgt, piece.spans, number),
                said.attention[rank],
            )

    def _spellings(self, ids: Sequence[int], lang: str, spans: Mapping[str, str], number: str) -> list[_Spelling]:
        """What each piece stands for."""
        texts = self._speller.spell(ids, lang)
        return [_Spelling(spans[text], number + text) if text in spans else _Spelling(text) for text in texts]


def _given_parts(number: str, given: Given) -> Iterator[_Part]:
    """What did not go through the model; nothing is known of which words of it belong together where it changed."""
    for place, (text, answer) in enumerate(given):
        if text == answer:
            side = [_Spelling(text, f"{number} given {place}")]
            yield _Part(side, side, np.ones((1, 1), np.float32))
        else:
            yield _Part([_Spelling(text)], [_Spelling(answer)], np.zeros((1, 1), np.float32))


class _Side:
    """The pieces of a text.

    Attributes:
        words: The numbers of each piece's words.
    """

    def __init__(self, spellings: Sequence[_Spelling], text: str, words: Sequence[Word]) -> None:
        self._marks = [spelling.mark for spelling in spellings]
        starts, ends = [word.start for word in words], [word.end for word in words]
        self.words = [
            () if place is None else range(bisect_right(ends, place[0]), bisect_left(starts, place[1]))
            for place in find_parts([spelling.text for spelling in spellings], text)
        ]

    def span_words(self) -> dict[str, Sequence[int]]:
        """The words of each protected span, by its mark."""
        return {mark: words for mark, words in zip(self._marks, self.words, strict=True) if mark}


def _fold(
    attention: Attention, target: Sequence[Sequence[int]], source: Sequence[Sequence[int]]
) -> Iterator[tuple[int, float, int]]:
    """Yields each word of a translation, how much it looked at the word that it looked at most, and that word.

    Args:
        attention: Between pieces.
        target: The words of each piece of the translation.
        source: The words of each piece of the text.
    """
    words, others = (sorted({word for piece in side for word in piece}) for side in (target, source))
    seen = _memberships(target, words).T @ attention @ _memberships(source, others)
    for word, row in zip(words, seen, strict=True):
        if row.any():
            yield word, float(row.max()), others[int(row.argmax())]


def _memberships(pieces: Sequence[Sequence[int]], words: Sequence[int]) -> Attention:
    """Which pieces belong to which words, (pieces, words), 0 or 1."""
    columns = {word: column for column, word in enumerate(words)}
    found = np.zeros((len(pieces), len(words)), np.float32)
    for row, piece in enumerate(pieces):
        found[row, [columns[word] for word in piece]] = 1
    return found
