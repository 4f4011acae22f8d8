"""Words that people type without their accents, *dificil* for *difícil*, of which a model has read little."""

from __future__ import annotations

import re

from xlmcli.text.word_lists import ACCENTED, find_accented_form, is_listed, is_listed_name, without_accents

_WORD = re.compile(r"(?<!\w)[^\W\d_]{2,}(?!\w)")
_VERB = re.compile(r"\w{3,}[áãéóò]s?$")


def restore_accents(text: str, lang: str) -> str:
    """Returns a text without accents with those that its language writes.

    A word gets them if it is none without, and one alone with them; not at its end, where they may tell forms of verbs
    apart (*camino*, *caminó*). It has as many letters as before.

    Args:
        text: A text; it stays as it is if it has an accent, or if its language has no list of words with accents.
        lang: Its language.
    """
    if lang not in ACCENTED or without_accents(text) != text:
        return text
    return _WORD.sub(lambda match: _restore(match[0], lang, is_first=not match.start()), text)


def _restore(word: str, lang: str, *, is_first: bool) -> str:
    """A word with its accents; *Peter* is a name, *USA* short for something, and *The* inside a text English."""
    is_doubtful = is_listed_name(word, lang) or (not is_first and is_listed(word.lower(), "en"))
    if not word.islower() and (is_doubtful or not word.istitle()):
        return word
    form = find_accented_form(word, lang)
    if form is None or form[0] == "ñ" or _VERB.match(form):
        return word
    return form if word.islower() else form.title()
