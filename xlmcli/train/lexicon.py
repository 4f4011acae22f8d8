"""Learning a lexicon from sentence pairs: which rare words are each other's translation.

Words are aligned in both directions by IBM's first model (Brown et al. 1993, "The Mathematics of Statistical Machine
Translation"), with a preference for the diagonal (Dyer et al. 2013, "A Simple, Fast, and Effective
Reparameterization of IBM Model 2"). What both agree on, as a share of the times that the two words stand there at all
(Dice's coefficient), says how sure a translation is.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlmcli.errors import DataError, UsageError
from xlmcli.outputs import atomic_write
from xlmcli.records import Direction
from xlmcli.sources import Source, iter_rows
from xlmcli.text.lexicon import Entry, are_akin, format_lexicon, iter_words
from xlmcli.text.names import is_inside_sentence
from xlmcli.text.sentences import sentence_separator

_MOST_WORDS = 60
_NUM_ROUNDS = 6
_DIAGONAL, _NOWHERE = 4.0, 0.08
_MIN_DICE = 0.3
_TIMES_OF_AKIN, _TIMES, _TIMES_OF_NAMES = 0.7, 1.5, 4.0
_MIN_LETTERS, _MOST_OTHERS, _MIN_DICE_OF_OTHERS = 3, 5, 0.05
_MUCH = 2


def write_lexicon(path: Path, sources: Sequence[Source], max_count: int, say: Callable[[str], None]) -> None:
    """Learns a lexicon of sentence pairs, and writes it as `xlmcli.text.lexicon.Lexicon` takes it.

    Args:
        path: The file.
        sources: Sentence pairs; equal ones count once.
        max_count: Words that stand in the pairs more often are left to the translator.
        say: Gets a line for every two languages.

    Raises:
        UsageError: A language is written without spaces between words.
        DataError: A file cannot be read or written, or there are no pairs.
    """
    for source in sources:
        for lang in source.langs:
            if not sentence_separator(lang):
                raise UsageError(f"{source}: {lang!r} is written without spaces between words", hint="leave it out")
    entries: list[Entry] = []
    for one, other, num_skipped in _read(sources):
        found = list(_find_entries((one, other), max_count))
        counts = Counter(str(direction) for direction, _, _ in found)
        told = ", ".join(f"{number:,} words of {direction}" for direction, number in counts.items())
        skipped = f", {num_skipped:,} skipped (empty or over {_MOST_WORDS} words)" if num_skipped else ""
        say(f"{len(one.texts):,} pairs{skipped}: {told or 'no words'}")
        entries += found
    with atomic_write(path, "wb") as file:
        file.write(format_lexicon(entries))


@dataclass(slots=True)
class _Side:
    """The words of a language.

    Attributes:
        lang: Its code.
        ids: The number of each word, in small letters.
        forms: How often each is written how, where no sentence starts.
        texts: The words of each text, by number.
    """

    lang: str
    ids: dict[str, int] = field(default_factory=dict)
    forms: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    texts: list[list[int]] = field(default_factory=list)

    def add(self, text: str, matches: Sequence[re.Match[str]]) -> None:
        """Adds the words of a text."""
        self.texts.append([self.ids.setdefault(match[0].lower(), len(self.ids)) for match in matches])
        for match in matches:
            if match[0].islower() or is_inside_sentence(text, match.start()):
                self.forms[match[0].lower()][match[0]] += 1

    def count(self) -> NDArray[np.int64]:
        """How often each word stands there."""
        return np.bincount(np.concatenate([np.array(text, np.int64) for text in self.texts]), minlength=len(self.ids))

    def written(self) -> list[str]:
        """How each word is mostly written; in small letters where that is not much rarer."""
        return [self._written(word) for word in self.ids]

    def _written(self, word: str) -> str:
        forms = self.forms.get(word) or Counter((word,))
        ((form, times),) = forms.most_common(1)
        return form if times > _MUCH * forms[word] else word


def _read(sources: Sequence[Source]) -> Iterator[tuple[_Side, _Side, int]]:
    """Yields both sides of the pairs of every two languages, and how many pairs are empty or too long."""
    by_langs: dict[tuple[str, ...], list[Source]] = defaultdict(list)
    for source in sources:
        by_langs[tuple(sorted(source.langs))].append(source)
    for langs, same in by_langs.items():
        one, other = sides = _Side(langs[0]), _Side(langs[1])
        num_skipped = 0
        seen: set[tuple[str, ...]] = set()
        for source in same:
            for row in iter_rows(source):
                texts = row if source.langs == langs else row[::-1]
                texts = tuple(unicodedata.normalize("NFC", text) for text in texts)
                if texts in seen:
                    continue
                seen.add(texts)
                words = [list(iter_words(text)) for text in texts]
                if all(0 < len(matches) <= _MOST_WORDS for matches in words):
                    for side, text, matches in zip(sides, texts, words, strict=True):
                        side.add(text, matches)
                else:
                    num_skipped += 1
        del seen
        if not any(one.texts) or not any(other.texts):
            raise DataError(f"there are no words in the pairs of {'-'.join(langs)}")
        yield one, other, num_skipped


def _find_entries(sides: tuple[_Side, _Side], max_count: int) -> Iterator[Entry]:
    """Yields the entries of both directions between two languages."""
    one, other = sides
    pairs = _WordPairs(one, other)
    agreed = np.minimum(pairs.count_links(0), pairs.count_links(1))
    counts = one.count(), other.count()
    words = pairs.one, pairs.other
    dice = 2 * agreed / (counts[0][pairs.one] + counts[1][pairs.other])
    written = one.written(), other.written()
    for source, side in enumerate(sides):
        direction = Direction(side.lang, sides[1 - source].lang)
        is_rare = counts[source][words[source]] <= max_count
        found: dict[int, list[int]] = defaultdict(list)
        for index in np.flatnonzero(is_rare & (dice >= _MIN_DICE_OF_OTHERS)).tolist():
            found[words[source][index]].append(index)
        for number, indices in found.items():
            indices.sort(key=dice.__getitem__, reverse=True)
            word = written[source][number]
            translations = [written[1 - source][words[1 - source][index]] for index in indices]
            needed = _times_needed(word, translations[0], direction)
            if dice[indices[0]] >= _MIN_DICE and agreed[indices[0]] >= needed and _is_worth(word, translations[0]):
                # What was left untranslated now and then is no translation.
                others = (
                    other
                    for other, times in zip(translations, agreed[indices], strict=True)
                    if other.lower() != word.lower() or times >= _TIMES_OF_NAMES
                )
                yield direction, word, _without_akin(others)


def _times_needed(word: str, translation: str, direction: Direction) -> float:
    """How often two words have to be each other's translation: what looks alike hardly is so by chance.

    A common word is no name in the other language, but for *lundi* and the like.
    """
    if are_akin(word.lower(), translation.lower()):
        return _TIMES_OF_AKIN
    is_named = word.islower() and not translation.islower() and direction.tgt != "de"
    return _TIMES_OF_NAMES if is_named else _TIMES


def _is_worth(word: str, translation: str) -> bool:
    return len(word) >= _MIN_LETTERS and len(translation) > 1 and translation.lower() != word.lower()


def _without_akin(words: Iterable[str]) -> list[str]:
    """Leaves out words that begin as one before them does, and those that are too many."""
    kept: list[str] = []
    for word in words:
        if not any(are_akin(word.lower(), other.lower()) for other in kept):
            kept.append(word)
    return kept[: _MOST_OTHERS + 1]


class _WordPairs:
    """All words of two languages that stand in the same pair of texts.

    Attributes:
        one: The first language's word of each.
        other: The second language's.
    """

    def __init__(self, one: _Side, other: _Side) -> None:
        lens = [np.array(list(map(len, side.texts))) for side in (one, other)]
        tokens = [np.concatenate([np.array(text, np.int32) for text in side.texts]) for side in (one, other)]
        self._num_tokens = list(map(len, tokens))
        # A link is a word of one text with a word of the other; those of a pair of texts follow each other.
        times = np.repeat(lens[1], lens[0])
        first = np.repeat(np.arange(self._num_tokens[0], dtype=np.int32), times)
        begins = np.repeat(np.cumsum(lens[1]) - lens[1], lens[0])
        second = (np.arange(len(first)) - np.repeat(np.cumsum(times) - times - begins, times)).astype(np.int32)
        self._places = first, second
        places = [_relative_places(length) for length in lens]
        distances = np.abs(places[0][first] - places[1][second])
        self._prior = np.exp(-_DIAGONAL * distances)
        keys = tokens[0][first].astype(np.int64) * len(other.ids) + tokens[1][second]
        unique, pairs = np.unique(keys, return_inverse=True)
        self._pairs = pairs.astype(np.int32)
        self.one, self.other = unique // len(other.ids), unique % len(other.ids)
        self._frequencies = [np.bincount(side) / len(side) for side in tokens]
        self._tokens = tokens

    def count_links(self, source: int) -> NDArray[np.float32]:
        """Returns how often the two words of each pair are taken for each other's translation.

        Args:
            source: Which language's words explain those of the other: 0 or 1.
        """
        explained = 1 - source
        place, num_places = self._places[explained], self._num_tokens[explained]
        nothing = _NOWHERE * self._frequencies[explained][self._tokens[explained]]
        words = (self.one, self.other)[source]
        table = np.ones(len(words), np.float32)
        counts = table
        for _ in range(_NUM_ROUNDS):
            weights = table[self._pairs] * self._prior
            weights /= (np.bincount(place, weights, num_places) + nothing)[place]
            counts = np.bincount(self._pairs, weights, len(words)).astype(np.float32)
            table = counts / np.maximum(np.bincount(words, counts), np.finfo(np.float32).tiny)[words]
        return counts


def _relative_places(lens: NDArray[np.int64]) -> NDArray[np.float32]:
    """Where in its text each word stands, from 0 to 1."""
    total = int(lens.sum())
    begins = np.repeat(np.cumsum(lens) - lens, lens)
    return ((np.arange(total) - begins + 0.5) / np.repeat(lens, lens)).astype(np.float32)
