"""Lexicons: words that a translator has seldom seen, and what they are in the other language.

A small model remembers few of the words that stand in its training text a few times; a lexicon made of that text has
them all (Arthur et al. 2016, "Incorporating Discrete Translation Lexicons into Neural Machine Translation").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from xlmcli.errors import DataError
from xlmcli.records import Direction
from xlmcli.text.lost import LostPart
from xlmcli.text.names import is_inside_sentence
from xlmcli.text.sorted_lines import first_line_from
from xlmcli.text.word_lists import WORD

_MAX_CACHED = 1 << 14
_MIN_STEM, _ENDING = 4, 3


class Lexicon:
    """The words of a direction, and their translations.

    Args:
        content: Rows in the order of their bytes: a direction, a word as text mostly has it, what it is to be, and what
            else it may be, tabs between.
        direction: From and to.
    """

    def __init__(self, content: bytes, direction: Direction) -> None:
        self._content = content
        self._direction = direction
        self._find_cached = lru_cache(_MAX_CACHED)(self._find)

    def find_lost(self, text: str, translation: str) -> list[LostPart]:
        """Returns the words of a text that are in the lexicon, and none of whose translations stands in its own.

        A translation may stand there in another form, as long as it begins alike. A word that has a capital inside a
        sentence is a name, unless the lexicon has it so.
        """
        lost: list[LostPart] = []
        said: Sequence[str] | None = None
        for match in WORD.finditer(text):
            translations = self._translations(match[0], text, match.start())
            if not translations:
                continue
            if said is None:
                said = [word.lower() for word in WORD.findall(translation)]
            if not any(are_akin(word, other.lower()) for other in translations for word in said):
                lost.append(LostPart(match.start(), match.end(), translations[0]))
        return lost

    def _translations(self, word: str, text: str, start: int) -> Sequence[str]:
        if word.islower():
            return self._find_cached(word)
        if word.isupper() and len(word) > 1:
            forms = [word.lower(), word.capitalize()]
        elif is_inside_sentence(text, start):
            forms = [word]
        else:
            forms = [word.lower(), word]
        return next(filter(None, map(self._find_cached, forms)), ())

    def _find(self, word: str) -> Sequence[str]:
        key = f"{self._direction}\t{word}\t".encode()
        row = first_line_from(self._content, key)
        return row[len(key) :].decode().split("\t") if row.startswith(key) else ()


def are_akin(word: str, other: str) -> bool:
    """Whether two words in small letters begin alike, as forms of one do: *vowel* and *vowels*, not *war* and *warm*.

    All but the last three letters of the shorter one are alike, and at least four.
    """
    size = max(_MIN_STEM, min(len(word), len(other)) - _ENDING)
    return word[:size] == other[:size]


def format_lexicon(rows: Iterable[tuple[Direction, str, Sequence[str]]]) -> bytes:
    """Returns the rows of a lexicon, a direction, a word and its translations each, as a `Lexicon` takes them."""
    lines = ("\t".join([str(direction), word, *translations]).encode() for direction, word, translations in rows)
    return b"".join(line + b"\n" for line in sorted(lines))


def check_lexicon(lines: Iterable[str], name: str) -> list[tuple[Direction, str, Sequence[str]]]:
    """Reads the rows of a lexicon, which may be in any order.

    Args:
        lines: The rows.
        name: What messages call it.

    Raises:
        DataError: A row has no direction, word or translation, or its word stands there twice; the message has its
            number.
    """
    known: dict[tuple[str, str], int] = {}
    rows: list[tuple[Direction, str, Sequence[str]]] = []
    for number, line in enumerate(lines, start=1):
        direction, *words = (value.strip() for value in line.split("\t"))
        src, _, tgt = direction.partition("-")
        if len(words) < 2 or not all(words) or not (src and tgt):
            raise DataError(
                f"{name}:{number}: no row of a lexicon",
                hint="a row is a direction, a word, a tab between, and then a translation or several",
            )
        first = known.setdefault((direction, words[0]), number)
        if first != number:
            raise DataError(f"{name}:{number}: {words[0]!r} stands at {name}:{first} already")
        rows.append((Direction.parse(direction), words[0], words[1:]))
    return rows
