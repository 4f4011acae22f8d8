"""What words are made of."""

from __future__ import annotations

import unicodedata

_APOSTROPHES = str.maketrans("’`´", "'''")


_NEAR = 8
_SENTENCE_ENDS, _BEFORE_SENTENCE = ".!?:…", " \t\u00a0\"'«“„‘¿¡("


def in_word(character: str) -> bool:
    r"""Whether a character is of a word, or none is given: a letter, a digit, a low line, and what ``\w`` leaves out.

    That are the combining signs of letters: accents that stand for themselves, the vowels of Hindi and Thai.
    """
    return character.isalnum() or character == "_" or (character != "" and unicodedata.category(character)[0] == "M")


def with_straight_apostrophes(text: str) -> str:
    """Returns a text of the same length whose curly apostrophes and backticks are straight."""
    return text.translate(_APOSTROPHES)


def with_case_of(written: str, text: str, start: int) -> str:
    """Returns what is written for a part of a text, with the capital that this has at the start of a sentence.

    Args:
        written: Not empty.
        text: The text.
        start: Where the part starts.
    """
    return written[0].upper() + written[1:] if text[start].isupper() and starts_sentence(text, start) else written


def starts_sentence(text: str, start: int) -> bool:
    """Whether a sentence starts at a place in a text, as far as the characters before it say."""
    before = text[max(0, start - _NEAR) : start].rstrip(_BEFORE_SENTENCE)
    return not before or before[-1] in _SENTENCE_ENDS
