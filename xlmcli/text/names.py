"""Names of people, places and things, of which translations from and into English must not lose any.

Lists of words say what is a name (``recipes/known_words.py`` makes them of the text in ``data/``). Inside a sentence
that is every word with a capital but those that are listed in small letters, too, such as *monday* or *germany*. Short
words, those that end as *Buddhist* or *Sénégalais* do, and what may start a sentence have to be listed with a capital.
German has no list: its nouns have capitals, too. What is in capitals can be read as the lists have it.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from functools import cache, lru_cache
from pathlib import Path

from xlmcli.text.lost import LostPart

WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
"""A word, of which parts may be joined by hyphens."""

LISTED = ("en", "es", "fr", "it", "pt")
"""The languages with a list."""

_LISTS = Path(__file__).with_name("known_words")
_SHORT, _TITLE_WORDS = 4, 4
_DERIVED = re.compile(r"(?:is[mt]e?s?|ians?|ese|ish|eans?|[ao]is(?:es?)?|iens?|iennes?|éen(?:ne)?s?)$")
_INSIDE_SENTENCE = re.compile(r"(?:[\w,]\s+|\w['’])$")
_NEAR = 4
_MAX_CACHED = 1 << 14


def find_lost_names(
    text: str, translation: str, src_lang: str, tgt_lang: str, *, was_in_capitals: bool = False
) -> list[LostPart]:
    """Returns the names of a text that stand nowhere in its translation; those beside each other are one.

    There are none in other directions than English and a language with a list, nor in a title whose words have
    capitals, nor in text with accents of their own. Abbreviations in capitals are none: there may be others for them.

    Args:
        text: A text in ordinary letters.
        translation: Of it, perhaps in capitals.
        src_lang: Language of the text.
        tgt_lang: Language of the translation.
        was_in_capitals: Whether the text was, so that it says little which words have one: names have to be listed.
    """
    lost: list[LostPart] = []
    if src_lang not in LISTED or "en" not in (src_lang, tgt_lang) or not unicodedata.is_normalized("NFC", text):
        return lost
    words = list(WORD.finditer(text))
    if len(words) >= _TITLE_WORDS and all(word[0][0].isupper() for word in words if len(word[0]) > 2):
        return lost
    for match in words:
        name, (start, end) = match[0], match.span()
        if len(name) == 1 or not name[0].isupper() or name.isupper() or _stands_in(name, translation):
            continue
        is_beside = bool(lost) and text[lost[-1].end : start] == " "
        may_be_first = not _INSIDE_SENTENCE.search(text, max(0, start - _NEAR), start)
        is_doubtful = was_in_capitals or (not is_beside and (may_be_first or len(name) <= _SHORT))
        if _is_name(name, src_lang, is_doubtful=is_doubtful):
            if is_beside:
                start = lost.pop().start
            lost.append(LostPart(start, end, text[start:end]))
    return lost


def find_listed_form(word: str, lang: str) -> str | None:
    """Returns a word of a language, which stands in capitals, as text mostly has it: *USA*, *Monday*, *Tom*, *cat*.

    None if no list has it.
    """
    if lang not in LISTED:
        return None
    forms = (word.upper(), word.title(), word.lower())
    own = next((form for form in forms if _is_listed(form, lang)), None)
    return own or (word.title() if _is_listed_name(word, lang) else None)


def _is_listed_name(word: str, lang: str) -> bool:
    return not _is_listed(word.lower(), lang) and any(_is_listed(word.title(), other) for other in LISTED)


def _is_name(word: str, lang: str, *, is_doubtful: bool) -> bool:
    lower = word.lower()
    is_doubtful |= _DERIVED.search(lower) is not None or _is_listed(lower.rpartition("-")[2], lang)
    return _is_listed_name(word, lang) if is_doubtful else not _is_listed(lower, lang)


def _stands_in(name: str, translation: str) -> bool:
    """Whether a name is a word of a translation, perhaps with the ending of a plural: *Pokémons*; or in capitals."""
    return any(
        form in translation and re.search(rf"(?<!\w){re.escape(form)}(?=[sS]?(?![^\W\d_]))", translation)
        for form in (name, name.upper())
    )


@lru_cache(_MAX_CACHED)
def _is_listed(word: str, lang: str) -> bool:
    """Whether a list has a word; it is searched as it is, since to take it apart takes longer than a line of text."""
    text, key = _listed(lang), word.encode()

    def line_at(place: int) -> bytes:
        return text[text.rfind(b"\n", 0, place) + 1 : text.index(b"\n", place)]

    place = bisect_left(range(len(text)), key, key=line_at)
    return place < len(text) and line_at(place) == key


@cache
def _listed(lang: str) -> bytes:
    """The list of a language: words in order, a line each."""
    return (_LISTS / f"{lang}.txt").read_bytes()
