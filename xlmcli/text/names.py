"""Names of people, places and things, of which translations from and into English must not lose any.

Lists of words say what is a name: inside a sentence that is every word with a capital but those that are listed in
small letters, too, such as *monday* or *germany*. Short words, those that end as *Buddhist* or *Sénégalais* do, and
what may start a sentence have to be listed with a capital.
"""

from __future__ import annotations

import re
import unicodedata

from xlmcli.text.lost import LostPart
from xlmcli.text.word_lists import LISTED, WORD, is_known, is_listed_name

_SHORT, _TITLE_WORDS = 4, 4
_DERIVED = re.compile(r"(?:is[mt]e?s?|ians?|ese|ish|eans?|[ao]is(?:es?)?|iens?|iennes?|éen(?:ne)?s?)$")
_INSIDE_SENTENCE = re.compile(r"(?:[\w,]\s+|\w['’])$")
_NEAR = 4
_GERMAN_TITLES = frozenset({"Dr", "Familie", "Frau", "Herr", "Herrn"})
_WORD_BEFORE = re.compile(r"([^\W\d_]+)\.?\s$")
_LONGEST_BEFORE = 30


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
        may_be_first = not is_inside_sentence(text, start)
        is_doubtful = was_in_capitals or (not is_beside and (may_be_first or len(name) <= _SHORT))
        if _is_name(name, src_lang, is_doubtful=is_doubtful):
            if is_beside:
                start = lost.pop().start
            lost.append(LostPart(start, end, text[start:end]))
    return lost


def is_inside_sentence(text: str, start: int) -> bool:
    """Whether a word of a text has another before it in its sentence, as far as what stands between tells."""
    return _INSIDE_SENTENCE.search(text, max(0, start - _NEAR), start) is not None


def _is_name(word: str, lang: str, *, is_doubtful: bool) -> bool:
    if is_listed_name(word, lang):
        return True
    is_doubtful |= _DERIVED.search(word.lower()) is not None or is_known(word.rpartition("-")[2], lang)
    return not is_doubtful and not is_known(word, lang)


def follows_name(text: str, start: int) -> bool:
    """Whether a word of a text stands behind a first name or, in German, behind *Frau* and the like."""
    before = _WORD_BEFORE.search(text, max(0, start - _LONGEST_BEFORE), start)
    return before is not None and (before[1] in _GERMAN_TITLES or is_listed_name(before[1], "en"))


def _stands_in(name: str, translation: str) -> bool:
    """Whether a name is a word of a translation, perhaps with the ending of a plural: *Pokémons*; or in capitals."""
    return any(
        form in translation and re.search(rf"(?<!\w){re.escape(form)}(?=[sS]?(?![^\W\d_]))", translation)
        for form in (name, name.upper())
    )
