"""Terms put in place of the words of a translation that stand for them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter

from xlmcli.infer.alignment import Alignment
from xlmcli.infer.terms import FoundTerm
from xlmcli.text.letters import in_word
from xlmcli.text.places import Place, Word, find_words
from xlmcli.text.sentences import sentence_separator
from xlmcli.text.spans import FreePlaces, find_spans


def substitute_terms(
    translation: str,
    alignment: Alignment,
    terms: Sequence[FoundTerm],
    lang: str,
    *,
    write: Callable[[FoundTerm, Place], str | None] | None = None,
) -> tuple[str, Alignment, int]:
    """Puts the targets of terms in place of the words that are linked to them, unless they stand there already.

    Args:
        translation: A translation.
        alignment: Its links.
        terms: The terms of the text.
        lang: Language of the translation.
        write: Says how a term is written in a place of the translation, or with None that it does not go there; without
            it terms are as they are.

    Returns:
        The translation and its links with the terms in them, and the number of terms for which there was no place.
    """
    linked = _LinkedWords(translation, alignment, lang)
    standing = {target: list(_find_whole(target, translation)) for target in {term.target for term in terms}}
    free = FreePlaces(linked.spans)
    taken: dict[Place, FoundTerm] = {}
    left = []
    for term in terms:
        place = linked.place(term)
        if place is not None:
            place = next(_touching(standing[term.target], place), place)
        target = term.target if write is None or place is None else write(term, place)
        if place is not None and target is not None and free.take(place):
            taken[place] = term._replace(target=target)
        else:
            left.append(term)
    num_missing = 0
    others = {target: filter(free.take, places) for target, places in standing.items()}
    for term in left:
        place = next(others[term.target], None)
        if place is not None:
            taken[place] = term
        else:
            num_missing += 1
    changed = {place: term for place, term in sorted(taken.items()) if translation[slice(*place)] != term.target}
    return (*linked.put(changed), num_missing)


class _LinkedWords:
    """A translation with its links, in which terms find their places.

    Attributes:
        spans: The protected spans of the translation, which lie apart.
    """

    def __init__(self, translation: str, alignment: Alignment, lang: str) -> None:
        self.spans = find_spans(translation)
        self._translation = translation
        self._alignment = alignment
        self._lang = lang
        self._linked = {target for _, target in alignment.links}
        self._targets: dict[int, list[int]] = {}
        for source, target in alignment.links:
            self._targets.setdefault(source, []).append(target)

    def place(self, term: FoundTerm) -> Place | None:
        """Where the words stand that are linked to a term; the longest run of them, if they lie apart.

        Protected spans beside them that are parts of the term belong to them. In a run may be a word that is not
        linked, but for a protected span; at its ends are no words that belong to others, such as ``n'`` of ``n'est``.
        """
        sources, words = self._alignment.sources_at(term.start, term.end), self._alignment.target
        linked = (target for source in sources for target in self._targets.get(source, ()))
        numbers = {number for number in linked if any(map(str.isalnum, words[number].text))}
        numbers |= {number + 1 for number in numbers if number + 2 in numbers and self._is_unlinked(number + 1)}
        runs: list[list[int]] = []
        for number in sorted(numbers):
            if runs and number == runs[-1][-1] + 1:
                runs[-1].append(number)
            else:
                runs.append([number])
        run = [words[number] for number in max(runs, key=len, default=())]
        if sentence_separator(self._lang):
            while run and self._translation[run[-1].end : run[-1].end + 1].isalnum():
                run.pop()
            while run and self._translation[max(0, run[0].start - 1) : run[0].start].isalnum():
                run.pop(0)
        if not run:
            return None
        start, end = run[0].start, run[-1].end
        own = "".join(self._alignment.source[number].text for number in sources)
        for first, last in list(_touching(self.spans, (start - 1, end + 1))):
            if self._translation[first:last] in own:
                start, end = min(start, first), max(end, last)
        return start, end

    def put(self, changed: Mapping[Place, FoundTerm]) -> tuple[str, Alignment]:
        """Puts terms in places, which are in order; their words are linked to those of the text, one by one in order.

        Returns:
            The translation and its links.
        """
        old, parts, words = self._alignment.target, list[str](), list[Word]()
        numbers: dict[int, int] = {}
        links: list[tuple[int, int]] = []
        position = number = shift = 0

        def keep(until: int) -> int:
            """Keeps the words that end there or before."""
            end = bisect_right(old, until, lo=number, key=attrgetter("end"))
            for index in range(number, end):
                word = old[index]
                numbers[index] = len(words)
                words.append(Word(word.text, word.start + shift, word.end + shift))
            return end

        for (start, end), term in changed.items():
            number = bisect_left(old, end, lo=keep(start), key=attrgetter("start"))
            sources = self._alignment.sources_at(term.start, term.end)
            for index, word in enumerate(find_words(term.target, self._lang)):
                links += [(sources[min(index, len(sources) - 1)], len(words))] if sources else []
                words.append(Word(word.text, word.start + start + shift, word.end + start + shift))
            parts += [self._translation[position:start], term.target]
            position, shift = end, shift + len(term.target) - (end - start)
        keep(len(self._translation))
        links += [(source, numbers[target]) for source, target in self._alignment.links if target in numbers]
        translation = "".join([*parts, self._translation[position:]])
        return translation, Alignment(self._alignment.source, words, sorted(links))

    def _is_unlinked(self, number: int) -> bool:
        """Whether a word of the translation is linked to none, and is no protected span."""
        word = self._alignment.target[number]
        return number not in self._linked and next(_touching(self.spans, (word.start, word.end)), None) is None


def _touching(places: Sequence[Place], place: Place) -> Iterator[Place]:
    """Yields those of places, which are in order and apart, that have letters of another."""
    start, end = place
    for index in range(bisect_right(places, start, key=itemgetter(1)), len(places)):
        if places[index][0] >= end:
            return
        yield places[index]


def _find_whole(words: str, text: str) -> Iterator[Place]:
    start = text.find(words)
    while start >= 0:
        end = start + len(words)
        is_whole = not in_word(text[max(0, start - 1) : start]) and not in_word(text[end : end + 1])
        if is_whole:
            yield start, end
        start = text.find(words, end if is_whole else start + 1)
