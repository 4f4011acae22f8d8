"""Moses' tokeniser: words and punctuation, nothing escaped.

Source: ``tokenizer.perl`` of Moses, as sacremoses does it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise

from xlmcli.text.moses_data import character_class, characters, nonbreaking_prefixes, word_characters

_MULTIPLE_STOPS = re.compile(r"\.{2,}")
_STOP_AND_APOSTROPHE = re.compile(r"\.' ?$")
_DIGITS = frozenset("0123456789")

APOSTROPHE_LANGS = frozenset({"en", "fr", "it"})
"""Languages where an apostrophe stays with one of its words: it's is ``it 's``, l'ami is ``l' ami``."""

OTHER_WORD = "A"
"""A word that a full stop before it is not read by."""
_LOWER_WORD, _NUMBER_WORD = "a", "5"

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]


class MosesTokenizer:
    """Splits lines of a language."""

    def __init__(self, lang: str) -> None:
        # Moses counts Hangul in for Korean alone.
        self.alphanumeric, self._alphabetic = word_characters(with_hangul=lang == "ko")
        self._lower = characters("IsLower")
        self._prefixes, self._numeric_prefixes = nonbreaking_prefixes(lang)
        self._symbol = _symbol(self.alphanumeric)
        self._comma_rules = _comma_rules()
        self._apostrophe_rules = _apostrophe_rules(lang)

    def tokenize(self, text: str) -> list[str]:
        """Returns the tokens of a line whose punctuation is normalised."""
        text = " ".join(self._symbol.split(" ".join(text.split())))
        if ".." in text:
            text = _MULTIPLE_STOPS.sub(lambda match: f" {match[0]} ", text)
        if "," in text:
            for pattern, replacement in self._comma_rules:
                text = pattern.sub(replacement, text)
        if "'" in text:
            for pattern, replacement in self._apostrophe_rules:
                text = pattern.sub(replacement, text)
        tokens = text.split()
        if "." in text:
            tokens = self._split_stops(tokens)
            if tokens and tokens[-1].endswith(".'"):
                tokens[-1:] = _STOP_AND_APOSTROPHE.sub(" . '", tokens[-1]).split()
        return tokens

    def keeps_stop(self, word: str, after: str) -> bool:
        """Tells whether a word keeps its full stop before the word ``after``, which is empty at the end of a line."""
        return (
            word in self._prefixes
            or ("." in word and not self._alphabetic.isdisjoint(word))
            or after[:1] in self._lower
            or (after[:1] in _DIGITS and word in self._numeric_prefixes)
        )

    def word_like(self, word: str) -> str:
        """Returns one of three words, the one before which full stops are kept as they are before ``word``."""
        if word[0] in self._lower:
            return _LOWER_WORD
        return _NUMBER_WORD if word[0] in _DIGITS else OTHER_WORD

    def _split_stops(self, words: list[str]) -> list[str]:
        tokens: list[str] = []
        for word, after in pairwise([*words, ""]):
            prefix = word[:-1]
            if not word.endswith(".") or not prefix or prefix.endswith(".") or self.keeps_stop(prefix, after):
                tokens.append(word)
            else:
                tokens += [prefix, "."]
        return tokens


@cache
def _symbol(alphanumeric: frozenset[str]) -> re.Pattern[str]:
    return re.compile(rf"([^{character_class(alphanumeric)}\s.'`,\-])")


# Replacements are functions: before Python 3.12 a template is expanded by slower means.
@cache
def _comma_rules() -> tuple[Rule, ...]:
    number = character_class(characters("IsN"))
    return (
        (re.compile(rf"([^{number}]),"), lambda match: f"{match[1]} , "),
        (re.compile(rf",([^{number}])"), lambda match: f" , {match[1]}"),
        (re.compile(rf"([{number}]),$"), lambda match: f"{match[1]} , "),
    )


@cache
def _apostrophe_rules(lang: str) -> tuple[Rule, ...]:
    if lang not in APOSTROPHE_LANGS:
        return ((re.compile("'"), lambda _: " ' "),)
    letter = character_class(word_characters(with_hangul=False)[1])
    number = character_class(characters("IsN"))
    if lang == "en":
        return (
            (re.compile(rf"([^{letter}])'([^{letter}])"), _apart),
            (re.compile(rf"([^{letter}{number}])'([{letter}])"), _apart),
            (re.compile(rf"([{letter}])'([^{letter}])"), _apart),
            (re.compile(rf"([{letter}])'([{letter}])"), _with_right),
            (re.compile(rf"([{number}])'(s)"), _with_right),
        )
    return (
        (re.compile(rf"([^{letter}])'([^{letter}])"), _apart),
        (re.compile(rf"([^{letter}])'([{letter}])"), _apart),
        (re.compile(rf"([{letter}])'([^{letter}])"), _apart),
        (re.compile(rf"([{letter}])'([{letter}])"), lambda match: f"{match[1]}' {match[2]}"),
    )


def _apart(match: re.Match[str]) -> str:
    return f"{match[1]} ' {match[2]}"


def _with_right(match: re.Match[str]) -> str:
    return f"{match[1]} '{match[2]}"
