"""Where pieces and words stand in the text that they were made of, by its characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import cache, lru_cache
from itertools import groupby
from typing import NamedTuple

from xlmcli.text import Tokenizer
from xlmcli.text.byte_pieces import BYTE_PIECES
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
_MAX_CACHED = 1 << 16
_APOSTROPHES = str.maketrans("’`´", "'''")


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
    if lang in SEGMENTED_LANGS:
        return load_segmenter(lang)
    return MosesTokenizer(lang).tokenize


def find_words(text: str, lang: str) -> list[Word]:
    """Returns the words of a text, punctuation among them; see ``word_splitter``."""
    plain, words, end = text.translate(_APOSTROPHES), [], 0
    for word in word_splitter(lang)(plain):
        start = plain.find(word, end)
        if word.strip() and start >= 0:
            end = start + len(word)
            words.append(Word(text[start:end], start, end))
    return words


def find_parts(parts: Sequence[str], text: str) -> list[Place | None]:
    """Returns where each part of a text stands that they spell together, but for spaces, case, accents and the like.

    None of a part that is not found, or has nothing but spaces.
    """
    spelt, wanted = _numbered_letters(parts), _numbered_letters(text)
    letters, others = ([letter for letter, _ in side] for side in (spelt, wanted))
    if letters == others:
        pairs = list(zip(spelt, wanted, strict=True))
    else:
        blocks = SequenceMatcher(None, letters, others, autojunk=False).get_matching_blocks()
        pairs = [(spelt[one + step], wanted[other + step]) for one, other, length in blocks for step in range(length)]
    places: list[Place | None] = [None] * len(parts)
    for (_, part), (_, place) in pairs:
        known = places[part]
        places[part] = (place if known is None else known[0], place + 1)
    return places


def _numbered_letters(parts: Sequence[str]) -> list[tuple[str, int]]:
    return [(letter, index) for index, part in enumerate(parts) for character in part for letter in _letters(character)]


@cache
def _letters(character: str) -> str:
    """What is compared of a character: its base letters in lower case; nothing of spaces and combining marks."""
    decomposed = unicodedata.normalize("NFKD", character).casefold()
    return "".join(letter for letter in decomposed if not (letter.isspace() or unicodedata.combining(letter)))
