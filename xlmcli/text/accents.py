"""Words that people type without their accents, *dificil* for *difícil*, of which a model has read little."""

from __future__ import annotations

import re

from xlmcli.text.word_lists import LISTED, find_accented_form, is_listed, is_listed_name, without_accents

_LETTERS = re.compile(r"[^\W\d_]{2,}")


def restore_accents(text: str, lang: str) -> str:
    """Returns a text without accents with those that its language writes.

    A word gets them if it is none without, and one alone with them. It has as many letters as before.

    Args:
        text: A text; it stays as it is if it has an accent, or if its language has no list of words.
        lang: Its language.
    """
    if lang not in LISTED or without_accents(text) != text:
        return text
    return _LETTERS.sub(lambda match: _restore(match[0], lang, is_first=not match.start()), text)


def _restore(word: str, lang: str, *, is_first: bool) -> str:
    """A word with its accents; *Peter* is a name, *USA* short for something, and *The* inside a text English."""
    if word.islower():
        return find_accented_form(word, lang) or word
    is_doubtful = is_listed_name(word, lang) or (not is_first and is_listed(word.lower(), "en"))
    form = find_accented_form(word, lang) if word.istitle() and not is_doubtful else None
    return form.title() if form else word
