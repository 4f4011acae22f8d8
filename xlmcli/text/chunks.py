"""Encoding of lines by what stands between their spaces, looked up where it has been seen before.

Moses' rules look at the neighbouring characters at most, and a space shields a chunk from the next one, with few
exceptions: an apostrophe after another, a comma at the start of the line, and the like. A line with such an exception
is tokenised as a whole; whether a full stop stays with a word is found out by what follows. The result is always that
of the whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain, pairwise

from xlmcli.text.bpe import Ids, WordEncoder
from xlmcli.text.moses_data import character_class
from xlmcli.text.moses_normalization import NORMALIZED_CHARACTERS, QUOTE_BEFORE_STOP_LANGS
from xlmcli.text.moses_tokenization import APOSTROPHE_LANGS, OTHER_WORD
from xlmcli.text.words import MosesSplitter

# What normalisation makes a comma, an apostrophe or a quotation mark of.
_COMMAS = ",，、"
_APOSTROPHES = "'‘’‚`´"
_QUOTES = f'"„“”«»《》「」{_APOSTROPHES}'
_STOP_BEFORE_QUOTE = re.compile(rf"[.…][{_QUOTES}]+$")

# Spaces separate like the plain one, but the no-break space also joins numbers and goes with its quotation mark.
_NBSP = "\N{NO-BREAK SPACE}"
_FRENCH_SPACES = (_NBSP, "\N{NARROW NO-BREAK SPACE}")
_MEANINGFUL_SPACE = re.compile(rf"\d{_NBSP}\d|{_NBSP}[«»]|[«»]{_NBSP}")

# Marks that are words of their own wherever they stand, and so does the full stop unless the word is an abbreviation.
_STOP = "."
_MARKS = f",;:!?،؛؟।॥{_STOP}"

_END = ""

_MAX_CACHED_CHARACTERS = 1 << 20


class _Learned(dict[str, Ids]):
    """The ids of chunks; one that is not there is learned when it is asked for."""

    def __init__(self, learn: Callable[[str], Ids]) -> None:
        super().__init__()
        self._learn = learn

    def __missing__(self, chunk: str) -> Ids:
        ids = self[chunk] = self._learn(chunk)
        return ids


class ChunkedEncoder:
    """Encodes lines of one language of Moses'."""

    def __init__(self, splitter: MosesSplitter, words: WordEncoder) -> None:
        """Prepares the language.

        Args:
            splitter: Splits whole lines, and tells the language.
            words: Encodes words.
        """
        self._splitter = splitter
        self._words = words
        self._apostrophes = frozenset(_APOSTROPHES if splitter.lang in APOSTROPHE_LANGS else "")
        self._starts = self._apostrophes.union(_COMMAS)
        self._heeds_quotes = splitter.lang in QUOTE_BEFORE_STOP_LANGS
        letters = character_class(splitter.tokenizer.alphanumeric - NORMALIZED_CHARACTERS)
        self._bare = re.compile(rf"[{letters}\-]+")
        self._marked = re.compile(rf"([{letters}\-]+)([{_MARKS}])")
        self._inner = _Learned(self._learn_inner)
        self._last = _Learned(self._learn_last)
        # Of `_inner`, those that other ids belong to before some chunks.
        self._undecided: set[str] = set()
        self._num_cached_characters = 0

    def encode(self, text: str) -> list[int]:
        """Returns the ids of one line."""
        chunks = self._split(text)
        if chunks is None:
            return self._encode_whole(text)
        last = chunks.pop()
        ids = [*chain.from_iterable(map(self._inner.__getitem__, chunks)), *self._last[last]]
        if not self._undecided.isdisjoint(chunks):
            ids = self._encode_each([*chunks, last]) or self._encode_whole(text)
        if self._num_cached_characters > _MAX_CACHED_CHARACTERS:
            self._forget()
        return ids

    def _split(self, text: str) -> list[str] | None:
        """Returns the chunks of a line, or None if its ends or its spaces act on them."""
        if not text.isprintable():
            if _MEANINGFUL_SPACE.search(text):
                return None
            for space in _FRENCH_SPACES:
                text = text.replace(space, " ")
            # Rarer spaces are not worth the time, and what is no space does not separate.
            if not text.isprintable():
                return None
        chunks = text.split()
        if not chunks or chunks[0][0] in self._starts:
            return None
        # Moses takes a space after the line's last quotation mark for something that follows.
        return None if text.endswith(" ") and self._puts_stop_last(chunks[-1]) else chunks

    def _encode_whole(self, text: str) -> list[int]:
        return list(self._words.encode(self._splitter.split(text)))

    def _encode_each(self, chunks: list[str]) -> list[int] | None:
        """Returns the ids of a line's chunks, each by what follows, or None if they have to be seen together."""
        ids: list[int] = []
        for chunk, following in pairwise(chunks):
            if chunk not in self._undecided:
                ids += self._inner[chunk]
            elif self._puts_stop_last(chunk):
                return None
            elif chunk[-1] in self._apostrophes:
                if following[0] in self._apostrophes:
                    return None
                ids += self._inner[chunk]
            else:
                first, *_ = self._split_chunk(following, _END)
                ids += self._words.encode(self._split_chunk(chunk, self._splitter.tokenizer.word_like(first)))
        ids += self._last[chunks[-1]]
        return ids

    def _learn_inner(self, chunk: str) -> Ids:
        self._num_cached_characters += len(chunk) + 1
        # Most chunks are words, and this is the short way for them.
        if self._bare.fullmatch(chunk):
            return self._words.encode_word(self._splitter.spell(chunk))
        words = self._split_chunk(chunk, OTHER_WORD)
        if words[-1] == _STOP or chunk[-1] in self._apostrophes or self._puts_stop_last(chunk):
            self._undecided.add(chunk)
        return self._words.encode(words)

    def _learn_last(self, chunk: str) -> Ids:
        self._num_cached_characters += len(chunk) + 1
        return self._words.encode(self._split_chunk(chunk, _END))

    def _split_chunk(self, chunk: str, following: str) -> list[str]:
        """Returns the words of a chunk that is not the first and stands before a given word or at the end."""
        if self._bare.fullmatch(chunk):
            return [self._splitter.spell(chunk)]
        if match := self._marked.fullmatch(chunk):
            word, mark = self._splitter.spell(match[1]), match[2]
            keeps_stop = mark == _STOP and self._splitter.tokenizer.keeps_stop(word, following)
            return [word + mark] if keeps_stop else [word, mark]
        if not following:
            return self._splitter.split(f"{OTHER_WORD} {chunk}")[1:]
        return self._splitter.split(f"{OTHER_WORD} {chunk} {following}")[1:-1]

    def _puts_stop_last(self, chunk: str) -> bool:
        """Tells whether a chunk's full stop and quotation mark may change places, depending on what follows."""
        return self._heeds_quotes and _STOP_BEFORE_QUOTE.search(chunk) is not None

    def _forget(self) -> None:
        self._inner.clear()
        self._last.clear()
        self._undecided.clear()
        self._num_cached_characters = 0
