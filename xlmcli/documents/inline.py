"""Markup inside a text: taken out of what is translated, and put back around the words that stand for the same."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from xlmcli.documents.parts import Answered, Link, Segment, UnwritableError
from xlmcli.text.marks import OPAQUE, iter_marks

WHITE_SPACE = " \t\r\n\f"
"""What is one space where a text collapses, and none at its ends; any other, such as U+00A0, is a part of the text."""

_SPACES = re.compile(f"[{WHITE_SPACE}]+")
_UNIT = re.compile(r"\w+(?:['’.-]\w+)*|[^\w\s]")
_IS_OPAQUE = frozenset(OPAQUE)
_BREAK = "\n"
_SENTENCE_END = re.compile(r"[.!?…:。！？][\"'’”»)\]]*\s*\Z")
# Words of others in the middle of what is marked are marked with it, if there are no more than these.
_MAX_BRIDGED = 2


class Pair(NamedTuple):
    """A pair of tags around a part of a text."""

    start: int
    end: int
    opening: str
    closing: str


class _Opaque(NamedTuple):
    raw: str
    is_word: bool


class _Unit(NamedTuple):
    """A word of a translation, or a mark that is none, and the places of those of the text that it stands for."""

    start: int
    end: int
    sources: tuple[tuple[int, int], ...]
    is_word: bool = True


@dataclass(slots=True)
class _Node:
    """A pair, and those inside it."""

    pair: Pair
    inner: list[_Node] = field(default_factory=list)


class InlineBuilder:
    """Gathers the text of a segment and what stands in it.

    Args:
        collapses: Whether white space is one space, however much there is.
    """

    def __init__(self, *, collapses: bool = False) -> None:
        self._collapses = collapses
        self._text: list[str] = []
        self._num_characters = 0
        self._last = ""
        self._opaques: list[_Opaque] = []
        self._breaks: list[str] = []
        self._ends_in_break = False
        self._open: list[tuple[int, int, str]] = []
        self._pairs: list[Pair] = []

    def add_text(self, text: str) -> None:
        """Adds text as it reads; what Unicode keeps for internal use is opaque."""
        if self._collapses:
            text = _SPACES.sub(" ", text)
            if self._last in ("", " "):
                text = text.removeprefix(" ")
        for position, part in enumerate(re.split(r"([\ufdd0-\ufdef])", text)):
            if position % 2:
                self.add_opaque(part)
            else:
                self._append(part)

    def add_opaque(self, raw: str, *, is_word: bool = True) -> None:
        """Adds what comes out as it stands in the document; it is a word of the text, or just stands in it."""
        self._append(OPAQUE[len(self._opaques) % len(OPAQUE)])
        self._opaques.append(_Opaque(raw, is_word))

    def add_break(self, raw: str) -> None:
        """Adds a break between lines, which ends a text where a sentence or another break is before it.

        Any other is opaque. What is added must collapse white space, or texts have other ends of lines.
        """
        if self._ends_in_break or self._ends_a_sentence():
            self._append(_BREAK)
            self._breaks.append(raw)
        else:
            self.add_opaque(raw, is_word=False)
        self._ends_in_break = True

    def _ends_a_sentence(self) -> bool:
        last = next((part for part in reversed(self._text) if not part.isspace()), "")
        return _SENTENCE_END.search(last) is not None

    def open(self, raw: str) -> None:
        """Adds the first tag of a pair."""
        self._open.append((len(self._text), self._num_characters, raw))

    def close(self, raw: str) -> None:
        """Adds the second tag of the pair that was opened last; one around nothing is opaque."""
        place, start, opening = self._open.pop()
        inside = "".join(self._text[place:])
        if inside.strip():
            self._pairs.append(Pair(start, self._num_characters, opening, raw))
            return
        del self._text[place:]
        self._num_characters = start
        first = len(self._breaks) - (inside.count(_BREAK) if self._breaks else 0)
        breaks = iter(self._breaks[first:])
        del self._breaks[first:]
        self.add_opaque(opening + "".join(next(breaks, character) for character in inside) + raw, is_word=False)

    def build(self) -> Inline:
        """Returns all that was added; every pair must be closed."""
        text = "".join(self._text)
        if self._collapses:
            text = text.rstrip(WHITE_SPACE)
        pairs = [pair._replace(end=min(pair.end, len(text))) for pair in self._pairs]
        return Inline(text, tuple(self._opaques), tuple(pairs), tuple(self._breaks))

    def _append(self, text: str) -> None:
        if text:
            self._ends_in_break = self._ends_in_break and text.isspace()
            self._text.append(text)
            self._num_characters += len(text)
            self._last = text[-1]


@dataclass(frozen=True, slots=True)
class Inline:
    """A text with markup.

    Attributes:
        text: With a character in place of each opaque thing, and ends of lines in place of breaks.
        opaques: The opaque things, in order.
        pairs: The pairs of tags, each after those inside it.
        breaks: What stands between lines that are texts of their own, in order.
    """

    text: str
    opaques: tuple[_Opaque, ...] = ()
    pairs: tuple[Pair, ...] = ()
    breaks: tuple[str, ...] = ()

    @property
    def has_words(self) -> bool:
        """Whether there is anything to translate."""
        return any(map(str.isalpha, self.text))

    def segment(self, raw: str, spell: Callable[[str], str], *, in_words: bool = True) -> Segment:
        """Returns the segment of what stands in the document.

        Args:
            raw: That.
            spell: Returns how plain text is written there.
            in_words: Whether tags may stand inside of what is between two spaces, and around punctuation alone.
        """
        before, inner, after = self.trim()

        def write(translated: Answered) -> str:
            if translated.text == inner.text:
                return raw
            return before + inner.render(translated, spell, in_words=in_words) + after

        return Segment(inner.text, raw, write)

    def message(self, raw: str, spell: Callable[[str], str], quote: Callable[[str], str] = str) -> Segment:
        """Returns the segment of what is escaped in the document, its markup too; see `segment`.

        Args:
            raw: What stands in the document.
            spell: Returns how all of it is written there.
            quote: Returns how plain text is written in it, before that.
        """
        plain = self.segment(raw, quote)

        def write(translated: Answered) -> str:
            return raw if translated.text == plain.text else spell(plain.write(translated))

        return Segment(plain.text, raw, write)

    def render(self, translated: Answered, spell: Callable[[str], str], *, in_words: bool = True) -> str:
        """Returns a translation with the opaque things in their places and the tags around their words.

        Raises:
            UnwritableError: There are tags, but no words.
        """
        text = translated.text
        opaques = self._find_opaques(text)
        tags = self._place_tags(translated, in_words=in_words)
        written: list[str] = []
        for start, end in _cuts(len(text), [*opaques, *(place + 1 for place in opaques), *tags]):
            written += tags.get(start, ())
            written.append(opaques[start] if start in opaques else spell(text[start:end]))
        return "".join([*written, *tags.get(len(text), ())])

    def trim(self) -> tuple[str, Inline, str]:
        """Returns what stands before all of the text (tags around it, images and such), the rest, what stands after."""
        text, pairs = self.text, list(self.pairs)
        start, end = 0, len(text)
        first, last = 0, len(self.opaques)
        before: list[str] = []
        after: list[str] = []
        while True:
            if pairs and pairs[-1].start <= start and pairs[-1].end >= end:
                outer = pairs.pop()
                before.append(outer.opening)
                after.append(outer.closing)
            elif first < last and self._is_apart(start, self.opaques[first], pairs):
                before.append(self.opaques[first].raw)
                start, first = start + 1, first + 1
                while start < end and text[start] == " ":
                    before.append(" ")
                    start += 1
            elif first < last and self._is_apart(end - 1, self.opaques[last - 1], pairs):
                after.append(self.opaques[last - 1].raw)
                end, last = end - 1, last - 1
                while start < end and text[end - 1] == " ":
                    after.append(" ")
                    end -= 1
            else:
                break
        inner = [Pair(max(start, pair.start) - start, min(end, pair.end) - start, *pair[2:]) for pair in pairs]
        rest = Inline(_renumbered(text[start:end]), self.opaques[first:last], tuple(inner), self.breaks)
        return "".join(before), rest, "".join(reversed(after))

    def _is_apart(self, place: int, opaque: _Opaque, pairs: Sequence[Pair]) -> bool:
        """Whether an opaque thing that is no word stands at an end of a text, and no pair begins or ends there."""
        return (
            not opaque.is_word
            and self.text[place] in _IS_OPAQUE
            and all(pair.start > place or pair.end <= place for pair in pairs)
        )

    def _find_opaques(self, text: str) -> dict[int, str]:
        """What stands for each opaque character and break of a translation, by its place."""
        raws = defaultdict(deque[str], {_BREAK: deque(self.breaks)})
        for number, opaque in enumerate(self.opaques):
            raws[OPAQUE[number % len(OPAQUE)]].append(opaque.raw)
        return {place: raws[character].popleft() for place, character in enumerate(text) if raws.get(character)}

    def _place_tags(self, translated: Answered, *, in_words: bool) -> dict[int, list[str]]:
        """The tags before each character of a translation."""
        closings: defaultdict[int, list[str]] = defaultdict(list)
        openings: defaultdict[int, list[str]] = defaultdict(list)
        if self.pairs:
            cuts = sorted({place for pair in self.pairs for place in (pair.start, pair.end)})
            units = _find_units(self.text, translated, cuts)
            if not units:
                raise UnwritableError
            placed = list(_place(_tree(self.pairs), units, (0, len(self.text))))
            if not in_words:
                placed = [(pair, *_whole_words(translated.text, start, end)) for pair, start, end in placed]
            # Outer ones come first: they open first and close last.
            for pair, start, end in sorted(placed, key=lambda place: (place[1], -place[2])):
                openings[start].append(pair.opening)
                closings[end].insert(0, pair.closing)
        places = sorted({*openings, *closings})
        return {place: [*closings[place], *openings[place]] for place in places}


def opaques_lost(segment_text: str, translation: str) -> bool:
    """Whether a translation lacks, or doubles, an opaque character of its text."""
    return sorted(iter_marks(segment_text)) != sorted(iter_marks(translation))


def _renumbered(text: str) -> str:
    """Opaque characters follow each other as in `OPAQUE`, from the first."""
    count = 0
    characters = []
    for character in text:
        if character in _IS_OPAQUE:
            character = OPAQUE[count % len(OPAQUE)]
            count += 1
        characters.append(character)
    return "".join(characters)


def _cuts(length: int, places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yields the stretches between places."""
    cuts = sorted({0, length, *(place for place in places if place < length)})
    yield from pairwise(cuts)


