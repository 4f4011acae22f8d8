"""Rare words, which a model has seldom seen: a lexicon knows what they are, and the model where they stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from xlmcli.infer.alignment import Alignment
from xlmcli.infer.hypotheses import Hypothesis
from xlmcli.infer.substitution import substitute_terms
from xlmcli.infer.terms import FoundTerm
from xlmcli.text.casing import to_capitals, with_capital
from xlmcli.text.lexicon import iter_words
from xlmcli.text.lost import LostPart
from xlmcli.text.places import Place
from xlmcli.text.word_lists import WORD

_APOSTROPHES = ("'", "’")
_OTHER_HALF = re.compile(r"['’](?!s\b)")
_VOWEL = re.compile("[aeiouhyàâäáãéèêëíîïóôöõúùûüœæ]", re.IGNORECASE)


def put_rare_words(text: str, translation: Hypothesis, lost: Sequence[LostPart], lang: str) -> Hypothesis:
    """Puts words that a translation has lost in place of what is linked to them; what is linked to nothing stays lost.

    They are in capitals, or have one, where the word of the text and what they replace are so. A word that is all of
    the text takes the place of all words.

    Args:
        text: The text.
        translation: Its translation, with links.
        lost: The words, and how each is to be written in a sentence.
        lang: Language of the translation.
    """

    def write(term: FoundTerm, place: Place) -> str | None:
        start, end = place
        word, replaced = text[term.start : term.end], translation.text[start:end]
        if _is_half(translation.text, place, term.target) or _is_kept(replaced, text, word):
            return None
        if len(word) > 1 and word.isupper() and replaced.isupper():
            return to_capitals(term.target, lang)
        is_capital = replaced[0].isupper() and (word[0].isupper() or start == 0)
        return with_capital(term.target, lang) if is_capital else term.target

    terms = [FoundTerm(*part) for part in lost]
    links = _linking_alone(text, translation.alignment or Alignment())
    put, links, _ = substitute_terms(translation.text, links, terms, lang, write=write)
    return replace(translation, text=put, alignment=links)


def _linking_alone(text: str, links: Alignment) -> Alignment:
    """Links all words of a translation to the word of a text that has but one."""
    if len(list(iter_words(text))) != 1:
        return links
    source, target = (
        [number for number, word in enumerate(words) if any(map(str.isalpha, word.text))]
        for words in (links.source, links.target)
    )
    return replace(links, links=sorted({*links.links, *product(source, target)}))


def _is_kept(replaced: str, text: str, word: str) -> bool:
    """Whether words of a translation are numbers, or names that stand in the text beside a word of it."""
    names = (match[0] for match in WORD.finditer(replaced) if match[0][0].isupper() and match[0] != word)
    return any(map(str.isdigit, replaced)) or any(re.search(rf"\b{name}\b", text) for name in names)


def _is_half(text: str, place: Place, word: str) -> bool:
    """Whether a place is a part of *l'arbre* or *don't*, which does not go with another word."""
    start, end = place
    is_first = _OTHER_HALF.match(text, end) is not None
    return is_first or (text[max(0, start - 1) : start] in _APOSTROPHES and not _VOWEL.match(word))
