"""Lines in capitals as sentences in ordinary letters, which a model has read more of, and answers back in capitals."""

from __future__ import annotations

import re

from xlmcli.text import Tokenizer

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_TWO_LETTERS = re.compile(r"[^\W\d_]{2}")
_SENTENCE_START = re.compile(r"(?:^|[.!?…][\"'»”’)\]]*\s)[\W_]*(?=[^\W\d_])")
_ENGLISH_I = re.compile(r"i(?![^\W\d_])")

_DOTTED_I = frozenset({"az", "tr"})
_LOWER_DOTTED, _UPPER_DOTTED = str.maketrans("Iİ", "ıi"), str.maketrans("iı", "İI")


def has_word(text: str) -> bool:
    """Whether a text has a word of more than one letter."""
    return _TWO_LETTERS.search(text) is not None


def to_sentence_case(text: str, tokenizer: Tokenizer, lang: str) -> str:
    """Returns a text in capitals as it would stand in a book.

    A word gets a capital at the start of a sentence, and where the vocabulary writes it so in fewer pieces, as it does
    with names and, in German, with nouns.

    Args:
        text: A line in capitals.
        tokenizer: What the line is for.
        lang: Language of the line.
    """
    words = sorted({match[0] for match in _WORD.finditer(text)})
    lower = [_lower(word, lang) for word in words]
    capitalised = [word[0] + small[1:] for word, small in zip(words, lower, strict=True)]
    lens, others = (list(map(len, tokenizer.encode_batch(forms, lang))) for forms in (lower, capitalised))
    chosen = {
        word: small if length <= other else large
        for word, small, large, length, other in zip(words, lower, capitalised, lens, others, strict=True)
    }
    plain = _WORD.sub(lambda match: chosen[match[0]], text)
    starts = {match.end() for match in _SENTENCE_START.finditer(plain)}
    return "".join(to_capitals(letter, lang) if place in starts else letter for place, letter in enumerate(plain))


def to_capitals(text: str, lang: str) -> str:
    """Returns a text of a language in capitals."""
    return (text.translate(_UPPER_DOTTED) if lang in _DOTTED_I else text).upper()


def _lower(word: str, lang: str) -> str:
    lower = (word.translate(_LOWER_DOTTED) if lang in _DOTTED_I else word).lower()
    return f"I{lower[1:]}" if lang == "en" and _ENGLISH_I.match(lower) else lower