def _tree(pairs: Sequence[Pair]) -> list[_Node]:
    """Returns the outermost pairs, which hold the others. Each comes after those inside it."""
    roots: list[_Node] = []
    for pair in pairs:
        node = _Node(pair)
        while roots and roots[-1].pair.start >= pair.start:
            node.inner.insert(0, roots.pop())
        roots.append(node)
    return roots


def _find_units(text: str, translated: Answered, cuts: Sequence[int]) -> list[_Unit]:
    """Returns the words of a translation; an opaque character stands for itself.

    Args:
        text: The text.
        translated: Its translation.
        cuts: Where pairs begin and end in the text; a word that stands in both is cut there, such as H2O.
    """
    words = [match.span() for match in _UNIT.finditer(translated.text)]
    others = [match.span() for match in _UNIT.finditer(text)]
    opaques: defaultdict[str, deque[tuple[int, int]]] = defaultdict(deque)
    for start, end in others:
        if text[start] in _IS_OPAQUE:
            opaques[text[start]].append((start, end))
    units: list[_Unit] = []
    links = sorted(translated.links, key=lambda link: (link.target_start, link.target_end))
    ends = [link.target_end for link in links]
    for start, end in words:
        character = translated.text[start]
        if character in _IS_OPAQUE:
            units.append(_Unit(start, end, (opaques[character].popleft(),) if opaques[character] else ()))
        elif links:
            units += _split_word(start, end, links, bisect_right(ends, start))
        else:
            number = len(units) * len(others) // len(words)
            units.append(_Unit(start, end, tuple(others[number : number + 1])))
    cut = [part for unit in units for part in _cut_alike(unit, text, translated.text, cuts)]
    return [unit._replace(is_word=_is_word(translated.text[unit.start : unit.end])) for unit in cut]


