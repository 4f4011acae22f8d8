"""Encoding of lines by what stands between their spaces, looked up where it has been seen before.

Moses' rules look at the neighbouring characters at most, and a space shields a chunk from the next one, with few
exceptions: a comma or an apostrophe at an end of the line, and the like. A line with such an exception is tokenised as
a whole; whether a full stop stays with a word is looked up by what follows. The result is always that of the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain, islice, pairwise
from typing import NamedTuple

from xlmcli.text.bpe import Ids, WordEncoder
from xlmcli.text.moses_data import character_class
from xlmcli.text.moses_normalization import NORMALIZED_CHARACTERS, QUOTE_BEFORE_STOP_LANGS
from xlmcli.text.moses_tokenization import APOSTROPHE_LANGS
from xlmcli.text.words import MosesSplitter

# What normalisation makes a comma, an apostrophe or a quotation mark of.
_COMMAS = ",，、"
_APOSTROPHES = "'‘’‚`´"
_QUOTES = f'"„“”«»《》「」{_APOSTROPHES}'
_APOSTROPHES_APART = re.compile(rf"[{_APOSTROPHES}]\s+[{_APOSTROPHES}]")
_SPACED_APOSTROPHES = tuple(f" {apostrophe}" for apostrophe in _APOSTROPHES)
_STOP_BEFORE_QUOTE = re.compile(rf"[.…][{_QUOTES}]")

# Spaces separate like the plain one, but the no-break space also joins numbers and goes with its quotation mark.
_SPACES = dict.fromkeys([0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " ")
_MEANINGFUL_SPACE = re.compile("\\d\u00a0\\d|\u00a0[«»]|[«»]\u00a0")

# Marks that are words of their own wherever they stand, and so does the full stop unless the word is an abbreviation.
_MARKS = ",;:!?،؛؟।॥"
_STOP = "."

# Goes on a word that separates chunks.
_FENCE = "fence"

_MAX_CACHED_CHARACTERS = 1 << 20
_LINES_AT_ONCE = 1024


def _has_apostrophes_apart(text: str) -> bool:
    # Most lines can be told without a regular expression, which takes as long as all the rest.
    return any(mark in text for mark in _SPACED_APOSTROPHES) and _APOSTROPHES_APART.search(text) is not None


def _has_stop_before_quote(text: str) -> bool:
    has_stop = "." in text[:-1] or "…" in text
    return has_stop and _STOP_BEFORE_QUOTE.search(text) is not None


class _OpenChunk(NamedTuple):
    """A chunk whose final full stop belongs to its last word or not, depending on what follows.

    Attributes:
        ids: With the full stop apart.
        joined: Words, with the full stop at the last one: before a word in lower case.
        joins_number: Whether a number that follows is enough for that.
    """

    ids: Ids
    joined: Sequence[str]
    joins_number: bool


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
        self._heeds_apostrophes = splitter.lang in APOSTROPHE_LANGS
        self._heeds_quotes = splitter.lang in QUOTE_BEFORE_STOP_LANGS
        self._starts = _COMMAS + (_APOSTROPHES if self._heeds_apostrophes else "")
        self._ends = _APOSTROPHES if self._heeds_apostrophes else ""
        letters = character_class(splitter.tokenizer.alphanumeric - NORMALIZED_CHARACTERS)
        self._bare = re.compile(rf"(?<!\S)[{letters}\-]+(?!\S)")
        self._marked = re.compile(rf"(?<!\S)([{letters}\-]+)([{_MARKS}{_STOP}])(?!\S)")
        self._marks = dict(zip(_MARKS + _STOP, words.encode(_MARKS + _STOP), strict=True))
        self._closed: dict[str, Ids] = {}
        self._open: dict[str, _OpenChunk] = {}
        # Of chunks after an open one: what `MosesTokenizer.follows_stop` says of their first word.
        self._follows: dict[str, tuple[bool, bool]] = {}
        self._num_cached_characters = 0

    def encode_line(self, text: str) -> list[int]:
        """Returns the ids of one line, in less time than ``encode`` takes for a single one."""
        names = self._split(text)
        if names is None:
            return self._encode_whole(text)
        try:
            return self._look_up(names)
        except KeyError:
            self._learn_few(names)
        ids = self._look_up(names)
        self._forget_if_many()
        return ids

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the ids of each line."""
        ids: list[list[int]] = []
        for start in range(0, len(texts), _LINES_AT_ONCE):
            ids += self._encode_some(texts[start : start + _LINES_AT_ONCE])
        return ids

    def _encode_some(self, texts: Sequence[str]) -> list[list[int]]:
        lines = [self._split(text) for text in texts]
        names = set(chain.from_iterable(line for line in lines if line is not None))
        new = names.difference(self._closed).difference(self._open)
        if new:
            self._learn(new)
        ids = [
            self._encode_whole(text) if line is None else self._look_up(line)
            for text, line in zip(texts, lines, strict=True)
        ]
        self._forget_if_many()
        return ids

    def _forget_if_many(self) -> None:
        if self._num_cached_characters > _MAX_CACHED_CHARACTERS:
            self._closed.clear()
            self._open.clear()
            self._follows.clear()
            self._num_cached_characters = 0

    def _split(self, text: str) -> list[str] | None:
        """Returns the chunks of a line, or None if something in it acts across spaces."""
        if not text.isprintable():
            if _MEANINGFUL_SPACE.search(text):
                return None
            text = text.translate(_SPACES)
            if not text.isprintable():
                return None
        chunks = text.split()
        if not chunks:
            return chunks
        acts_across = (
            chunks[0][0] in self._starts
            or chunks[-1][-1] in self._ends
            or (self._heeds_apostrophes and _has_apostrophes_apart(text))
            or (self._heeds_quotes and _has_stop_before_quote(text))
        )
        return None if acts_across else chunks

    def _encode_whole(self, text: str) -> list[int]:
        return list(self._encode_words(self._splitter.split(text)))

    def _encode_words(self, words: Sequence[str]) -> Ids:
        return tuple(chain.from_iterable(self._words.encode(words)))

    def _look_up(self, names: list[str]) -> list[int]:
        """Returns the ids of a line's chunks; a KeyError says that one of them is not known yet."""
        try:
            # Mostly, only the last chunk ends in a full stop, and nothing follows it.
            last = self._open.get(names[-1]) if names else None
            if last is None:
                return list(chain.from_iterable(map(self._closed.__getitem__, names)))
            return [*chain.from_iterable(map(self._closed.__getitem__, names[:-1])), *last.ids]
        except KeyError:
            return self._look_up_each(names)

    def _look_up_each(self, names: list[str]) -> list[int]:
        closed = self._closed
        ids: list[int] = []
        for position, name in enumerate(names):
            if name in closed:
                ids += closed[name]
            else:
                chunk = self._open[name]
                joins = position + 1 < len(names) and self._joins(chunk, names[position + 1])
                ids += self._encode_words(chunk.joined) if joins else chunk.ids
        return ids

    def _joins(self, chunk: _OpenChunk, following: str) -> bool:
        follows = self._follows.get(following)
        if follows is None:
            is_simple = self._bare.match(following) or self._marked.match(following)
            word = following if is_simple else self._split_apart([following], "A")[0][0]
            follows = self._splitter.tokenizer.follows_stop(self._splitter.spell(word))
            self._follows[following] = follows
            self._num_cached_characters += len(following) + 1
        in_lower, is_number = follows
        return in_lower or (is_number and chunk.joins_number)

    def _learn(self, names: set[str]) -> None:
        text = " ".join(names)
        self._num_cached_characters += len(text) + len(names)
        if words := self._bare.findall(text):
            self._closed.update(zip(words, self._encode_spelt(words), strict=True))
            names = names.difference(words)
        if chunks := self._marked.findall(" ".join(names)):
            words = [word for word, _ in chunks]
            for (word, mark), ids in zip(chunks, self._encode_spelt(words), strict=True):
                self._learn_marked(word, mark, ids)
            names = names.difference(self._closed).difference(self._open)
        if names:
            self._learn_others(list(names))

    def _learn_few(self, names: Iterable[str]) -> None:
        """Learns what is new among a line's chunks; for so few, one by one is faster than all at once."""
        others: list[str] = []
        for name in names:
            if name in self._closed or name in self._open:
                continue
            self._num_cached_characters += len(name) + 1
            if self._bare.fullmatch(name):
                self._closed[name] = self._words.encode_word(self._splitter.spell(name))
            elif match := self._marked.fullmatch(name):
                self._learn_marked(match[1], match[2], self._words.encode_word(self._splitter.spell(match[1])))
            else:
                others.append(name)
        if others:
            self._learn_others(others)

    def _encode_spelt(self, words: list[str]) -> list[Ids]:
        return self._words.encode(self._splitter.spell("\n".join(words)).split("\n"))

    def _learn_marked(self, word: str, mark: str, ids: Ids) -> None:
        """Learns a chunk of one word, whose ids are given, and a mark after it."""
        if mark != _STOP:
            self._closed[word + mark] = ids + self._marks[mark]
            return
        spelt = self._splitter.spell(word)
        if self._splitter.tokenizer.keeps_stop(spelt):
            self._closed[word + mark] = self._encode_words((spelt + mark,))
        else:
            joins_number = spelt in self._splitter.tokenizer.numeric_prefixes
            self._open[word + mark] = _OpenChunk(ids + self._marks[mark], (spelt + mark,), joins_number)

    def _learn_others(self, names: list[str]) -> None:
        """Learns chunks by tokenising them between words that do nothing but tell how a full stop is read."""
        splits = self._split_apart(names, "A")
        undecided = [name for name, words in zip(names, splits, strict=True) if words[-1] == _STOP]
        before_lower = dict(zip(undecided, self._split_apart(undecided, "a"), strict=True))
        before_number = dict(zip(undecided, self._split_apart(undecided, "5"), strict=True))
        encoded = iter(self._words.encode([word for words in splits for word in words]))
        for name, words in zip(names, splits, strict=True):
            ids = tuple(chain.from_iterable(islice(encoded, len(words))))
            joined = before_lower.get(name, words)
            if joined == words:
                self._closed[name] = ids
            else:
                self._open[name] = _OpenChunk(ids, joined, before_number[name] == joined)

    def _split_apart(self, names: list[str], start: str) -> list[list[str]]:
        """Splits chunks into words, each before a word that starts with ``start``."""
        if not names:
            return []
        fence = start + _FENCE
        words = self._splitter.split(f"{fence} {f' {fence} '.join(names)} {fence}")
        ends = [position for position, word in enumerate(words) if word == fence]
        if len(ends) != len(names) + 1:
            # A chunk holds the very word.
            return [self._splitter.split(f"{fence} {name} {fence}")[1:-1] for name in names]
        return [words[end + 1 : following] for end, following in pairwise(ends)]
