"""Texts of a few words, which models have read in small letters more often than by themselves with a capital."""

from __future__ import annotations

import re

from xlmcli.text.word_lists import LISTED, is_listed, is_word

_WORD = re.compile(r"[^\W\d_]+")
_MOST = 3


def without_capital(text: str, lang: str) -> str | None:
    """Returns a text of one to three words as it would stand inside a sentence: *Low battery* as *low battery*.

    None if there are more, if the first has no capital or mostly has one, or if another has one, as in *New York*.
    """
    match = _WORD.search(text)
    if lang not in LISTED or match is None or not match[0].istitle():
        return None
    is_short = sum(any(map(str.isalnum, word)) for word in text.split()) <= _MOST
    if not is_short or any(map(str.isupper, text[match.end() :])):
        return None
    first = match[0].lower()
    if not is_listed(first, lang) or is_listed(match[0], lang):
        return None
    return text[: match.start()] + first + text[match.end() :]


def is_made_up(translation: str, text: str, lang: str) -> bool:
    """Whether a translation into a language has a word that is none, or is a copy of a text that says nothing there."""
    words = _WORD.findall(translation)
    is_copy = [word.lower() for word in words] == [word.lower() for word in _WORD.findall(text)]
    if not words or lang not in LISTED:
        return is_copy or not words
    if is_copy and not all(is_listed(word.lower(), lang) for word in words):
        return True
    return not all(is_word(word, lang) for word in words if len(word) > 1)