def _cut_alike(unit: _Unit, text: str, translation: str, cuts: Sequence[int]) -> Iterator[_Unit]:
    """Yields the parts of a word between cuts, if it is the same in the text, else the word."""
    start, end = unit.sources[0] if len(unit.sources) == 1 else (0, 0)
    inner = cuts[bisect_right(cuts, start) : bisect_left(cuts, end)]
    if not inner or text[start:end] != translation[unit.start : unit.end]:
        yield unit
        return
    shift = unit.start - start
    for first, last in pairwise([start, *inner, end]):
        yield _Unit(first + shift, last + shift, ((first, last),))


def _is_word(text: str) -> bool:
    return text in _IS_OPAQUE or any(map(str.isalnum, text))


def _split_word(start: int, end: int, links: Sequence[Link], number: int) -> Iterator[_Unit]:
    """Yields what between two spaces stands for different words, such as a word and the comma after it.

    Args:
        start: Where it begins.
        end: Where it ends.
        links: By the order of the translation.
        number: Of the first that ends behind its start.
    """
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    while number < len(links) and links[number].target_start < end:
        link = links[number]
        place = (max(start, link.target_start), min(end, link.target_end))
        found.setdefault(place, []).append((link.start, link.end))
        number += 1
    position = start
    for (first, last), sources in sorted(found.items()):
        if position < first:
            yield _Unit(position, first, ())
        if position <= first:
            yield _Unit(first, last, tuple(sources))
            position = last
    if position < end:
        yield _Unit(position, end, ())


