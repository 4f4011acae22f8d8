"""Lexicons: words that a translator has seldom seen, and what they are in the other language.

A small model remembers few of the words that stand in its training text a few times; a lexicon made of that text has
more of them (Arthur et al. 2016, "Incorporating Discrete Translation Lexicons into Neural Machine Translation").
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from xlmcli.errors import DataError, ModelError
from xlmcli.records import Direction
from xlmcli.text.lost import LostPart
from xlmcli.text.names import follows_name, is_inside_sentence
from xlmcli.text.sentences import sentence_separator
from xlmcli.text.sorted_lines import find_line, find_place
from xlmcli.text.word_lists import LISTED, WORD, is_listed, without_accents

Entry = tuple[Direction, str, Sequence[str]]
"""A direction, a word as text mostly has it, and its translations, the best first."""

_MAX_CACHED = 1 << 14
_MIN_STEM, _ENDING, _MIN_START = 4, 3, 3
_AROUND_WORD = string.punctuation + string.whitespace + "¿¡«»“”…\u00a0\u202f"
_MARK = re.compile(b"\xef\xb7[\x90-\xaf]")
"""A mark of protected spans, in UTF-8."""

_HINT = "a row is a direction, a word, and then a translation or several, with tabs between"


class Lexicon:
    """The words of a direction, and their translations.

    Args:
        content: Entries in the order of their bytes, a line each, with tabs between.
        direction: From and to.

    Raises:
        ModelError: Those of the direction are damaged.
    """

    def __init__(self, content: bytes, direction: Direction) -> None:
        key = f"{direction}\t".encode()
        self._rows = content[find_place(content, key) : find_place(content, key + b"\xff")]
        self._direction = direction
        self._find_cached = lru_cache(_MAX_CACHED)(self._find)
        if not _are_rows(self._rows):
            raise ModelError(f"its lexicon is damaged, in {direction}", hint="convert the checkpoint again")

    def __len__(self) -> int:
        return self._rows.count(b"\n")

    def find_lost(self, text: str, translation: str) -> list[LostPart]:
        """Returns the words of a text that are in the lexicon, and none of whose translations stands in its own.

        A translation may stand there in another form, as long as it begins alike. A word that has a capital is a name
        if its translation has it, too, unless it is all of the text; inside a sentence the lexicon must have it with
        its capital, and at the start of one it may not be so in a list of any language (*Walker*). German, whose nouns
        have capitals, goes by these lists, and by what stands before. Of text with accents of their own nothing is
        lost.
        """
        lost: list[LostPart] = []
        if not self._rows or not unicodedata.is_normalized("NFC", text):
            return lost
        said: _Said | None = None
        in_capitals = text.isupper()
        for match in iter_words(text):
            translations = self._translations(match, text, translation, in_capitals=in_capitals)
            if translations:
                said = said or _Said(translation)
                if not said.has(translations):
                    lost.append(LostPart(match.start(), match.end(), translations[0]))
        return lost

    def _translations(self, match: re.Match[str], text: str, translation: str, *, in_capitals: bool) -> tuple[str, ...]:
        word = match[0]
        if word.islower():
            return self._find_cached(word)
        if in_capitals:
            return next(filter(None, map(self._find_cached, (word, word.lower(), word.capitalize()))), ())
        starts = not is_inside_sentence(text, match.start())
        is_alone = text.strip(_AROUND_WORD) == word
        is_listed_so = any(is_listed(word, lang) for lang in LISTED)
        if self._direction.src == "de":
            is_name = is_listed_so or follows_name(text, match.start())
        else:
            is_name = not is_alone and has_word(translation, word)
        found = () if is_name else self._find_cached(word)
        return found or (self._find_cached(word.lower()) if starts and not is_name and not is_listed_so else ())

    def _find(self, word: str) -> tuple[str, ...]:
        key = f"{self._direction}\t{word}\t".encode()
        row = find_line(self._rows, key)
        return tuple(row[len(key) :].decode().split("\t")) if row.startswith(key) else ()


class _Said:
    """The words of a translation."""

    def __init__(self, translation: str) -> None:
        self._by_start: Mapping[str, set[str]] = defaultdict(set)
        for match in WORD.finditer(translation):
            word = match[0].lower()
            self._by_start[without_accents(word)[:_MIN_START]].add(word)
        self._known: dict[tuple[str, ...], bool] = {}

    def has(self, translations: tuple[str, ...]) -> bool:
        """Whether a form of one of these is among them."""
        if translations not in self._known:
            self._known[translations] = any(self._has(word.lower()) for word in translations)
        return self._known[translations]

    def _has(self, word: str) -> bool:
        return any(are_akin(word, other) for other in self._by_start.get(without_accents(word)[:_MIN_START], ()))


def iter_words(text: str) -> Iterator[re.Match[str]]:
    """Yields the words of a text; not those with signs that stand for themselves, such as the vowels of Hindi."""
    for match in WORD.finditer(text):
        start, end = match.span()
        around = text[max(0, start - 1) : start] + text[end : end + 1]
        if not any(unicodedata.category(character).startswith("M") for character in around):
            yield match


def has_word(text: str, word: str) -> bool:
    """Whether a text has a word, written so."""
    return word in text and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def are_akin(word: str, other: str) -> bool:
    """Whether two words in small letters begin alike, as forms of one do: *vowel* and *vowels*, not *war* and *warm*.

    All but the last three letters of the shorter one are alike, accents apart, and at least four; or one of three is
    the other with an *s* behind.
    """
    word, other = without_accents(word), without_accents(other)
    size = max(_MIN_STEM, min(len(word), len(other)) - _ENDING)
    is_plural = len(word) >= _MIN_START and (word + "s" == other or other + "s" == word)
    return word[:size] == other[:size] or is_plural


def format_lexicon(entries: Iterable[Entry]) -> bytes:
    """Returns entries as a `Lexicon` takes them."""
    lines = ("\t".join([str(direction), word, *translations]).encode() for direction, word, translations in entries)
    return b"".join(line + b"\n" for line in sorted(lines))


def read_entries(lines: Iterable[str], name: str) -> list[Entry]:
    """Reads the entries of a lexicon, which may be in any order.

    Args:
        lines: Direction, word and translations of each, with tabs between.
        name: What messages call it.

    Raises:
        DataError: A row is no entry, or its word stands there twice; the message has its number. Or there are none.
    """
    known: dict[tuple[str, str], int] = {}
    entries: list[Entry] = []
    for number, line in enumerate(lines, start=1):
        place = f"{name}:{number}"
        direction, *words = (unicodedata.normalize("NFC", value.strip()) for value in line.split("\t"))
        langs = direction.split("-")
        if len(words) < 2 or not all(words) or len(langs) != 2 or not all(langs):
            raise DataError(f"{place}: no row of a lexicon", hint=_HINT)
        word, *translations = words
        if not WORD.fullmatch(word):
            raise DataError(f"{place}: {word!r} is no single word", hint="xlm translate --terms takes what is not")
        if not all(map(str.isprintable, translations)):
            raise DataError(f"{place}: there are characters in it that cannot be printed", hint="leave them out")
        if not all(map(sentence_separator, langs)):
            raise DataError(f"{place}: of languages without spaces between words", hint="leave it out")
        first = known.setdefault((direction, word), number)
        if first != number:
            raise DataError(f"{place}: {word!r} stands at {name}:{first} already", hint="leave one of them out")
        entries.append((Direction(*langs), word, translations))
    if not entries:
        raise DataError(f"{name}: there is no row in it", hint=_HINT)
    return entries


def _are_rows(rows: bytes) -> bool:
    """Whether rows are such as `format_lexicon` writes, as far as it matters; in bytes, since they are many."""
    try:
        rows.decode()
    except UnicodeDecodeError:
        return False
    has_empty = any(part in rows for part in (b"\r", b"\t\t", b"\t\n"))
    return rows.endswith(b"\n" if rows else b"") and not has_empty and not _MARK.search(rows)
