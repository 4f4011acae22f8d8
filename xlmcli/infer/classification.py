"""Classification of streams of records."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import replace

from xlmcli.bundle import Bundle
from xlmcli.infer.encoders import TextEncoder
from xlmcli.infer.engine import EngineOptions, PendingStates
from xlmcli.infer.labels import LabelChooser, Labelled, LabelOptions
from xlmcli.infer.pieces import CUT, Piece, Prepared
from xlmcli.infer.records.protocols import Added, Record
from xlmcli.infer.states import States

UNEXPLAINED = "unexplained"

Texts = tuple[str, str | None]
"""A text, and the second one of a pair."""


class Classification:
    """The work of classifying, for a `Pipeline`.

    A text that is longer than the model is read in passages, and their probabilities are averaged, each weighted by its
    number of tokens.

    Attributes:
        label_names: The model's labels, in the order of their probabilities.
        num_workers: Batches that the engine works on at once.

    Args:
        bundle: A classifier.
        lang: Language of the texts; see `open_languages`.
        labels: Which labels are given.
        options: Where and how to compute.
        encoder: The bundle's, where it is open already.

    Raises:
        ModelError: The bundle is no classifier, cannot be opened, or does not have the language.
        UsageError: The device or the compute type is not to be had, or options contradict each other.
    """

    def __init__(
        self,
        bundle: Bundle,
        lang: str | None,
        labels: LabelOptions,
        options: EngineOptions,
        encoder: TextEncoder | None = None,
    ) -> None:
        from xlmcli.infer.heads import ClassifierHead

        self.label_names = bundle.classifier.labels
        self._chooser = LabelChooser(bundle.classifier, labels)
        self._head = ClassifierHead.load(bundle)
        self._encoder = encoder or TextEncoder(bundle, options)
        self._passages = self._encoder.passages(lang)
        self._is_told_language = lang is not None or bool(bundle.manifest.languages)
        self.num_workers = self._encoder.num_workers

    @property
    def added(self) -> Added:
        """What the answers add to tables and objects."""
        return replace(self._chooser.added, suggested=("lang",) if self._is_told_language else ())

    def prepare(self, records: Sequence[Record]) -> list[Prepared]:
        return self.prepare_texts([(record.text or "", record.pair) for record in records])

    def prepare_texts(self, texts: Sequence[Texts], lang: str | None = None) -> list[Prepared]:
        """Returns texts and pairs of texts as pieces.

        Args:
            texts: The texts.
            lang: Language of all of them; None tells it as of all texts.
        """
        singles = iter(self._passages.prepare([text for text, pair in texts if pair is None], lang))
        pairs = [(text, pair) for text, pair in texts if pair is not None]
        joined = iter(self._passages.prepare_pairs(pairs, lang))
        return [next(singles if pair is None else joined) for _, pair in texts]

    def submit(self, batch: Sequence[Piece]) -> PendingStates[Sequence[list[float]]]:
        return self._encoder.submit(batch, self._probabilities)

    def _probabilities(self, states: States) -> list[list[float]]:
        rows: list[list[float]] = self._head.probabilities(states).tolist()
        return rows

    def finish(self, record: Record, prepared: Prepared, results: Sequence[list[float]]) -> Labelled:
        pieces = prepared.pieces
        if not pieces:
            return Labelled((), self._chooser.is_list, self._chooser.is_multi_label)
        labels = self._chooser.choose(average(results, pieces))
        warnings = (CUT,) if prepared.is_cut else ()
        return Labelled(labels, self._chooser.is_list, self._chooser.is_multi_label, pieces[0].lang, warnings)


def average(results: Sequence[list[float]], pieces: Sequence[Piece]) -> list[float]:
    """Returns the mean of the pieces' probabilities, of every label, weighted by their numbers of tokens."""
    if len(results) == 1:
        return results[0]
    weights = [len(piece.ids) for piece in pieces]
    return [sum(map(operator.mul, column, weights)) / sum(weights) for column in zip(*results, strict=True)]
