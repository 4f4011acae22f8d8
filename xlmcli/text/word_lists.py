"""Lists of the words of languages, each as text mostly has it: *cat*, *Monday*, *Tom*, *USA*.

``recipes/known_words.py`` makes them of the text in ``data/``. A word that has a capital and does not stand in small
letters, too, as *monday* does, is a name: translations keep it. German has no list: its nouns have capitals, too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from xlmcli.text.sorted_lines import find_line

WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
"""A word, of which parts may be joined by hyphens."""

LISTED = ("en", "es", "fr", "it", "pt")
"""The languages with a list."""

ACCENTED = ("es", "fr", "it", "pt")
"""Those of them whose words have accents."""

_LISTS = Path(__file__).with_name("known_words")
_MAX_CACHED = 1 << 14


@lru_cache(_MAX_CACHED)
def is_listed(word: str, lang: str) -> bool:
    """Whether the list of a language has a word, written so."""
    key = word.encode()
    return find_line(_read(lang), key) == key


def is_listed_name(word: str, lang: str) -> bool:
    """Whether a word of a language, in whatever letters, is listed as a name."""
    lower, title = word.lower(), word.title()
    return not is_listed(lower, lang) and any(
        is_listed(title, other) and not is_listed(lower, other) for other in LISTED
    )


def is_known(word: str, lang: str) -> bool:
    """Whether a list has a word of a language in small letters, perhaps with accents that it lacks."""
    lower = word.lower()
    return is_listed(lower, lang) or (lang in ACCENTED and lower in _accented(lang))


def find_listed_form(word: str, lang: str) -> str | None:
    """Returns a word of a language, which stands in capitals, as text mostly has it.

    None if the lists do not tell: *PIERRE* is a stone or a man, *IT* a word or short for something.
    """
    if lang not in LISTED:
        return None
    upper, title, lower = word.upper(), word.title(), word.lower()
    if is_listed(title, lang) or is_listed_name(word, lang):
        return title
    if is_listed(lower, lang):
        is_doubtful = is_listed(upper, lang) or any(is_listed(title, other) for other in LISTED)
        return None if is_doubtful else lower
    return upper if is_listed(upper, lang) else None


def is_word(word: str, lang: str) -> bool:
    """Whether lists have a word of a language, in whatever letters, or a name or an abbreviation that is so written."""
    if is_known(word, lang):
        return True
    return any(is_listed(form, other) for form in (word.title(), word.upper()) for other in LISTED)


def find_accented_form(word: str, lang: str) -> str | None:
    """Returns the one word, in small letters, that a word without accents may stand for; None if it is one itself."""
    form = "" if is_listed(word.lower(), lang) else _accented(lang).get(word.lower(), "")
    return form or None


def without_accents(text: str) -> str:
    """Returns a text without accents, cedillas and the like."""
    if text.isascii():
        return text
    return "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))


@cache
def _accented(lang: str) -> Mapping[str, str]:
    """The words with accents in small letters, by what they are without; an empty one where there are several."""
    forms: dict[str, str] = {}
    for word in filter(str.islower, _read(lang).decode().splitlines()):
        plain = without_accents(word)
        if plain != word:
            forms[plain] = "" if plain in forms else word
    return forms


@cache
def _read(lang: str) -> bytes:
    """The list of a language: words in order, a line each."""
    return (_LISTS / f"{lang}.txt").read_bytes()
