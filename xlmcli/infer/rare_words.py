"""Rare words, which a model has seldom seen: a lexicon knows what they are, and the model where they stand."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

from xlmcli.infer.alignment import Alignment
from xlmcli.infer.hypotheses import Hypothesis
from xlmcli.infer.substitution import substitute_terms
from xlmcli.infer.terms import FoundTerm
from xlmcli.text.casing import to_capitals, with_capital
from xlmcli.text.lexicon import has_word, iter_words
from xlmcli.text.lost import LostPart
from xlmcli.text.names import is_inside_sentence
from xlmcli.text.places import Place
from xlmcli.text.word_lists import LISTED, is_word

_OTHER_HALF = re.compile(r"['’](?!s\b)[^\W\d_]")
_FIRST_HALF = re.compile(r"[^\W\d_]['’]")
_VOWEL = re.compile("[aeiouhyàâäáãéèêëíîïóôöõúùûüœæ]", re.IGNORECASE)
_LONGEST_FUNCTION_WORD = 3


def put_rare_words(text: str, translation: Hypothesis, lost: Sequence[LostPart], lang: str) -> Hypothesis:
    """Puts words that a translation has lost in place of what the model made of each: a single word.

    That is the word itself, if the model has copied it, or else one that is linked to it: a made-up one, if there is
    such, or the longest. Numbers, names that stand in the text, too, and words of three letters stay. A word that is
    all of the text takes the place of all words. It is in capitals where what it replaces is, and has one at the start
    of a sentence.

    Args:
        text: The text.
        translation: Its translation, with links.
        lost: The words, and how each is to be written in a sentence.
        lang: Language of the translation.
    """

    def write(term: FoundTerm, place: Place) -> str | None:
        start, end = place
        if _is_half(translation.text, place, term.target):
            return None
        word, replaced = text[term.start : term.end], translation.text[start:end]
        if len(word) > 1 and word.isupper() and replaced.isupper():
            return to_capitals(term.target, lang)
        is_capital = replaced[0].isupper() and not is_inside_sentence(translation.text, start)
        return with_capital(term.target, lang) if is_capital else term.target

    terms = [FoundTerm(*part) for part in lost]
    links = _link_one_by_one(text, translation.alignment or Alignment(), terms, lang)
    put, links, _ = substitute_terms(translation.text, links, terms, lang, write=write)
    return replace(translation, text=put, alignment=links)


def _link_one_by_one(text: str, alignment: Alignment, terms: Sequence[FoundTerm], lang: str) -> Alignment:
    """Links each term to the one word of the translation that it is to replace, if there is one."""
    said = {number: word.text for number, word in enumerate(alignment.target) if any(map(str.isalpha, word.text))}
    is_alone = len(list(islice(iter_words(text), 2))) == 1
    linked = defaultdict[int, list[int]](list)
    for source, target in alignment.links:
        linked[source].append(target)
    copies = {said[number].lower(): number for number in reversed(said)}
    for term in terms:
        sources = alignment.sources_at(term.start, term.end)
        copy = copies.get(text[term.start : term.end].lower())
        if is_alone:
            chosen = list(said)
        elif copy is not None:
            chosen = [copy]
        else:
            found = {target for source in sources for target in linked[source] if target in said}
            chosen = _choose({number: said[number] for number in found}, text, lang)
        linked.update(dict.fromkeys(sources, chosen))
    return replace(alignment, links=sorted((source, target) for source in linked for target in linked[source]))


def _choose(linked: Mapping[int, str], text: str, lang: str) -> list[int]:
    """Which of some words of a translation a term is to replace, by number; none if none is."""
    left = {number: word for number, word in linked.items() if not _is_kept(word, text)}
    made_up = [number for number in left if lang in LISTED and not is_word(left[number], lang)]
    longer = [number for number in left if len(left[number]) > _LONGEST_FUNCTION_WORD]
    return sorted(made_up or longer, key=lambda number: (len(left[number]), number))[-1:]


def _is_kept(word: str, text: str) -> bool:
    """Whether a word of a translation is a number, or a name that stands in the text."""
    return any(map(str.isdigit, word)) or (word[0].isupper() and has_word(text, word))


def _is_half(text: str, place: Place, word: str) -> bool:
    """Whether a place is a part of *l'arbre* or *don't*, which does not go with another word."""
    start, end = place
    is_first = _OTHER_HALF.match(text, end) is not None
    is_last = _FIRST_HALF.fullmatch(text, max(0, start - 2), start) is not None
    return is_first or (is_last and not _VOWEL.match(word))
