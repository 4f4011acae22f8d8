"""What words are made of."""

from __future__ import annotations

import unicodedata

_APOSTROPHES = str.maketrans("’`´", "'''")


def in_word(character: str) -> bool:
    r"""Whether a character is of a word, or none is given: a letter, a digit, a low line, and what ``\w`` leaves out.

    That are the combining signs of letters: accents that stand for themselves, the vowels of Hindi and Thai.
    """
    return character.isalnum() or character == "_" or (character != "" and unicodedata.category(character)[0] == "M")


def with_straight_apostrophes(text: str) -> str:
    """Returns a text of the same length whose curly apostrophes and backticks are straight."""
    return text.translate(_APOSTROPHES)
