"""What documents are made of: stretches that stay byte for byte, and segments, each in the place of its translation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Link(NamedTuple):
    """Words that stand for each other: start and end in the text, and in its translation."""

    start: int
    end: int
    target_start: int
    target_end: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a segment's text.

    Attributes:
        text: The translation, with the text's opaque characters.
        links: Which words stand for which; empty where that is not known.
    """

    text: str
    links: Sequence[Link] = ()


class UnwritableError(Exception):
    """A translation with which the markup of its text cannot be kept."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A text to translate.

    Attributes:
        text: What the model is asked: no markup but opaque characters (`xlmcli.text.marks.OPAQUE`), which come back.
        raw: What stands in the document.
        write: Returns what stands there with a translation; may raise an `UnwritableError`.
    """

    text: str
    raw: str
    write: Callable[[Answered], str]


Part = str | Segment


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A line of a document, without the byte-order mark that it may begin with.

    Attributes:
        text: Without its end.
        ending: Empty where the document ends without.
        place: Of what file and number it is, for messages.
    """

    text: str
    ending: str
    place: str

    @property
    def raw(self) -> str:
        return self.text + self.ending


class DocumentParser(Protocol):
    """Takes a document's lines; gives its parts, in order, as soon as they are known."""

    def read(self, line: DocumentLine) -> Sequence[Part]:
        """Takes the next line.

        Raises:
            DataError: It is not of the format; the message names the place.
        """

    def end(self) -> Iterable[Part]:
        """Ends the document; raises as `read` does, before it gives anything."""


class WholeDocument:
    """Parses a document that can only be read as a whole.

    Args:
        parse: Returns the parts of a text, given the name of its file.
    """

    def __init__(self, parse: Callable[[str, str], Iterable[Part]]) -> None:
        self._parse = parse
        self._lines: list[str] = []
        self._name = ""

    def read(self, line: DocumentLine) -> Sequence[Part]:
        self._name = self._name or line.place.rpartition(":")[0]
        self._lines.append(line.raw)
        return ()

    def end(self) -> Iterable[Part]:
        text = "".join(self._lines)
        self._lines.clear()
        return self._parse(text, self._name) if text else ()


def line_of(text: str, offset: int) -> int:
    """Returns the number of the line, from 1, that a character stands in."""
    return text.count("\n", 0, offset) + 1
