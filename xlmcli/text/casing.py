"""Lines in capitals as sentences in ordinary letters, which a model has read more of, and answers back in capitals."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xlmcli.text import Tokenizer
from xlmcli.text.word_lists import find_listed_form

# Letters with dots, such as U.S., stay as they are.
_WORD = re.compile(r"(?:[^\W\d_]\.){2,}|[^\W\d_]+(?:['’][^\W\d_]+)*")
_LETTERS = re.compile(r"[^\W\d_]+")
_TWO_LETTERS = re.compile(r"[^\W\d_]{2}")
_ENDS_SENTENCE = re.compile(r"[.!?…][\"'»”’)\]]*\s")
_ENGLISH_I = re.compile(r"i(?![^\W\d_])")

_DOTTED_I = frozenset({"az", "tr"})
_LOWER_DOTTED, _UPPER_DOTTED = str.maketrans("Iİ", "ıi"), str.maketrans("iı", "İI")


def has_word(text: str) -> bool:
    """Whether a text has a word of more than one letter."""
    return _TWO_LETTERS.search(text) is not None


def to_sentence_case(text: str, tokenizer: Tokenizer, lang: str) -> str:
    """Returns a text in capitals as it would stand in a book.

    A word, or what an apostrophe joins to it, is as it is listed; else in small letters unless the vocabulary writes it
    in fewer pieces with a capital, as it does with German nouns, or in capitals, as it does with abbreviations. A
    sentence starts with a capital.

    Args:
        text: A line in capitals.
        tokenizer: What the line is for.
        lang: Language of the line.
    """
    matches = list(_WORD.finditer(text))
    ordinary = _ordinary_forms(sorted({match[0] for match in matches}), tokenizer, lang)
    parts, end = [], 0
    for match in matches:
        gap, word = text[end : match.start()], ordinary[match[0]]
        is_first = end == 0 or _ENDS_SENTENCE.search(gap)
        parts += [gap, with_capital(word, lang) if is_first else word]
        end = match.end()
    return "".join([*parts, text[end:]])


def to_capitals(text: str, lang: str) -> str:
    """Returns a text of a language in capitals."""
    return (text.translate(_UPPER_DOTTED) if lang in _DOTTED_I else text).upper()


def with_capital(text: str, lang: str) -> str:
    """Returns a text of a language that starts with a capital."""
    return (text[0].translate(_UPPER_DOTTED) if lang in _DOTTED_I else text[0].title()) + text[1:]


def with_first_capital(translation: str, lang: str) -> str:
    """Returns the translation of what starts with a capital with one of its own: *¿qué?* as *¿Qué?*."""
    match = _LETTERS.search(translation)
    if match is None or not match[0].islower():
        return translation
    return translation[: match.start()] + with_capital(translation[match.start() :], lang)


def _ordinary_forms(words: Sequence[str], tokenizer: Tokenizer, lang: str) -> dict[str, str]:
    lower = [_lower(word, lang) for word in words]
    forms = (lower, [word[0] + small[1:] for word, small in zip(words, lower, strict=True)], words)
    lens = [map(len, tokenizer.encode_batch(form, lang)) for form in forms]
    return {
        word: _as_listed(choices[min(range(len(forms)), key=counts.__getitem__)], lang)
        for word, choices, counts in zip(words, zip(*forms, strict=True), zip(*lens, strict=True), strict=True)
    }


def _as_listed(word: str, lang: str) -> str:
    return _LETTERS.sub(lambda match: find_listed_form(match[0], lang) or match[0], word)


def _lower(word: str, lang: str) -> str:
    if "." in word:
        return word
    lower = (word.translate(_LOWER_DOTTED) if lang in _DOTTED_I else word).lower()
    return f"I{lower[1:]}" if lang == "en" and _ENGLISH_I.match(lower) else lower
