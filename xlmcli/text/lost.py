"""What a translation may have lost of its text."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class _Placed(Protocol):
    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


class LostPart(NamedTuple):
    """A part of a text that its translation should have, and has not.

    Attributes:
        start: Where it starts in the text.
        end: Where it ends.
        written: How the translation should write it.
    """

    start: int
    end: int
    written: str

    def touches(self, other: _Placed) -> bool:
        """Whether both have a character of the text."""
        return self.start < other.end and other.start < self.end
