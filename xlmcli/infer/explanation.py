"""How much each word of a text moves its label: what the label's probability loses where the word is left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple, cast

from xlmcli.infer.classification import UNEXPLAINED, Classification, Texts, average
from xlmcli.infer.engine import PendingStates
from xlmcli.infer.labels import Label, Labelled
from xlmcli.infer.pieces import Piece, Prepared
from xlmcli.infer.records.protocols import Added, Record, Row, Values
from xlmcli.tables import ALL_LABELS_NAME
from xlmcli.text.language_tokens import base_language
from xlmcli.text.places import Word, find_words
from xlmcli.text.word_segmenters import SEGMENTED_LANGS

_EXPLANATION_NAME = "explanation"
# Of a text without each of its words in turn, together: one of 5,000 characters has about as many.
_MAX_CHARACTERS = 1 << 22
_RUN = re.compile(r"\S+")

Shade = Callable[[Sequence[tuple[str, float | None]]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants(Prepared):
    """A text as it is and without each of its words; `pieces` has what they have in common once.

    Attributes:
        whole: The text.
        words: Its words; none if they are too many.
        num_first: How many of them are the first text's, of a pair.
        texts: Which of `pieces` the text has, then the text without each word; none where nothing is left.
    """

    whole: Prepared
    words: Sequence[Word]
    num_first: int
    texts: tuple[tuple[int, ...], ...]


class Explained(NamedTuple):
    """Labels of a text, and what each word does to the probability of each.

    Attributes:
        labelled: The labels.
        words: Of the text; none if they are too many.
        num_first: How many of them are the first text's, of a pair.
        weights: Of every label: by how much its probability is higher than without each word, -1 to 1; None where
            nothing is left without it.
        shade: Makes a line to show of parts of text and the weights of those that are words; None for no person.
    """

    labelled: Labelled
    words: Sequence[Word]
    num_first: int
    weights: tuple[tuple[float | None, ...], ...]
    shade: Shade | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.labelled.warnings

    def lines(self, text: str, index: int) -> list[str]:
        heads = [f"{label.name}\t{label.probability:.4f}\t" for label in self.labelled.labels]
        explained = zip(heads, self.weights, strict=True)
        if self.shade is None:
            return ["\t".join(head + self._format(weights) for head, weights in explained)]
        return [self.shade([(head, None), *self._parts(text, weights)]) for head, weights in explained] or [""]

    def rows(self) -> list[Row]:
        explanation = " | ".join(map(self._format, self.weights))
        return [Row(row.text, (*row.added, explanation)) for row in self.labelled.rows()]

    def values(self) -> Values:
        values = self.labelled.values()
        explanations = [self._list(weights) for weights in self.weights]
        added = {**values.added, _EXPLANATION_NAME: explanations[0] if explanations else None}
        if self.labelled.is_list:
            labels = cast("list[dict[str, object]]", added[ALL_LABELS_NAME])
            explained = zip(labels, explanations, strict=True)
            added[ALL_LABELS_NAME] = [{**label, _EXPLANATION_NAME: words} for label, words in explained]
        return replace(values, added=added)

    def _parts(self, text: str, weights: Sequence[float | None]) -> Iterator[tuple[str, float | None]]:
        end = 0
        for word, weight in zip(self.words, weights, strict=True):
            yield text[end : word.start], None
            yield word.text, weight
            end = word.end
        yield text[end:], None

    def _format(self, weights: Sequence[float | None]) -> str:
        cells = [
            f"{word.text}:{'?' if weight is None else f'{_rounded(weight):+.4f}'}"
            for word, weight in zip(self.words, weights, strict=True)
        ]
        seconds = cells[self.num_first :]
        return " ".join([*cells[: self.num_first], *(["||", *seconds] if seconds else [])])

    def _list(self, weights: Sequence[float | None]) -> list[dict[str, object]]:
        return [
            {
                **word.values(),
                "weight": None if weight is None else _rounded(weight),
                **({} if number < self.num_first else {"pair": True}),
            }
            for number, (word, weight) in enumerate(zip(self.words, weights, strict=True))
        ]


class Explanation:
    """The work of classifying texts, each also without every one of its words, for a `Pipeline`.

    The language of a text stays what it is when a word is left out.

    Attributes:
        num_workers: Batches that the engine works on at once.

    Args:
        classification: Gives the labels.
        shade: As of `Explained`.
    """

    def __init__(self, classification: Classification, shade: Shade | None = None) -> None:
        self._classification = classification
        self._shade = shade
        self.num_workers = classification.num_workers

    @property
    def added(self) -> Added:
        """What the answers add to tables and objects."""
        added = self._classification.added
        return Added((*added.columns, _EXPLANATION_NAME), (*added.fields, _EXPLANATION_NAME), added.suggested)

    def prepare(self, records: Sequence[Record]) -> list[Prepared]:
        wholes = self._classification.prepare(records)
        return [self._vary(record, whole) for record, whole in zip(records, wholes, strict=True)]

    def _vary(self, record: Record, whole: Prepared) -> Variants:
        text, pair = record.text or "", record.pair
        lang = whole.pieces[0].lang if whole.pieces else None
        firsts, seconds = _find_words(text, lang), _find_words(pair or "", lang)
        if (len(firsts) + len(seconds)) * (len(text) + len(pair or "")) > _MAX_CHARACTERS:
            firsts, seconds = [], []
        rests: Iterator[Texts] = chain(
            ((rest, pair) for rest in _rests(text, firsts)), ((text, rest) for rest in _rests(pair or "", seconds))
        )
        # One at a time: a long text as often as it has words would fill the memory.
        others = (self._classification.prepare_texts([rest], lang)[0] for rest in rests)
        # Most passages of a long text are in all of them.
        numbers: dict[tuple[int, ...], int] = {}
        texts = tuple(
            tuple(numbers.setdefault(tuple(piece.ids), len(numbers)) for piece in prepared.pieces)
            for prepared in chain((whole,), others)
        )
        pieces = [Piece(list(ids), lang=lang) for ids in numbers]
        return Variants(pieces, whole=whole, words=firsts + seconds, num_first=len(firsts), texts=texts)

    def submit(self, batch: Sequence[Piece]) -> PendingStates[Sequence[list[float]]]:
        return self._classification.submit(batch)

    def finish(self, record: Record, prepared: Prepared, results: Sequence[list[float]]) -> Explained:
        assert isinstance(prepared, Variants)
        pieces = prepared.pieces
        rows = [
            average([results[number] for number in numbers], [pieces[number] for number in numbers])
            for numbers in prepared.texts
        ]
        whole = [results[number] for number in prepared.texts[0]]
        labelled = self._classification.finish(record, prepared.whole, whole)
        if pieces and not prepared.words:
            labelled = labelled._replace(warnings=(*labelled.warnings, UNEXPLAINED))
        weights = tuple(self._weigh(label, rows) for label in labelled.labels)
        return Explained(labelled, prepared.words, prepared.num_first, weights, self._shade)

    def _weigh(self, label: Label, rows: Sequence[Sequence[float]]) -> tuple[float | None, ...]:
        """Returns how much less a label's probability is in every row but the first; one of no text is empty."""
        whole, *others = rows
        labels = list(map(Label, self._classification.label_names, whole))
        # The label of abstention has the probability of the likeliest.
        index = labels.index(label) if label in labels else whole.index(max(whole))
        return tuple(whole[index] - row[index] if row else None for row in others)


def _rests(text: str, words: Sequence[Word]) -> Iterator[str]:
    """Yields what is left without each word; that two spaces stand where it was makes no difference."""
    return (text[: word.start] + text[word.end :] for word in words)


def _find_words(text: str, lang: str | None) -> list[Word]:
    """Returns what stands between spaces; in languages that have none, the words that a segmenter finds."""
    if lang is not None and base_language(lang) in SEGMENTED_LANGS:
        return find_words(text, lang)
    return [Word(run[0], *run.span()) for run in _RUN.finditer(text)]


def _rounded(weight: float) -> float:
    return round(weight, 4) + 0.0  # Not -0.0.
