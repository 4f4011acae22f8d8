"""Terms: words whose translations are given, and where they stand in a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from xlmcli.errors import DataError
from xlmcli.lines import iter_file_lines
from xlmcli.tables import iter_rows
from xlmcli.text.letters import in_word, with_straight_apostrophes
from xlmcli.text.sentences import sentence_separator
from xlmcli.text.spans import FreePlaces

_HINT = "a line is a term, a tab, its translation, and after another tab, a note if you like"
_WORD, _CHARACTER = re.compile(r"\w+"), re.compile(r"\w")


class FoundTerm(NamedTuple):
    """A term in a text: where it starts and ends there, and what it becomes."""

    start: int
    end: int
    target: str


class _Term(NamedTuple):
    source: str
    target: str
    offset: int
    """Where its first word begins, by which it is looked up."""

    def stands_at(self, start: int, text: str) -> bool:
        found = text[start : start + len(self.source)]
        return start >= 0 and (found == self.source or (self.ignores_case and found.lower() == self.source))

    @property
    def ignores_case(self) -> bool:
        return self.source == self.source.lower()


class TermList:
    """Finds terms.

    Args:
        targets: What each term becomes.
        lang: Language of the texts.
    """

    def __init__(self, targets: Mapping[str, str], lang: str) -> None:
        # Without spaces there is no telling where a word ends.
        self._has_spaces = bool(sentence_separator(lang))
        self._word = _WORD if self._has_spaces else _CHARACTER
        self._terms: dict[str, list[_Term]] = {}
        for source, target in targets.items():
            for spelling in dict.fromkeys((source, *(unicodedata.normalize(form, source) for form in ("NFC", "NFD")))):
                first = self._word.search(spelling)
                if first is not None:
                    term = _Term(spelling, target, first.start())
                    self._terms.setdefault(first[0].lower(), []).append(term)

    def find(self, text: str, taken: Sequence[tuple[int, int]] = ()) -> list[FoundTerm]:
        """Returns the terms of a text in order, whole words all; of those that overlap, the longest.

        Args:
            text: The text.
            taken: Places that no term may touch, unless it holds all of them.
        """
        plain = with_straight_apostrophes(text)
        found = [
            (term, start)
            for word in self._word.finditer(plain)
            for term in self._terms.get(word[0].lower(), ())
            if term.stands_at(start := word.start() - term.offset, plain) and self._is_whole(term, start, plain)
        ]
        found.sort(key=lambda item: (-len(item[0].source), item[0].ignores_case, item[1]))
        free = FreePlaces(taken)
        places = [FoundTerm(start, start + len(term.source), term.target) for term, start in found]
        return sorted(place for place in places if free.take((place.start, place.end)))

    def _is_whole(self, term: _Term, start: int, text: str) -> bool:
        """Whether no word goes on beyond the ends of a term, as it does with a letter, or one behind a hyphen."""
        end = start + len(term.source)
        before, after = text[max(0, start - 2) : start][::-1], text[end : end + 2]
        return not self._has_spaces or not (
            (in_word(text[start]) and in_word(before.removeprefix("-")[:1]))
            or (in_word(text[end - 1]) and in_word(after.removeprefix("-")[:1]))
        )


def read_terms(paths: Iterable[Path], lang: str) -> TermList:
    """Reads lists of terms: TSV with a term, its translation and perhaps a note in each row.

    Args:
        paths: The files.
        lang: Language of the terms.

    Raises:
        DataError: A file cannot be read, or a row is no term, or one that has another translation already; the message
            names file and line.
    """
    known: dict[str, tuple[str, str]] = {}
    for path in paths:
        for number, row in iter_rows(iter_file_lines(path), path, is_csv=False):
            place = f"{path}:{number}"
            source, target = (value.strip() for value in (*row, "")[:2])
            source = with_straight_apostrophes(source)
            if not _WORD.search(source):
                raise DataError(f"{place}: {source!r} is no term: it has no letter or digit", hint=_HINT)
            if not target:
                raise DataError(f"{place}: {source!r} has no translation", hint=_HINT)
            other, other_place = known.setdefault(source, (target, place))
            if other != target:
                raise DataError(f"{place}: {source!r} is {target!r} here, and {other!r} at {other_place}")
    return TermList({source: target for source, (target, _) in known.items()}, lang)
