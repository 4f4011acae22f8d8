"""Labelled text on disk: TSV (``label<TAB>text`` unless told otherwise), CSV or JSON lines, told apart by suffix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xlmcli.errors import DataError, UsageError
from xlmcli.facts import has_controls
from xlmcli.labelled.reading import iter_labelled_rows
from xlmcli.labelled.rows import LabelledFile, LabelledRow
from xlmcli.lines import iter_byte_lines
from xlmcli.sources import Source
from xlmcli.tables import format_of


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
        UsageError: The source names a column of its own, or is cut to short rows.
    """
    file = _file_of(source, columns)
    for name, value in (("column", source.column), ("max-words", source.max_words)):
        if value is not None:
            raise UsageError(f"{name}= in {str(source)!r} is for text without labels", hint=file.hint)
    for row in iter_labelled_rows(iter_byte_lines(source.path), file):
        place = file.place(row.number)
        names = filter(None, map(str.strip, row.labels))
        labels = _probabilities(row, columns) if row.probabilities else dict.fromkeys(names, 1.0)
        if not labels and not columns.multi_label:
            raise DataError(f"{place}: no label")
        for label in labels:
            # `xlm classify` writes labels between tabs, a line a text, and to a terminal.
            if has_controls(label):
                raise DataError(f"{place}: a label must not hold a tab, a line end or a control: {label[:40]!r}")
        yield Example(labels, tuple(row.others), place)


def _file_of(source: Source, columns: Columns) -> LabelledFile:
    format = format_of(source.path)
    texts = (columns.text,) if columns.pair is None else (columns.text, columns.pair)
    return LabelledFile(
        str(source.path),
        "tsv" if format == "text" else format,
        "training",
        columns.label,
        others=texts,
        multi_label=columns.multi_label,
    )


def _probabilities(row: LabelledRow, columns: Columns) -> dict[str, float]:
    """What a classifier said; where labels exclude each other, what is left out by rounding or ``-k`` is shared."""
    total = 1.0 if columns.multi_label else sum(row.probabilities)
    if total == 0:
        return {}
    return {label: value / total for label, value in zip(row.labels, row.probabilities, strict=True)}
