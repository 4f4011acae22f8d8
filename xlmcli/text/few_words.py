"""Texts of a few words, which models have read in small letters more often than by themselves with a capital."""

from __future__ import annotations

import re

from xlmcli.text.word_lists import LISTED, find_listed_form, is_listed, is_word

_WORD = re.compile(r"[^\W\d_]+")
_MOST = 3


def without_capital(text: str, lang: str) -> str | None:
    """Returns a text of one to three words as it would stand inside a sentence: *Low battery* as *low battery*.

    None if there are more words, or if the first has no capital or mostly has one.
    """
    match = _WORD.search(text)
    if match is None or not match[0].istitle():
        return None
    if sum(any(map(str.isalnum, word)) for word in text.split()) > _MOST:
        return None
    first = match[0].lower()
    return text[: match.start()] + first + text[match.end() :] if find_listed_form(first, lang) == first else None


def is_made_up(translation: str, text: str, lang: str) -> bool:
    """Whether a translation into a language has a word that is none, or is a copy of a text that says nothing there."""
    words, is_copy = _WORD.findall(translation), translation.lower() == text.lower()
    if lang not in LISTED:
        return is_copy
    if is_copy and not all(is_listed(word.lower(), lang) for word in words):
        return True
    return not all(is_word(word, lang) for word in words if len(word) > 1)
