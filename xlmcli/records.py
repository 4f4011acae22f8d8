"""Small records that several parts of the program exchange."""

from __future__ import annotations

from dataclasses import dataclass

from xlmcli.errors import UsageError

# What a search may be asked for: each hypothesis of each sentence in a batch takes memory of its own.
MAX_BEAM_SIZE, MAX_LENGTH_PENALTY = 100, 10
MAX_THREADS, MAX_NUM_BEST_LABELS = 256, 10_000
# Source tokens of a batch. More than these cost time where the engine only encodes.
TRANSLATION_BATCH_TOKENS, ENCODING_BATCH_TOKENS = 2048, 512


@dataclass(frozen=True, slots=True, order=True)
class Direction:
    """A translation direction, such as English to French.

    Attributes:
        src: Language code of the source side.
        tgt: Language code of the target side.
    """

    src: str
    tgt: str

    @classmethod
    def parse(cls, text: str) -> Direction:
        """Reads ``en-fr``.

        Raises:
            UsageError: ``text`` is not two language codes joined by ``-``.
        """
        src, separator, tgt = text.partition("-")
        if not separator or not src or not tgt or "-" in tgt:
            raise UsageError(f"not a direction: {text!r}", hint="write two language codes, such as en-fr")
        return cls(src, tgt)

    @property
    def opposite(self) -> Direction:
        """From ``tgt`` to ``src``."""
        return Direction(self.tgt, self.src)

    def __str__(self) -> str:
        return f"{self.src}-{self.tgt}"
