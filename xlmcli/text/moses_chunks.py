"""Encoding of lines by what stands between their spaces, looked up where it has been seen before.

Moses' rules look at the neighbouring characters at most, and a space shields a chunk from the next one, with few
exceptions: an apostrophe after another, a comma at the start of the line, and the like. A line with such an exception
is tokenised as a whole; whether a full stop stays with a word is found out by what follows. The result is always that
of the whole.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

from xlmcli.text.bpe import Ids, WordEncoder
from xlmcli.text.moses_data import character_class
from xlmcli.text.moses_normalization import (
    NORMALIZED_CHARACTERS,
    QUOTE_AFTER_STOP_LANG,
    QUOTE_BEFORE_STOP_LANGS,
    normalize_punctuation,
)
from xlmcli.text.moses_tokenization import APOSTROPHE_LANGS, OTHER_WORD
from xlmcli.text.words import MosesSplitter

# What normalisation makes a comma, a full stop, an apostrophe or a quotation mark of.
_COMMAS = ",，、"
_STOPS = ".。．"
_APOSTROPHES = "'‘’‚`´"
_QUOTES = '"„“”«»《》「」'
_STOP_BEFORE_QUOTE = re.compile(rf"[.…][{_QUOTES}{_APOSTROPHES}]+$")

# Spaces separate like the plain one, but the no-break space also joins numbers and goes with its quotation mark.
_NBSP = "\N{NO-BREAK SPACE}"
_FRENCH_SPACES = (_NBSP, "\N{NARROW NO-BREAK SPACE}")
_MEANINGFUL_SPACE = re.compile(rf"\d{_NBSP}\d|{_NBSP}[«»]|[«»]{_NBSP}")

# Marks that are words of their own wherever they stand, and so does the full stop unless the word is an abbreviation.
_STOP = "."
_MARKS = frozenset(f",;:!?،؛؟।॥{_STOP}")
_END = ""

_MAX_CACHED_CHARACTERS = 1 << 20


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
        self._puts_stops_last = splitter.lang in QUOTE_BEFORE_STOP_LANGS
        self._puts_stops_first = splitter.lang == QUOTE_AFTER_STOP_LANG
        # The last characters of chunks that may be read by what follows.
        quotes = _QUOTES + _APOSTROPHES if self._puts_stops_last else ""
        self._open_ends = self._apostrophes.union(_STOPS, quotes)
        word, self._plain, self._parts = _patterns(splitter.tokenizer.alphanumeric)
        self._is_word = word.fullmatch
        # Ids of other chunks, of chunks at the end of a line, and of chunks with open ends before a word of some kind.
        self._inner: dict[str, Ids] = {}
        self._last: dict[str, Ids] = {}
        self._open: dict[tuple[str, str], Ids] = {}
        self._num_cached_characters = 0

    def encode(self, text: str) -> list[int]:
        """Returns the ids of one line."""
        if self._num_cached_characters > _MAX_CACHED_CHARACTERS:
            self._forget()
        chunks = text.split() if text.isprintable() else _split_at_spaces(text)
        if not chunks or chunks[0][0] in self._starts:
            return self._encode_whole(text)
        inner = self._inner
        ids: list[int] = []
        for chunk, following in pairwise(chunks):
            found = inner.get(chunk)
            if found is None:
                found = self._encode_inner(chunk, following)
                if found is None:
                    return self._encode_whole(text)
            ids += found
        last = chunks[-1]
        # Moses takes a space after the line's last quotation mark for something that follows.
        if text[-1].isspace() and self._puts_stop_last(last):
            return self._encode_whole(text)
        found = self._last.get(last)
        if found is None:
            found = self._last[last] = self._learn(last, _END)
        ids += found
        return ids

    def _encode_whole(self, text: str) -> list[int]:
        return self._words.encode(self._splitter.split(text))

    def _encode_inner(self, chunk: str, following: str) -> Ids | None:
        """Returns the ids of a chunk before another, or None if they have to be seen together."""
        if chunk[-1] not in self._open_ends:
            ids = self._inner[chunk] = self._learn(chunk, OTHER_WORD)
            return ids
        if self._puts_stop_last(chunk) or (chunk[-1] in self._apostrophes and following[0] in self._apostrophes):
            return None
        first = following[0]
        if first in NORMALIZED_CHARACTERS:
            first = normalize_punctuation(first, self._splitter.lang)
        word = self._splitter.tokenizer.word_like(first)
        known = self._open.get((chunk, word))
        if known is None:
            known = self._open[chunk, word] = self._learn(chunk, word)
        return known

    def _learn(self, chunk: str, following: str) -> Ids:
        """Returns the ids of a chunk that is not the first and stands before a given word or at the end."""
        # Most chunks are a word, or a word and a mark, and these are the short ways for them.
        if self._is_word(chunk):
            return self._encode_word(chunk)
        self._num_cached_characters += len(chunk) + 1
        word, mark = chunk[:-1], chunk[-1]
        if mark in _MARKS and self._is_word(word):
            if mark == _STOP and self._splitter.tokenizer.keeps_stop(self._splitter.spell(word), following):
                return self._words.encode_word(self._splitter.spell(chunk))
            return self._encode_word(word) + self._words.encode_word(mark)
        return tuple(self._words.encode(self._split_chunk(chunk, following)))

    def _encode_word(self, word: str) -> Ids:
        """Returns the ids of a word that is a chunk, too: they are the same wherever it stands."""
        ids = self._inner.get(word)
        if ids is None:
            self._num_cached_characters += len(word) + 1
            ids = self._inner[word] = self._words.encode_new_word(self._splitter.spell(word))
        return ids

    def _split_chunk(self, chunk: str, following: str) -> list[str]:
        # What matches needs none of Moses' rules but that of full stops.
        if match := self._plain.fullmatch(chunk):
            body, stops = match.groups()
            words = self._split_plain(body)
            if not stops:
                return words
            *others, last = words
            if stops == _STOP and self._is_word(body[-1]) and self._splitter.tokenizer.keeps_stop(last, following):
                return [*others, last + stops]
            if not (self._puts_stops_first and last == '"'):
                return [*words, stops]
        if not following:
            return self._splitter.split(f"{OTHER_WORD} {chunk}")[1:]
        return self._splitter.split(f"{OTHER_WORD} {chunk} {following}")[1:-1]

    def _split_plain(self, text: str) -> list[str]:
        words = self._parts.findall(self._splitter.spell(text))
        return ['"' if word in _QUOTES else word for word in words]

    def _puts_stop_last(self, chunk: str) -> bool:
        """Tells whether a chunk's full stop and quotation mark may change places, depending on what follows."""
        return self._puts_stops_last and _STOP_BEFORE_QUOTE.search(chunk) is not None

    def _forget(self) -> None:
        self._inner.clear()
        self._last.clear()
        self._open.clear()
        self._num_cached_characters = 0


@cache
def _patterns(alphanumeric: frozenset[str]) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Returns what matches words, what matches chunks without surprises, and what finds the words of the latter.

    Such a chunk has no apostrophe, no comma but the last character, and full stops between letters or at its end. All
    that is no letter is a word of its own then, and where normalisation puts or takes spaces makes no difference.
    """
    letters = rf"{character_class(alphanumeric - NORMALIZED_CHARACTERS)}\-"
    letter = f"[{letters}]"
    normalized = character_class(NORMALIZED_CHARACTERS - frozenset(_QUOTES))
    other = rf"[^\s.,'`{normalized}]"
    return (
        re.compile(f"{letter}+"),
        re.compile(rf"({other}+(?:(?<={letter})\.(?={letter}){other}+)*)(\.+|,)?"),
        re.compile(rf"[{letters}.]+|[^.]"),
    )


def _split_at_spaces(text: str) -> list[str]:
    """Returns the chunks of a line with no-break spaces, none if they do more than to separate."""
    if _MEANINGFUL_SPACE.search(text):
        return []
    for space in _FRENCH_SPACES:
        text = text.replace(space, " ")
    # Rarer spaces are not worth the time, and what is no space does not separate.
    return text.split() if text.isprintable() else []
