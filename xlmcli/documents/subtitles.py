"""SRT and WebVTT: the text of cues is translated; numbers, times, notes and styles stay byte for byte.

A sentence that runs on in the next cue is translated whole and shared out again. The libraries that read subtitles
write them anew in their own way, and read whole files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Literal

from xlmcli.documents.formats import DocumentOptions
from xlmcli.documents.inline import Inline, InlineBuilder
from xlmcli.documents.parts import Answered, DocumentLine, Part, Segment
from xlmcli.documents.tags import paired_tags
from xlmcli.errors import DataError

_TIME = r"(?:\d+:)?\d{1,2}:\d{1,2}[.,]\d{1,3}"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_ARROW = "-->"
_OTHER_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")
_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|</>|<\d[\d:.]*>|\{\\[^{}]*\}|[♪♫]+")
_DASH = re.compile(r"(?:\{\\[^{}]*\})?\s*(?:<[^<>]*>)?\s*[-–—‐]\s*(?=[^\s>-])")
_SENTENCE_END = re.compile(r"[.!?…:;。！？؟।][\"'”’»)\]]*$")
_WORD = re.compile(r"(?:<[^<>]*>|\{\\[^{}]*\}|\S)+")
_MAX_CUES_OF_A_SENTENCE = 8
_MAX_LINES_OF_A_BLOCK = 10_000
_NOTHING = "…"


@dataclass(slots=True)
class _Cue:
    """A cue whose text is one utterance.

    Attributes:
        head: Its number and times.
        body: Its text, as it is written.
        tail: What stands between it and the next one.
        inline: Its text.
    """

    head: str
    body: str
    tail: str
    inline: Inline


class SubtitleParser:
    """Parses a file, a cue at a time; cues of one sentence together.

    Args:
        name: The format.
        options: How long lines may be.
    """

    def __init__(self, name: Literal["srt", "vtt"], options: DocumentOptions) -> None:
        self._is_vtt = name == "vtt"
        self._max_length = options.max_line_length
        self._block: list[DocumentLine] = []
        self._held: list[_Cue] = []
        self._has_begun = False
        self._line_end = "\n"

    def read(self, line: DocumentLine) -> Sequence[Part]:
        self._line_end = line.ending or self._line_end
        if line.text.strip(" \t"):
            self._block.append(line)
            if len(self._block) > _MAX_LINES_OF_A_BLOCK:
                raise DataError(f"{self._block[0].place}: a cue of over {_MAX_LINES_OF_A_BLOCK:,} lines")
            return ()
        return [*self._close_block(), *self._keep(line.raw)]

    def end(self) -> Sequence[Part]:
        return [*self._close_block(), *self._release()]

    def _close_block(self) -> list[Part]:
        block, self._block = self._block, []
        if not block:
            return []
        is_first, self._has_begun = not self._has_begun, True
        if self._is_vtt and is_first:
            if not block[0].text.startswith("WEBVTT"):
                raise DataError(f"{block[0].place}: expected WEBVTT, found {block[0].text[:40]!r}")
            if not any(_ARROW in line.text for line in block):
                return self._keep("".join(line.raw for line in block))
        if self._is_vtt and _OTHER_BLOCK.match(block[0].text):
            return self._keep("".join(line.raw for line in block))
        return self._read_cues(block, is_first=is_first)

    def _read_cues(self, block: list[DocumentLine], *, is_first: bool) -> list[Part]:
        starts: list[int] = []
        for number, line in enumerate(block):
            if _TIMES.fullmatch(line.text):
                starts.append(number)
            elif _ARROW in line.text and (not starts or number == starts[-1] + 1):
                raise DataError(f"{line.place}: not the times of a cue: {line.text.strip()[:60]!r}")
        if not starts and (is_first or self._is_vtt or block[0].text.strip().isdecimal()):
            raise DataError(f"{block[-1].place}: expected the times of a cue, found {block[-1].text.strip()[:40]!r}")
        bounds: list[tuple[int, int]] = []
        for number, start in enumerate(starts):
            has_number = start > 0 and (number == 0 or block[start - 1].text.strip().isdecimal())
            bounds.append((start - has_number, start + 1))
        if not bounds or bounds[0][0] > 0:
            # Text behind a blank line inside a cue has no times of its own.
            bounds.insert(0, (0, 0))
        parts: list[Part] = []
        for (first, text), (end, _) in zip(bounds, [*bounds[1:], (len(block), 0)], strict=True):
            parts += self._read_cue(block[first:text], block[text:end])
        return parts

    def _read_cue(self, head: list[DocumentLine], lines: list[DocumentLine]) -> list[Part]:
        before = "".join(line.raw for line in head)
        if not lines:
            return self._keep(before)
        ending = lines[-1].ending
        body = "".join(line.raw for line in lines).removesuffix(ending)
        has_dashes = any(_DASH.match(line.text) for line in lines)
        inline = self._inline(body)
        if has_dashes or not inline.has_words:
            utterances = self._utterances(lines) if inline.has_words else [body]
            return [*self._release(), before, *utterances, ending]
        cue = _Cue(before, body, ending, inline)
        released = [] if self._held and _continues(self._held[-1].inline, inline) else self._release()
        self._held.append(cue)
        if not _is_open(inline) or len(self._held) == _MAX_CUES_OF_A_SENTENCE:
            # What follows it is no part of it.
            return [*released, *self._release()]
        return released

    def _keep(self, raw: str) -> list[Part]:
        """Takes what stays: behind the cues that are held, if there are any."""
        if not self._held:
            return [raw]
        self._held[-1].tail += raw
        return []

    def _release(self) -> list[Part]:
        """Gives the cues that are held."""
        cues, self._held = self._held, []
        if not cues:
            return []
        raw = "".join(cue.head * (number > 0) + cue.body + cue.tail for number, cue in enumerate(cues))
        raw = raw[: len(raw) - len(cues[-1].tail)]
        return [cues[0].head, self._segment(cues, raw), cues[-1].tail]

    def _segment(self, cues: Sequence[_Cue], raw: str) -> Segment:
        if len(cues) == 1:
            return self._wrapped(cues[0].inline, raw)
        trimmed = [cue.inline.trim() for cue in cues]
        text = " ".join(inner.text for _, inner, _ in trimmed)

        def write(translated: Answered) -> str:
            if translated.text == text:
                return raw
            written = ""
            shares = _share(translated.text, [len(inner.text) for _, inner, _ in trimmed])
            for number, (cue, (before, _, after), share) in enumerate(zip(cues, trimmed, shares, strict=True)):
                lines = _wrap(before + self._spell(share) + after, self._max_length, self._line_end)
                written += (cues[number - 1].tail + cue.head if number else "") + lines
            return written

        return Segment(text, raw, write)

    def _wrapped(self, inline: Inline, raw: str, max_length: int | None = None) -> Segment:
        segment = inline.segment(raw, self._spell)

        def write(translated: Answered) -> str:
            if translated.text == segment.text:
                return raw
            return _wrap(segment.write(translated), max_length or self._max_length, self._line_end)

        return Segment(segment.text, raw, write)

    def _utterances(self, lines: Sequence[DocumentLine]) -> list[Part]:
        """What is said in a cue by different people, each behind a dash."""
        starts = [number for number, line in enumerate(lines) if number == 0 or _DASH.match(line.text)]
        parts: list[Part] = []
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            body = "".join(line.raw for line in lines[start:end]).removesuffix(lines[end - 1].ending)
            dash = _DASH.match(body)
            before = dash[0] if dash else ""
            inline = self._inline(body[len(before) :])
            parts.append(before)
            # Of several, each has a line.
            max_length = len(body) * 10 if len(starts) > 1 else None
            parts.append(
                self._wrapped(inline, body[len(before) :], max_length) if inline.has_words else body[len(before) :]
            )
            parts.append(lines[end - 1].ending if end < len(lines) else "")
        return parts

    def _inline(self, body: str) -> Inline:
        places = [match.span() for match in _MARKUP.finditer(body)]
        paired = paired_tags([body[start:end] for start, end in places])
        builder = InlineBuilder(collapses=True)
        read: Callable[[str], str] = unescape if self._is_vtt else str
        position = 0
        for number, (start, end) in enumerate(places):
            builder.add_text(read(body[position:start]))
            raw = body[start:end]
            if number in paired:
                (builder.close if raw.startswith("</") else builder.open)(raw)
            else:
                builder.add_opaque(raw, is_word=False)
            position = end
        builder.add_text(read(body[position:].rstrip()))
        return builder.build()

    def _spell(self, text: str) -> str:
        if self._is_vtt:
            return escape(text, quote=False)
        return text.replace(_ARROW, "->")


def _is_open(inline: Inline) -> bool:
    """Whether a text ends inside a sentence, and has no markup inside that would have to be shared out."""
    _, inner, _ = inline.trim()
    return not (inner.opaques or inner.pairs or _SENTENCE_END.search(inner.text.rstrip()))


def _continues(before: Inline, inline: Inline) -> bool:
    """Whether a text goes on with the sentence of the one before."""
    _, inner, _ = inline.trim()
    if inner.opaques or inner.pairs:
        return False
    start = inner.text.lstrip("\"'«“‘(….")[:1]
    return start.islower() or before.trim()[1].text.rstrip().endswith(",")


def _share(text: str, lens: Sequence[int]) -> list[str]:
    """Cuts a translation between words, in proportion to the lengths of what it is shared out to."""
    words = text.split()
    if len(words) < len(lens):
        return [*words, *[_NOTHING] * (len(lens) - len(words))]
    ends = [0]
    for word in words:
        ends.append(ends[-1] + len(word) + 1)
    cuts = [0]
    for number in range(1, len(lens)):
        wanted = ends[-1] * sum(lens[:number]) / max(1, sum(lens))
        possible = range(cuts[-1] + 1, len(words) - len(lens) + number + 1)
        cuts.append(min(possible, key=lambda cut: _distance(ends[cut], wanted, words[cut - 1])))
    return [" ".join(words[start:end]) for start, end in zip(cuts, [*cuts[1:], len(words)], strict=True)]


def _distance(end: int, wanted: float, word: str) -> float:
    """How bad a cut is: a comma before it is worth four letters."""
    return abs(end - wanted) - (4 if word.endswith((",", ";", ":", ".", "!", "?", "…")) else 0)


def _wrap(text: str, max_length: int, line_end: str) -> str:
    """Puts a text into one line or two, the latter as equal as may be, and as short as they have to be."""
    words = _WORD.findall(text)
    lens = [len(_MARKUP.sub("", word)) for word in words]
    total = sum(lens) + len(words) - 1
    if total <= max_length or len(words) < 2:
        return " ".join(words)

    def longest(cut: int) -> int:
        first = sum(lens[:cut]) + cut - 1
        return max(first, total - first - 1)

    cut = min(range(1, len(words)), key=longest)
    return " ".join(words[:cut]) + line_end + " ".join(words[cut:])
