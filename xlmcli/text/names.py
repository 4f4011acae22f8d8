"""Names of people, places and things: which of them a translation has lost.

Lists of words say what is a name (``recipes/known_words.py`` makes them of the text in ``data/``). Inside a sentence
that is every word with a capital but those that are listed in small letters, such as *monday* or *germany*. At its
start it has to be listed with one as well, of any language, and in German, whose nouns have capitals, in its own list.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path

from xlmcli.text.letters import starts_sentence
from xlmcli.text.lost import LostPart

WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
"""A word, of which parts may be joined by hyphens."""

_LISTS = Path(__file__).with_name("known_words")
_LANGS = ("de", "en", "es", "fr", "it", "pt")
_NOUNS_IN_CAPITALS = "de"
_MAX_CACHED = 1 << 14


def find_lost_names(text: str, translation: str, src_lang: str) -> list[LostPart]:
    """Returns the names of a text that its translation does not have.

    Names beside each other are one. In a language without a list of words there are none. Abbreviations in capitals are
    none, either, since other languages may have their own.
    """
    lost: list[LostPart] = []
    if not _listed(src_lang):
        return lost
    for match in WORD.finditer(text):
        word, (start, end) = match[0], match.span()
        if len(word) == 1 or not word[0].isupper() or word.isupper() or _stands_in(word, translation):
            continue
        if _is_name(word, src_lang, is_first=starts_sentence(text, start)):
            if lost and text[lost[-1].end : start] == " ":
                start = lost.pop().start
            lost.append(LostPart(start, end, text[start:end]))
    return lost


def _is_name(word: str, lang: str, *, is_first: bool) -> bool:
    if lang == _NOUNS_IN_CAPITALS:
        return _is_listed(word.title(), lang)
    lower = word.lower()
    if _is_listed(lower, lang) or _is_listed(lower.rpartition("-")[2], lang):
        return False
    return not is_first or any(_is_listed(word.title(), other) for other in _LANGS)


def _stands_in(name: str, translation: str) -> bool:
    """Whether a name is a word of a translation, perhaps with an ending of a letter: *Pokémons*."""
    return name in translation and re.search(rf"(?<!\w){re.escape(name)}(?![^\W\d_]{{2}})", translation) is not None


@lru_cache(_MAX_CACHED)
def _is_listed(word: str, lang: str) -> bool:
    # To look for a word takes less time than to make a set of all.
    return f"\n{word}\n".encode() in _listed(lang)


@cache
def _listed(lang: str) -> bytes:
    """The list of a language, a word a line; empty if there is none."""
    return b"\n" + (_LISTS / f"{lang}.txt").read_bytes() if lang in _LANGS else b""
