"""Terms put in place of the words of a translation that stand for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from xlmcli.infer.alignment import Alignment
from xlmcli.infer.terms import FoundTerm
from xlmcli.text.places import Place, Word, find_words
from xlmcli.text.sentences import sentence_separator
from xlmcli.text.spans import FreePlaces, apart, find_spans


def substitute_terms(
    translation: str, alignment: Alignment, terms: Sequence[FoundTerm], lang: str
) -> tuple[str, Alignment, int]:
    """Puts the targets of terms in place of the words that are linked to them, unless they stand there already.

    Args:
        translation: A translation.
        alignment: Its links.
        terms: The terms of the text.
        lang: Language of the translation.

    Returns:
        The translation and its links with the terms in them, and the number of terms for which there was no place.
    """
    spans = find_spans(translation)
    free = FreePlaces(spans)
    taken: dict[Place, FoundTerm] = {}
    left = []
    for term in terms:
        linked = _linked_place(translation, alignment, term, spans, lang)
        standing = [place for place in _find_whole(term.target, translation) if linked and _overlap(place, linked)]
        place = standing[0] if standing else linked
        if place and free.take(place):
            taken[place] = term
        else:
            left.append(term)
    num_missing = 0
    for term in left:
        place = next(filter(free.take, _find_whole(term.target, translation)), None)
        if place:
            taken[place] = term
        else:
            num_missing += 1
    for (start, end), term in sorted(taken.items(), reverse=True):
        if translation[start:end] != term.target:
            translation = translation[:start] + term.target + translation[end:]
            alignment = _relink(alignment, (start, end), term, lang)
    return translation, alignment, num_missing


def _linked_words(alignment: Alignment, term: FoundTerm) -> list[int]:
    """The words of a term, by number."""
    return [number for number, word in enumerate(alignment.source) if word.start < term.end and term.start < word.end]


def _linked_place(
    translation: str, alignment: Alignment, term: FoundTerm, spans: Sequence[Place], lang: str
) -> Place | None:
    """Where the words stand that are linked to a term; the longest run of them, if they lie apart.

    Protected spans beside them that are parts of the term belong to them. In a run may be a word that is not linked,
    but for a protected span; at its ends are no words that belong to others, such as ``n'`` of ``n'est``.
    """
    sources = _linked_words(alignment, term)
    numbers = [
        target
        for source, target in alignment.links
        if source in sources and any(map(str.isalnum, alignment.target[target].text))
    ]
    numbers += [number + 1 for number in numbers if number + 2 in numbers and _is_word(number + 1, alignment, spans)]
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    if not runs:
        return None
    words = [alignment.target[number] for number in max(runs, key=len)]
    if sentence_separator(lang):
        while words and translation[words[-1].end : words[-1].end + 1].isalnum():
            words.pop()
        while words and translation[: words[0].start][-1:].isalnum():
            words.pop(0)
    if not words:
        return None
    start, end = words[0].start, words[-1].end
    own = "".join(alignment.source[number].text for number in sources)
    for first, last in spans:
        if first <= end and start <= last and translation[first:last] in own:
            start, end = min(start, first), max(end, last)
    return start, end


def _is_word(number: int, alignment: Alignment, spans: Sequence[Place]) -> bool:
    """Whether a word of the translation is no protected span."""
    word = alignment.target[number]
    return bool(apart(spans, [(word.start, word.end)]))


def _find_whole(words: str, text: str) -> Iterator[Place]:
    pattern = rf"(?<!\w){re.escape(words)}(?!\w)"
    return (match.span() for match in re.finditer(pattern, text))


def _overlap(one: Place, other: Place) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _relink(alignment: Alignment, place: Place, term: FoundTerm, lang: str) -> Alignment:
    """Links the words of a term that stand in place of others, each to one of the text in order."""
    start, end = place
    shift = len(term.target) - (end - start)
    before = [word for word in alignment.target if word.end <= start]
    after = [word for word in alignment.target if word.start >= end]
    new = [Word(word.text, word.start + start, word.end + start) for word in find_words(term.target, lang)]
    sources = _linked_words(alignment, term)
    step = len(new) - (len(alignment.target) - len(before) - len(after))
    links = [link for link in alignment.links if link[1] < len(before)]
    links += [(sources[min(number, len(sources) - 1)], len(before) + number) for number in range(len(new)) if sources]
    first = len(alignment.target) - len(after)
    links += [(source, target + step) for source, target in alignment.links if target >= first]
    moved = [Word(word.text, word.start + shift, word.end + shift) for word in after]
    return Alignment(alignment.source, [*before, *new, *moved], sorted(links))
