"""Translations that are given, forced on a bundle's network to see where it looks."""

from __future__ import annotations

from collections.abc import Sequence

from xlmcli.bundle import Bundle
from xlmcli.model.network import Network, NetworkOutput
from xlmcli.records import Direction
from xlmcli.text.pieces import read_vocabularies


class ForcedTranslations:
    """A translation bundle whose network is run on texts and translations that are given.

    Args:
        bundle: The bundle.
        direction: From and to.

    Raises:
        ModelError: The bundle does not translate in that direction, or has parts that are not computed.
    """

    def __init__(self, bundle: Bundle, direction: Direction) -> None:
        frame = bundle.frame(direction)
        self.before, self.after = frame.before, frame.after
        self.start = [bundle.translation.decoder_start, *frame.target]
        vocabularies = list(read_vocabularies(bundle.path).values())
        self._source, self._target = (
            {piece: row for row, piece in enumerate(pieces)} for pieces in (vocabularies[0], vocabularies[-1])
        )
        self._unk = bundle.manifest.tokens.unk
        self._network = Network(bundle.folded_files(direction))

    def run(self, texts: Sequence[Sequence[str]], translations: Sequence[Sequence[str]]) -> list[NetworkOutput]:
        """Returns what the decoder makes of each translation.

        Args:
            texts: The pieces of each text, without those that stand around it.
            translations: The pieces of its translation.

        Returns:
            A row for each of ``start`` and of the translation, with which the piece behind it is chosen; a column for
            each of ``before``, of the text and of ``after``.
        """
        encoded = self._network.encode([self._rows(self._source, [*self.before, *text, *self.after]) for text in texts])
        return self._network.decode([self._rows(self._target, [*self.start, *said]) for said in translations], encoded)

    def _rows(self, vocabulary: dict[str, int], pieces: Sequence[str]) -> list[int]:
        return [vocabulary.get(piece, vocabulary[self._unk]) for piece in pieces]
