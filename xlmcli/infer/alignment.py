"""Which words of a translation stand for which of its text, by where the model looked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from xlmcli.infer.engine import TranslationEngine
from xlmcli.infer.guards import PieceTranslation
from xlmcli.infer.pieces import Piece
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
        self, text: str, translation: str, pieces: Sequence[Piece], results: Sequence[PieceTranslation], rank: int
    ) -> Alignment:
        """Links the words of a text to those of one of its translations.

        A word is linked to the one that its pieces looked at most.

        Args:
            text: The text.
            translation: The translation.
            pieces: What of the text went through the model.
            results: What became of each piece.
            rank: Which translation it is, from 0.
        """
        words, others = find_words(text, self._direction.src), find_words(translation, self._direction.tgt)
        if not pieces:  # It is its own translation, or that was given.
            number = range(len(words) if len(words) == len(others) else 0)
            return Alignment(words, others, list(zip(number, number, strict=True)))
        parts = [
            part
            for number, (piece, result) in enumerate(zip(pieces, results, strict=True))
            for part in self._parts(str(number), piece, result, rank)
        ]
        source = _Side([spelling for part in parts for spelling in part.source], text, words)
        target = _Side([spelling for part in parts for spelling in part.target], translation, others)
        seen = target.memberships().T @ _diagonal([part.attention for part in parts]) @ source.memberships()
        links = {number: int(row.argmax()) for number, row in enumerate(seen) if row.any()}
        ones, twos = source.span_words(), target.span_words()
        for mark in ones.keys() & twos.keys():
            if len(ones[mark]) == len(twos[mark]):
                links.update(zip(twos[mark], ones[mark], strict=True))
        return Alignment(words, others, sorted((one, other) for other, one in links.items()))

    def _parts(self, number: str, piece: Piece, result: PieceTranslation, rank: int) -> Iterator[_Part]:
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


class _Side:
    """The pieces and the words of a text."""

    def __init__(self, spellings: Sequence[_Spelling], text: str, words: Sequence[Word]) -> None:
        self._marks = [spelling.mark for spelling in spellings]
        self._words = [
            [number for number, word in enumerate(words) if place and place[0] < word.end and word.start < place[1]]
            for place in find_parts([spelling.text for spelling in spellings], text)
        ]
        self._num_words = len(words)

    def memberships(self) -> Attention:
        """Which pieces belong to which words, (pieces, words), 0 or 1."""
        found = np.zeros((len(self._words), self._num_words), np.float32)
        for row, columns in enumerate(self._words):
            found[row, columns] = 1
        return found

    def span_words(self) -> dict[str, list[int]]:
        """The words of each protected span, by its mark."""
        return {mark: words for mark, words in zip(self._marks, self._words, strict=True) if mark}


def _diagonal(blocks: Sequence[Attention]) -> Attention:
    """One after the other on the diagonal of a matrix of zeros."""
    whole = np.zeros(tuple(sum(block.shape[axis] for block in blocks) for axis in (0, 1)), np.float32)
    row = column = 0
    for block in blocks:
        whole[row : row + block.shape[0], column : column + block.shape[1]] = block
        row, column = row + block.shape[0], column + block.shape[1]
    return whole
