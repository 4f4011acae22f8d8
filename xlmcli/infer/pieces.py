"""Texts to sequences of ids that fit the model, with nothing lost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xlmcli.text import Tokenizer
from xlmcli.text.sentences import sentence_separator, split_sentences

_LINE_END = re.compile(r"(\r?\n)")
_WORD = re.compile(r"\s*\S+")
_CLAUSE_ENDS = (",", ";", ":", ")", "—", "–", "،", "，", "、")


@dataclass(frozen=True, slots=True)
class Piece:
    """What goes through the model at once.

    Attributes:
        ids: Ids without special tokens, at least one.
        before: What stands before its answer when the answers of a text are joined.
        is_cut: Whether it starts or ends inside a sentence because the sentence is too long.
        lang: Language of the text, where it is told with every text.
        is_second: Whether it belongs to the second text of a pair whose texts are asked about apart.
    """

    ids: list[int]
    before: str = ""
    is_cut: bool = False
    lang: str | None = None
    is_second: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text as pieces.

    Attributes:
        pieces: In order; none if there is nothing to ask the model.
        after: What stands after the answer of the last piece.
    """

    pieces: list[Piece]
    after: str = ""


class PieceMaker:
    """Tokenises texts and splits those that are too long: at line ends, at sentence ends, between words, inside words.

    Args:
        tokenizer: The model's.
        max_tokens: Longest sequence of ids, special tokens not counted.
        src_lang: Language of the texts.
        tgt_lang: Language of the answers, which says how they are joined.
    """

    def __init__(self, tokenizer: Tokenizer, max_tokens: int, src_lang: str, tgt_lang: str) -> None:
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._src_lang = src_lang
        self._separator = sentence_separator(tgt_lang)

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        """Returns every text as pieces, in order."""
        all_ids = self._encode_batch(["" if "\n" in text else text for text in texts])
        return [self._prepare(text, ids) for text, ids in zip(texts, all_ids, strict=True)]

    def _prepare(self, text: str, ids: list[int]) -> Prepared:
        if "\n" in text:
            return self._prepare_lines(text)
        if len(ids) <= self._max_tokens:
            return Prepared([Piece(ids)] if ids and not text.isspace() else [])
        return Prepared(list(self.split(text)))

    def _prepare_lines(self, text: str) -> Prepared:
        """A value of CSV or JSON may hold line ends: its lines are answered one by one and the line ends kept."""
        pieces: list[Piece] = []
        between = ""
        for position, part in enumerate(_LINE_END.split(text)):
            if position % 2:
                between += part
                continue
            prepared = self._prepare(part, self._encode(part))
            for piece in prepared.pieces:
                pieces.append(Piece(piece.ids, between + piece.before, piece.is_cut))
                between = ""
        return Prepared(pieces, between)

    def split(self, text: str) -> Iterator[Piece]:
        """Yields the sentences of a text without line ends, and parts of those that are too long."""
        before = ""
        for sentence in split_sentences(text, self._src_lang):
            ids = self._encode(sentence)
            parts = [ids] if len(ids) <= self._max_tokens else list(self._split_sentence(sentence))
            for part in parts:
                if part:
                    yield Piece(part, before, is_cut=len(parts) > 1)
                    before = self._separator

    def _split_sentence(self, sentence: str) -> Iterator[list[int]]:
        words = _WORD.findall(sentence)
        lens = [len(ids) for ids in self._encode_batch(words)]
        start = 0
        while start < len(words):
            end = self._last_fitting(lens, start)
            if end < len(words):
                end = _prefer_clause_end(words, start, end)
            # Ids of words together may be more than those of each: what is left of a word or of this is cut anywhere.
            ids = self._encode("".join(words[start:end]))
            for position in range(0, len(ids), self._max_tokens):
                yield ids[position : position + self._max_tokens]
            start = end

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


def _prefer_clause_end(words: list[str], start: int, end: int) -> int:
    """Returns the last end of a clause in the second half of a run of words, else the run's own end."""
    for position in range(end, start + (end - start) // 2, -1):
        if words[position - 1].endswith(_CLAUSE_ENDS):
            return position
    return end
