"""Moses' tokeniser: words and punctuation, nothing escaped.

Source: ``tokenizer.perl`` of Moses, as sacremoses does it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import zip_longest

from xlmcli.text.moses_data import character_class, characters, nonbreaking_prefixes, word_characters

_MULTIPLE_STOPS = re.compile(r"\.{2,}")
_STOP_AND_APOSTROPHE = re.compile(r"\.' ?$")
_DIGITS = frozenset("0123456789")

APOSTROPHE_LANGS = frozenset({"en", "fr", "it"})
"""Languages where an apostrophe stays with one of its words: it's is ``it 's``, l'ami is ``l' ami``."""

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]


class MosesTokenizer:
    """Splits lines of a language."""

    def __init__(self, lang: str) -> None:
        alphanumeric, alphabetic = word_characters()
        # Moses counts Hangul in for Korean alone.
        hangul = characters("Hangul") if lang == "ko" else frozenset()
        self.alphanumeric = alphanumeric | hangul
        self._alphabetic = alphabetic | hangul
        self._lower = characters("IsLower")
        self.prefixes, self.numeric_prefixes = nonbreaking_prefixes(lang)
        self._symbol = re.compile(rf"([^{character_class(self.alphanumeric)}\s.'`,\-])")
        self._comma_rules = _comma_rules()
        self._apostrophe_rules = _apostrophe_rules(lang)

    def tokenize(self, text: str) -> list[str]:
        """Returns the tokens of a line whose punctuation is normalised."""
        text = " ".join(self._symbol.split(" ".join(text.split())))
        if ".." in text:
            text = _MULTIPLE_STOPS.sub(r" \g<0> ", text)
        if "," in text:
            for pattern, replacement in self._comma_rules:
                text = pattern.sub(replacement, text)
        if "'" in text:
            for pattern, replacement in self._apostrophe_rules:
                text = pattern.sub(replacement, text)
        tokens = self._split_stops(text.split())
        if tokens and tokens[-1].endswith(".'"):
            tokens[-1:] = _STOP_AND_APOSTROPHE.sub(" . '", tokens[-1]).split()
        return tokens

    def keeps_stop(self, prefix: str) -> bool:
        """Tells whether a word keeps its full stop whatever follows it: an abbreviation."""
        return prefix in self.prefixes or ("." in prefix and not self._alphabetic.isdisjoint(prefix))

    def follows_stop(self, word: str) -> tuple[bool, bool]:
        """Tells whether a word that stands after a full stop starts in lower case, and whether with a digit."""
        return word[0] in self._lower, word[0] in _DIGITS

    def _split_stops(self, words: list[str]) -> list[str]:
        tokens: list[str] = []
        for word, after in zip_longest(words, words[1:]):
            prefix = word[:-1]
            if not word.endswith(".") or not prefix or prefix.endswith("."):
                tokens.append(word)
                continue
            in_lower, is_number = self.follows_stop(after) if after is not None else (False, False)
            if self.keeps_stop(prefix) or in_lower or (is_number and prefix in self.numeric_prefixes):
                tokens.append(word)
            else:
                tokens += [prefix, "."]
        return tokens


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
    letter = character_class(word_characters()[1])
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
