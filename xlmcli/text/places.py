"""Where pieces and words stand in the text that they were made of, by its characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache, lru_cache
from itertools import groupby
from typing import NamedTuple

from xlmcli.text import Tokenizer
from xlmcli.text.byte_pieces import BYTE_PIECES
from xlmcli.text.language_tokens import base_language
from xlmcli.text.letters import with_straight_apostrophes
from xlmcli.text.moses_tokenization import MosesTokenizer
from xlmcli.text.word_segmenters import SEGMENTED_LANGS, Segmenter, load_segmenter

Place = tuple[int, int]
"""Start and end, in characters."""


class Word(NamedTuple):
    """A word, and where it stands."""

    text: str
    start: int
    end: int

    def values(self) -> dict[str, object]:
        """Returns what is written of it in JSON."""
        return {"word": self.text, "start": self.start, "end": self.end}


_BYTES = frozenset(BYTE_PIECES)
_NEAR, _LONG_RUN = 64, 8
_ZWJ, _VARIATION_SELECTORS = "\u200d", "\ufe0e\ufe0f"
_MAX_CACHED = 1 << 16


class PieceSpeller:
    """Says how pieces are spelt."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._bytes = frozenset(index for index, piece in enumerate(tokenizer.vocab) if piece in _BYTES)
        self._decode = lru_cache(_MAX_CACHED)(tokenizer.decode)

    def spell(self, ids: Sequence[int], lang: str | None) -> list[str]:
        """Returns how each piece is spelt; what is spelt in bytes is the first one's, and the others are empty."""
        found: list[str] = []
        for is_byte, run in groupby(ids, self._bytes.__contains__):
            together = tuple(run)
            if is_byte:
                found += [self._decode(together, lang), *[""] * (len(together) - 1)]
            else:
                found += [self._decode((index,), lang) for index in together]
        return found


@cache
def word_splitter(lang: str) -> Segmenter:
    """Returns what splits a text of a language into words, as Moses does, or its segmenter where it has no spaces.

    Raises:
        MissingExtraError: The segmenter's library is not installed.
        ModelError: The segmenter has no model.
    """
    base = base_language(lang)
    return load_segmenter(base) if base in SEGMENTED_LANGS else MosesTokenizer(base).tokenize


def find_words(text: str, lang: str) -> list[Word]:
    """Returns the words of a text, punctuation among them; see ``word_splitter``.

    They are those of Moses' tokeniser, to which curly apostrophes and backticks are straight ones, and which takes
    combining marks and emoji of several characters apart: these stay together.
    """
    plain, words, end = with_straight_apostrophes(text), list[Word](), 0
    for word in word_splitter(lang)(plain):
        start = plain.find(word, end)
        if not word.strip() or start < 0:
            continue
        begins = words.pop().start if words and start == end and _continues(text, start) else start
        end = start + len(word)
        words.append(Word(text[begins:end], begins, end))
    return words


def _continues(text: str, place: int) -> bool:
    """Whether a character belongs to the one before it."""
    before, character = text[place - 1], text[place]
    if _is_mark(character) or character == _ZWJ or before == _ZWJ:
        return True
    return _is_mark(before) and character.isalnum()


def _is_mark(character: str) -> bool:
    return character in _VARIATION_SELECTORS or unicodedata.combining(character) > 0


def find_parts(parts: Sequence[str], text: str) -> list[Place | None]:
    """Returns where each part of a text stands that they spell together, but for spaces, case, accents and the like.

    None of a part that is not found, or has nothing but spaces.
    """
    spelt, wanted = _numbered_letters(parts), _numbered_letters(text)
    places: list[Place | None] = [None] * len(parts)
    for one, other in _match([letter for letter, _ in spelt], [letter for letter, _ in wanted]):
        part, place = spelt[one][1], wanted[other][1]
        known = places[part]
        places[part] = (place if known is None else known[0], place + 1)
    return places


def _match(letters: Sequence[str], others: Sequence[str]) -> Iterator[Place]:
    """Yields which letters of two spellings of a text are the same, in order.

    Where they part, it is looked for the next place where they go together for a while, not too far away, so that the
    time is that of the length.
    """
    one = other = 0
    while one < len(letters) and other < len(others):
        if letters[one] == others[other]:
            yield one, other
            one, other = one + 1, other + 1
            continue
        near, nearby = letters[one : one + _NEAR], others[other : other + _NEAR]
        blocks = SequenceMatcher(None, near, nearby, autojunk=False).get_matching_blocks()[:-1]
        if not blocks:
            one, other = one + len(near), other + len(nearby)
        start, start_other = one, other
        for block in blocks:
            yield from ((start + block.a + step, start_other + block.b + step) for step in range(block.size))
            one, other = start + block.a + block.size, start_other + block.b + block.size
            if block.size >= _LONG_RUN:
                break


def _numbered_letters(parts: Sequence[str]) -> list[tuple[str, int]]:
    return [(letter, index) for index, part in enumerate(parts) for character in part for letter in _letters(character)]


@cache
def _letters(character: str) -> str:
    """What is compared of a character: its base letters in lower case; nothing of spaces and combining marks."""
    decomposed = unicodedata.normalize("NFKD", character).casefold()
    return "".join(letter for letter in decomposed if not (letter.isspace() or unicodedata.combining(letter)))