def _place(nodes: Sequence[_Node], units: Sequence[_Unit], bounds: tuple[int, int]) -> Iterator[tuple[Pair, int, int]]:
    """Yields where each pair stands around words of a translation, outer ones before inner ones.

    Args:
        nodes: Pairs beside each other.
        units: The words among which they are to stand, at least one.
        bounds: Where in the text these words come from.
    """
    taken = _take(nodes, units)
    free = sorted(set(range(len(units))).difference(*(range(*run) for run in taken.values())))
    words = [place for place in free if units[place].is_word]
    for number, node in enumerate(nodes):
        inside = taken.get(number)
        if inside is None:
            # A free word, else a free mark, else one inside another pair.
            place = _nearest(node.pair, words or free or range(len(units)), bounds, len(units))
            _discard(words, place)
            _discard(free, place)
            inside = (place, place + 1)
        mine = units[inside[0] : inside[1]]
        yield node.pair, mine[0].start, mine[-1].end
        yield from _place(node.inner, mine, (node.pair.start, node.pair.end))


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Widens a place to what stands between spaces, without the punctuation at its ends if there is anything else."""
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    words = [place for place in range(start, end) if _is_word(text[place])]
    return (words[0], words[-1] + 1) if words else (start, end)


def _take(nodes: Sequence[_Node], units: Sequence[_Unit]) -> dict[int, tuple[int, int]]:
    """Which run of words belongs to each pair, for those that have any."""
    owners = [_owner(nodes, unit) for unit in units]
    runs: list[tuple[int, int, int]] = []
    gap = 0
    for place, owner in enumerate(owners):
        if owner is None:
            gap += bool(units[place].sources)
            continue
        if runs and runs[-1][0] == owner and gap <= _MAX_BRIDGED:
            runs[-1] = (owner, runs[-1][1], place + 1)
        else:
            runs.append((owner, place, place + 1))
        gap = 0
    taken: dict[int, tuple[int, int]] = {}
    for owner, start, end in sorted(runs, key=lambda run: run[1] - run[2]):
        taken.setdefault(owner, (start, end))
    return taken


def _owner(nodes: Sequence[_Node], unit: _Unit) -> int | None:
    """The pair that holds most of what a word stands for."""
    shares: Counter[int] = Counter()
    for start, end in unit.sources:
        number = bisect_right(nodes, start, key=lambda node: node.pair.end)
        while number < len(nodes) and nodes[number].pair.start < end:
            pair = nodes[number].pair
            shares[number] += min(end, pair.end) - max(start, pair.start)
            number += 1
    return min(shares, key=lambda number: (-shares[number], number), default=None)


def _nearest(pair: Pair, places: Sequence[int], bounds: tuple[int, int], num_units: int) -> int:
    """The word, of some in order, that is nearest to where a pair stood, in proportion."""
    share = ((pair.start + pair.end) / 2 - bounds[0]) / max(1, bounds[1] - bounds[0])
    number = bisect_left(places, share * num_units - 0.5)
    return min(places[max(0, number - 1) : number + 1], key=lambda place: abs(place + 0.5 - share * num_units))


def _discard(places: list[int], place: int) -> None:
    """Takes a place out of some in order, if it is one of them."""
    number = bisect_left(places, place)
    if places[number : number + 1] == [place]:
        del places[number]


def together(segments: Sequence[Segment], raw: str, combine: Callable[[Sequence[str]], str]) -> Segment:
    """Returns a segment of several, which are asked as lines of one text.

    Args:
        segments: At least one.
        raw: What stands in the document for all of them.
        combine: Returns what stands there, from what is written of each.
    """
    text = "\n".join(segment.text for segment in segments)
    num_lines = [segment.text.count("\n") + 1 for segment in segments]

    def write(translated: Answered) -> str:
        lines = translated.text.split("\n")
        if translated.text == text:
            return raw
        if len(lines) != sum(num_lines):
            raise UnwritableError
        written: list[str] = []
        start = target_start = first = 0
        for segment, number in zip(segments, num_lines, strict=True):
            said = "\n".join(lines[first : first + number])
            links = [
                Link(
                    link.start - start,
                    link.end - start,
                    link.target_start - target_start,
                    link.target_end - target_start,
                )
                for link in translated.links
                if start <= link.start <= start + len(segment.text)
                and target_start <= link.target_start <= target_start + len(said)
            ]
            written.append(segment.write(Answered(said, links)))
            start += len(segment.text) + 1
            target_start += len(said) + 1
            first += number
        return combine(written)

    return Segment(text, raw, write)
