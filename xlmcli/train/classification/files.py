"""Labelled text on disk: TSV (``label<TAB>text`` unless told otherwise), CSV or JSON lines, told apart by suffix."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xlmcli.errors import DataError, UsageError
from xlmcli.json_lines import all_labels_in, labels_in, parse_object, text_in
from xlmcli.lines import decode_lines, iter_byte_lines
from xlmcli.sources import Source
from xlmcli.tables import ALL_LABELS_NAME, LABEL_NAME, find_layout, format_of, has_header, iter_rows, split_labels

_TEXT_NAME = "text"
_LINE_BREAKERS = re.compile(r"[\t\n\r]")
_HINT = "--label-column, --text-column and --pair-column choose the columns"


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a row has its label and its text: a column's number from 1, the name in a header, or a field of JSON.

    A table has a header where a column is given by name, or where no label's column is given and the first row has a
    column ``label``.

    Attributes:
        label: The label; None is ``label``, and the first column where there is no header.
        text: The text; None is ``text``, and the second column where there is no header.
        pair: The second text of a pair; None when texts come alone.
        multi_label: Whether labels are joined by commas, those that hold one in quotes (in JSON, they may be a list),
            from none to many.
    """

    label: str | None = None
    text: str | None = None
    pair: str | None = None
    multi_label: bool = False

    @property
    def num_texts(self) -> int:
        return 1 if self.pair is None else 2


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled text.

    Attributes:
        labels: Each label's probability, 0-1. That of one label, or with ``multi_label`` of any number, is 1 where
            somebody has labelled the text; a classifier may have left it uncertain.
        texts: One text, or two of a pair.
        place: Where it stands, ``path:line``.
    """

    labels: dict[str, float]
    texts: tuple[str, ...]
    place: str


def iter_examples(source: Source, columns: Columns) -> Iterator[Example]:
    """Yields a file's examples.

    Raises:
        DataError: The file cannot be read, or a row lacks a column or a label; the message names ``path:line``.
        UsageError: The source names a column of its own.
    """
    if source.column is not None:
        raise UsageError(f"column= in {str(source)!r} is for text without labels", hint=_HINT)
    read = _iter_objects if format_of(source.path) == "jsonl" else _iter_table
    for place, answers, texts in read(source.path, columns):
        labels = answers if isinstance(answers, dict) else dict.fromkeys(filter(None, map(str.strip, answers)), 1.0)
        if not labels and not columns.multi_label:
            raise DataError(f"{place}: no label")
        for label in labels:
            # `xlm classify` writes labels between tabs, a line a text.
            if _LINE_BREAKERS.search(label):
                raise DataError(f"{place}: a label must not hold a tab or a line end: {label[:40]!r}")
        yield Example(labels, texts, place)


def _iter_table(path: Path, columns: Columns) -> Iterator[tuple[str, list[str], tuple[str, ...]]]:
    """Yields place, label and texts of each row."""
    layout, num_columns = None, 0
    lines = decode_lines(iter_byte_lines(path), path)
    names = (columns.label or LABEL_NAME, columns.text, columns.pair)
    for number, row in iter_rows(lines, path, is_csv=format_of(path) == "csv", names=names):
        place = f"{path}:{number}"
        if layout is None:
            is_header = has_header(row, columns.label, (columns.text, columns.pair))
            label, text = (LABEL_NAME, _TEXT_NAME) if is_header else ("1", "2")
            pair = () if columns.pair is None else (columns.pair,)
            wanted = (columns.label or label, columns.text or text, *pair)
            layout = find_layout(wanted, row if is_header else None, place, _HINT)
            num_columns = len(row)
            if is_header:
                continue
        label, *texts = layout.cells(row, place)
        if len(row) != num_columns:
            raise DataError(
                f"{place}: expected {num_columns} columns as in the first row, found {len(row)}",
                hint="what separates columns would cut a text short where it stands in it",
            )
        yield place, split_labels(label) if columns.multi_label else [label], tuple(texts)


def _iter_objects(path: Path, columns: Columns) -> Iterator[tuple[str, list[str] | dict[str, float], tuple[str, ...]]]:
    """Yields place, labels and texts of each object; what `xlm classify --all` made of a text has probabilities."""
    fields = [columns.text or _TEXT_NAME] + ([] if columns.pair is None else [columns.pair])
    for number, line in enumerate(decode_lines(iter_byte_lines(path), path), start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        values = parse_object(line, place)
        labels: list[str] | dict[str, float]
        if columns.label is None and _has_probabilities(values):
            labels = _probabilities(values, place, columns)
        else:
            labels = labels_in(values, columns.label or LABEL_NAME, place, _HINT, multi_label=columns.multi_label)
        yield place, labels, tuple(text_in(values, field, place, _HINT) for field in fields)


def _has_probabilities(values: dict[str, object]) -> bool:
    """Tells whether there is a list of objects, not one of names as other people's text may have."""
    answers = values.get(ALL_LABELS_NAME)
    return isinstance(answers, list) and len(answers) > 0 and all(isinstance(answer, dict) for answer in answers)


def _probabilities(values: dict[str, object], place: str, columns: Columns) -> dict[str, float]:
    """Each label's probability; where labels exclude each other, what is left out by rounding or ``-k`` is shared."""
    probabilities: dict[str, float] = {}
    for label, probability in zip(*all_labels_in(values, place, _HINT), strict=True):
        if isinstance(probability, bool) or not isinstance(probability, int | float) or not 0 <= probability <= 1:
            raise DataError(f"{place}: not a probability of {label!r}: {json.dumps(probability)[:40]}")
        probabilities[label] = float(probability)
    total = 1.0 if columns.multi_label else sum(probabilities.values())
    return {label: probability / total for label, probability in probabilities.items()} if total > 0 else {}
