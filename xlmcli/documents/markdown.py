"""Markdown: CommonMark with tables, strikethrough, front matter, tasks, footnotes and formulas. Prose is translated.

markdown-it says which lines hold prose.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from xlmcli.documents.formulas import FORMULA, num_formula_lines
from xlmcli.documents.inline import WHITE_SPACE, Inline, InlineBuilder
from xlmcli.documents.markdown_line import TEXT, WORDS, find_events, tag_of, watch_rules
from xlmcli.documents.parts import Answered, Part, Segment, UnwritableError
from xlmcli.documents.tags import pair_up

_LINE = re.compile(r"([^\r\n]*)(\r\n?|\n|\Z)")
_FRONT_MATTER = re.compile(r"(---|\+\+\+)[ \t]*\r?\n(?:.*\r?\n)*?\1[ \t]*(?:\r?\n|\Z)")
_TWO_LINES = re.compile(r"[^\r\n]*(?:\r\n?|\n)?[^\r\n]*")
_MARKED_START = re.compile(r"\[[ xX]\](?=\s)|\[![A-Za-z]+\][^\S\n]*(?:\n[^\S\n]*|$)|\[\^[^\]\s]+\]:\s*")
_OTHER_BLOCK = re.compile(r":::|!!!|\{[:%]|(?:import|export)\s.*(?:\bfrom\s*['\"]|[;={]\s*$)")
_QUOTED_LINE = re.compile(r"[\r\n] {0,3}>")
_UNDERLINE = re.compile(r"[ \t]*(?:\r\n?|\n)[ \t>]*-+[ \t]*(?:[\r\n]|$)")
_BLOCK_START = re.compile(
    r"(?:#{1,6}(?=\s|$)|[-+*](?=\s|$)|>|[=-]+\s*$|(?:[*_-]\s*){3,}$|~{3}|`{3}|\||\d{1,9}(?=[.)](?:\s|$)))"
)
_HEADING_END = re.compile(r"(?:^|(?<=[ \t]))#+[ \t]*\Z")
# In the content of a block, the end of a line that is no hard break.
_SOFT_BREAK = re.compile(r"(?<!  )(?<!\\)\n")
# What is not broken into lines: code, tags, targets of links, words; and the spaces before it.
_UNBROKEN = re.compile(rf" *(?:{FORMULA.pattern}|`+[^`]*`+|<[^<>]*>|\]\([^()]*\)|\]\[[^\[\]]*\]|[^ `<\]]|[`<\]])+|[ ]+")
# With what a line does not begin that was none.
_UNSAFE_START = re.compile(rf"{_BLOCK_START.pattern}|[<|:!{{$%&\\+=~#>-]|\d+[.)]|\[\^|(?:import|export)\b|$")
_LIGHT_ESCAPES = re.compile(r"\\(?=[!-/:-@\[-`{-~])|&(?=#?\w+;)")
_HEAVY_ESCAPES = re.compile(r"[\\`*_\[\]<>&~|$]")
_BREAK_TAG = re.compile(r"<br\b[^<>]*>", re.IGNORECASE)


class _Prose(NamedTuple):
    """Text of a document.

    Attributes:
        content: Without what stands before each of its lines.
        places: Where each of its characters stands in the document, and where it ends.
        is_cell: Whether it stands in a table.
    """

    content: str
    places: Sequence[int]
    is_cell: bool = False


def parse_markdown(text: str, _name: str) -> Iterator[Part]:
    """Yields the parts of a document."""
    reader = _Reader()
    position = 0
    for prose in reader.find_prose(text):
        start, end = prose.places[0], prose.places[-1]
        segment = reader.segment(prose, text) if start >= position else None
        if segment is not None:
            yield text[position:start]
            yield segment
            position = end
    yield text[position:]


class _Reader:
    """Finds prose, and the markup in it."""

    def __init__(self) -> None:
        self._parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
        self._blocks = MarkdownIt("commonmark").enable(["table"])
        self._blocks.core.ruler.enableOnly(["normalize", "block"])
        self._blocks.block.ruler.before(
            "fence", "formula", _formula_block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
        )
        watch_rules(self._parser)
        self._env: dict[str, Any] = {}

    def find_prose(self, text: str) -> Iterator[_Prose]:
        """Yields the text of paragraphs, headings and cells."""
        front = _FRONT_MATTER.match(text)
        offset = front.end() if front else 0
        lines = [(offset + match.start(1), offset + match.end(1)) for match in _LINE.finditer(text[offset:])]
        before, cursor = "", 0
        for token in self._blocks.parse(text[offset:], self._env):
            is_cell = token.type == "inline" and before in ("th_open", "td_open")
            before = token.type
            if token.type != "inline" or token.map is None:
                continue
            start, end = token.map
            if not is_cell:
                found = _locate(token.content, text, lines[start:end])
            else:
                cursor = max(cursor, lines[start][0])
                found = _locate_cell(token.content, text, (cursor, lines[start][1]))
                if found is not None:
                    cursor = found.places[-1]
            if found is not None and found.content and not _OTHER_BLOCK.match(found.content):
                yield _without_start(found)

    def segment(self, prose: _Prose, text: str) -> Segment | None:
        """Returns the segment of a text; None if there is nothing to translate."""
        inline = self._inline(prose, text)
        if not inline.has_words:
            return None
        raw = text[prose.places[0] : prose.places[-1]]
        shape, keeps_blocks = self._shape(prose.content), self._keeps_blocks(prose, text)
        is_underlined = _UNDERLINE.match(text, prose.places[-1]) is not None
        tries = [
            inline.segment(raw, spell, in_words=in_words)
            for in_words in (True, False)
            for spell in (_spell_lightly, _spell_heavily)
        ]
        wrap = _wrapping(prose, text)

        def is_alike(written: str) -> bool:
            inside = written.replace("\\|", "|") if prose.is_cell else written
            return self._shape(inside) == shape and keeps_blocks(written)

        def write(translated: Answered) -> str:
            if translated.text == tries[0].text:
                return raw
            for segment in tries:
                written = _escape_ends(segment.write(translated), raw)
                if prose.is_cell:
                    written = re.sub(r"(?<!\\)\|", r"\\|", written)
                elif is_underlined and "|" not in raw:  # It would begin a table, escaped or not.
                    written = written.replace("|", "&#124;")
                if is_alike(written):
                    wrapped = wrap(written)
                    return wrapped if wrapped == written or is_alike(wrapped) else written
            raise UnwritableError

        return Segment(tries[0].text, raw, write)

    def _shape(self, content: str) -> Counter[tuple[str, str, str, str, str]]:
        """What is in a text but text."""
        tokens = self._parser.parseInline(content, dict(self._env))[0].children or []
        return Counter(
            (
                token.type,
                token.tag,
                token.markup,
                str(sorted(token.attrs.items())),
                "" if token.nesting else token.content,
            )
            for token in tokens
            if token.type not in ("text", "text_special", "softbreak")
        )

    def _keeps_blocks(self, prose: _Prose, text: str) -> Callable[[str], bool]:
        """Returns what tells whether the blocks are the same where a text stands, with another in its place.

        They are taken to be where that cannot be told by its own lines and the next.
        """
        first, last = prose.places[0], prose.places[-1]
        start = text.rfind("\n", 0, first) + 1
        start = max(start, text.rfind("\r", start, first) + 1)
        before, around = text[start:first], _TWO_LINES.match(text, last)
        after = around[0] if around else ""

        def parse(written: str) -> list[Token]:
            return self._blocks.parse(before + written + after, {})

        def keeps(written: str) -> bool:
            return [(token.type, token.markup) for token in parse(written)] == blocks

        tokens = parse(text[first:last])
        blocks = [(token.type, token.markup) for token in tokens]
        is_found = any(token.type == "inline" and token.content.endswith(prose.content) for token in tokens)
        return keeps if is_found else lambda _: True

    def _inline(self, prose: _Prose, text: str) -> Inline:
        content = prose.content
        events = find_events(content, self._parser, self._env)
        tags = [tag_of(event, content) for event in events]
        paired = pair_up(tags)
        builder = InlineBuilder(collapses=True)
        for event, tag, is_paired in zip(events, tags, map(paired.__contains__, range(len(tags))), strict=True):
            raw = text[prose.places[event.start] : prose.places[event.end]]
            if event.kind == TEXT:
                builder.add_text(event.text)
            elif tag is not None and is_paired:
                (builder.close if tag[1] else builder.open)(event.text or raw)
            elif event.kind in ("newline", "escape") or _BREAK_TAG.fullmatch(raw):
                builder.add_break(raw)
            else:
                builder.add_opaque(raw, is_word=event.kind in WORDS)
        return builder.build()


def _formula_block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """The rule of a formula that has lines of its own, which may begin as those of a list do."""
    if state.is_code_block(first):
        return False
    inside = takewhile(
        lambda number: state.isEmpty(number) or state.sCount[number] >= state.blkIndent, range(first, last)
    )
    num_lines = num_formula_lines(state.getLines(number, number + 1, state.blkIndent, False) for number in inside)
    if num_lines and not silent:
        state.line = first + num_lines
        state.push("formula_block", "", 0).map = [first, state.line]
    return num_lines > 0


def _locate(content: str, text: str, lines: Sequence[tuple[int, int]]) -> _Prose | None:
    """Finds the places of a text whose lines stand in those of a document, behind what they are quoted or listed by."""
    found = content.split("\n")
    if len(found) > len(lines):
        return None
    places: list[int] = []
    for number, (line, (start, end)) in enumerate(zip(found, lines, strict=False)):
        inner = line.strip(" \t")
        place = text.rfind(inner, start, end)
        if place < 0:
            return None
        num_spaces = len(line) - len(line.lstrip(" \t"))
        # Spaces before it may be spelt otherwise; those behind it are as they stand.
        places += [place] * num_spaces
        places += range(place, place + len(line) - num_spaces)
        if number < len(found) - 1:
            places.append(min(end, place + len(line) - num_spaces))
        else:
            places.append(place + len(line) - num_spaces)
    return _Prose(content, places)


def _locate_cell(content: str, text: str, place: tuple[int, int]) -> _Prose | None:
    """Finds a cell of a table, in which bars are escaped."""
    pattern = re.compile(r"\\?".join(map(re.escape, re.split(r"(?=\|)", content))))
    found = pattern.search(text, *place)
    if found is None:
        return None
    places: list[int] = []
    position = found.start()
    for character in content:
        places.append(position)
        position += 1 + (character == "|" and text[position] == "\\")
    return _Prose(content, [*places, position], is_cell=True)


def _wrapping(prose: _Prose, text: str) -> Callable[[str], str]:
    """Returns what wraps a translation as its text is wrapped: behind the same marks, and no wider."""
    end = next((match.start() for match in _SOFT_BREAK.finditer(prose.content)), None)
    if end is None or prose.is_cell:
        return str
    line_end = text[prose.places[end] : prose.places[end + 1]]
    prefix = line_end.lstrip("\r\n")
    width = max(map(len, prose.content.splitlines()))
    if prefix == line_end:  # Something else stands between the lines.
        return str

    def wrap(written: str) -> str:
        lines: list[str] = []
        for line in re.split(r"(?<=\n)", written):
            start = line[: len(line) - len(line.lstrip(" \t>"))] if lines else ""
            lines.append(start + _wrap(line[len(start) :], width, line_end))
        return "".join(lines)

    return wrap


def _wrap(line: str, width: int, line_end: str) -> str:
    """Breaks a line where no mark, tag or code is broken, and no line comes out that begins like a block."""
    wrapped, length = "", 0
    for word in _UNBROKEN.findall(line):
        inner = word.lstrip(" ")
        if wrapped and word != inner and length + len(word) > width and not _UNSAFE_START.match(inner):
            wrapped, length = wrapped + line_end, 0
            word = inner
        wrapped, length = wrapped + word, length + len(word)
    return wrapped


def _without_start(prose: _Prose) -> _Prose:
    """Takes off what stands before the prose of a task, a footnote or an alert."""
    start = _MARKED_START.match(prose.content)
    rest = prose.content[start.end() :] if start else prose.content
    inner = rest.lstrip(WHITE_SPACE)
    gone = len(prose.content) - len(inner)
    return _Prose(inner, prose.places[gone:], prose.is_cell)


def _spell_lightly(text: str) -> str:
    return _LIGHT_ESCAPES.sub(lambda match: "\\\\" if match[0] == "\\" else "&amp;", text)


def _spell_heavily(text: str) -> str:
    escaped = _HEAVY_ESCAPES.sub(r"\\\g<0>", text)
    # What stands between escaped brackets may be a formula.
    return escaped.replace("\\]", "&#93;") if "\\[" in escaped else escaped


def _escape_ends(written: str, raw: str) -> str:
    """Escapes what would begin a list, a heading or the like, at the start and behind line breaks, or end a heading."""
    line_break = r"((?:\r\n?|\n)[ \t>]*)" if _QUOTED_LINE.search(raw) else r"((?:\r\n?|\n)[ \t]*)"
    kept = set(re.split(line_break, raw)[2::2])
    lines = re.split(line_break, written)
    lines[0] = _escape_start(lines[0], raw)
    lines[2::2] = [line if line in kept else _escape_start(line) for line in lines[2::2]]
    return _HEADING_END.sub(r"\\\g<0>", "".join(lines))


def _escape_start(line: str, raw: str = "") -> str:
    """Escapes what would begin a list or the like, unless what stands in its place begins so and is none."""
    found, old = _BLOCK_START.match(line), _BLOCK_START.match(raw)
    if found is None or (old is not None and old[0] == found[0]):
        return line
    place = found.end() if found[0].isdecimal() else 0
    return f"{line[:place]}\\{line[place:]}"
