"""The pieces that are bytes, in which a vocabulary spells the characters that have no piece."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from itertools import groupby

BYTE_PIECES = tuple(f"<0x{byte:02X}>" for byte in range(256))
"""The piece of every byte, as SentencePiece names them."""


class BytePieces:
    """Tells whether what a model spells in bytes is text.

    Attributes:
        pieces: Those of the vocabulary; none if it has no byte fallback.

    Args:
        ids: The id of every piece of a vocabulary.
    """

    def __init__(self, ids: Mapping[str, int]) -> None:
        self.pieces = BYTE_PIECES if all(piece in ids for piece in BYTE_PIECES) else ()
        self._bytes = {ids[piece]: byte for byte, piece in enumerate(self.pieces)}

    def are_text(self, ids: Sequence[int]) -> bool:
        """Whether bytes that stand together are whole characters, and none of them control characters."""
        if self._bytes.keys().isdisjoint(ids):
            return True
        runs = groupby(ids, key=self._bytes.__contains__)
        return all(_is_text(bytes(map(self._bytes.__getitem__, run))) for is_spelt, run in runs if is_spelt)


def _is_text(spelt: bytes) -> bool:
    try:
        return all(unicodedata.category(character) != "Cc" for character in spelt.decode("utf-8"))
    except UnicodeDecodeError:
        return False
