"""Rows of files with labels: text, TSV, CSV and JSON lines, as people and ``xlm classify`` write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xlmcli.errors import DataError, UsageError
from xlmcli.json_lines import all_labels_in, labels_in, parse_object, text_in, wrong_field
from xlmcli.lines import decode_lines
from xlmcli.tables import ALL_LABELS_NAME, LABEL_NAME, LABEL_SEPARATOR, PROBABILITY_NAME, FormatName

HINT = "--column, --gold-column, --probability-column and --lang-column choose the columns"


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """Where in a file the labels are.

    Columns of a table are given by number from 1, where it has no header, or by name in its header. Without any, a
    table whose first row has a column ``label`` is taken to have a header, and the first column of others is read.

    Attributes:
        format: Of the file.
        label: Column or field of the label; None is ``label``.
        probability: Column or field of its probability; None is ``probability``, if there is one.
        lang: Column or field of the line's language; None reads none.
    """

    format: FormatName = "text"
    label: str | None = None
    probability: str | None = None
    lang: str | None = None

    def __post_init__(self) -> None:
        chosen = [name for name in (self.label, self.probability, self.lang) if name is not None]
        if self.format == "text" and chosen:
            raise UsageError(
                f"plain text has no column or field {chosen[0]!r}", hint="name the format: tsv, csv or jsonl"
            )


class LabelRow(NamedTuple):
    """What a file says of one line.

    Attributes:
        number: Of the line in the file, from 1.
        label: The only or the likeliest one; in multi-label data all, joined by commas; empty if there is none.
        probability: Of the label, 0-1; None where the file tells none, and in multi-label data.
        lang: Language of the line.
    """

    number: int
    label: str
    probability: float | None
    lang: str | None


@dataclass(frozen=True, slots=True)
class LabelFile:
    """What readers of all formats need to know of a file.

    Attributes:
        source: Its name, for messages.
        options: Where its labels are.
        is_predicted: Whether probabilities may stand beside the labels.
        multi_label: Whether a line may have several labels, or none.
    """

    source: str
    options: LabelOptions
    is_predicted: bool
    multi_label: bool

    def place(self, number: int) -> str:
        """Names a line, for messages."""
        return f"{self.source}:{number}"

    def error(self, number: int, message: str, hint: str | None = None) -> DataError:
        """Returns an error that names a line."""
        return DataError(f"{self.place(number)}: {message}", hint=hint)

    def row(
        self, number: int, labels: Sequence[str], probabilities: Sequence[object] = (), lang: str | None = None
    ) -> LabelRow:
        """Returns a row of the labels that a line gets, the likeliest first, and of their probabilities, if any.

        Raises:
            DataError: A probability is not from 0 to 1.
        """
        parsed = [self._parse_probability(value, number) for value in probabilities]
        if self.multi_label:
            return LabelRow(number, LABEL_SEPARATOR.join(labels), None, lang)
        return LabelRow(number, labels[0] if labels else "", parsed[0] if parsed else None, lang)

    def _parse_probability(self, value: object, number: int) -> float:
        try:
            probability = float(value) if isinstance(value, str | int | float) else None
        except ValueError:
            probability = None
        # What is not a number (NaN) is in no range.
        if probability is None or isinstance(value, bool) or not 0 <= probability <= 1:
            shown = value if isinstance(value, str) else json.dumps(value)
            raise self.error(number, f"expected a probability from 0 to 1, found {shown[:40]!r}")
        return probability


def iter_label_rows(lines: Iterable[bytes], file: LabelFile) -> Iterator[LabelRow]:
    """Reads rows.

    Text of gold is a label a line, and what follows a tab is left alone. Text of predictions is what ``xlm classify``
    writes: a label, or ``label TAB probability`` any number of times, the likeliest first; a TSV file of predictions
    without a header is read likewise, unless a column is given. Empty lines between rows of tables and JSON lines are
    no rows.

    Args:
        lines: Without their ``\\n``.
        file: What they are.

    Raises:
        DataError: A line is not UTF-8, not of the format, or lacks a column or field, or a probability is none; the
            message names ``source:line``.
    """
    texts = decode_lines(lines, file.source)
    if file.options.format in ("tsv", "csv"):
        from xlmcli.metrics.labels.tables import iter_table_rows

        return iter_table_rows(texts, file)
    numbered = enumerate(texts, start=1)
    if file.options.format == "jsonl":
        return (_read_json_row(number, text, file) for number, text in numbered if text.strip())
    return (read_text_row(number, text.removesuffix("\r"), file) for number, text in numbered)


def read_text_row(number: int, text: str, file: LabelFile) -> LabelRow:
    """Reads a line of plain text.

    Raises:
        DataError: It is neither a label nor labels and probabilities in turn.
    """
    columns = text.split("\t")
    if not file.is_predicted or len(columns) == 1:
        return file.row(number, columns[:1])
    if len(columns) % 2:
        raise file.error(
            number,
            f"expected label and probability in turn, found {len(columns)} columns",
            "that is what xlm classify writes without --echo; of other tables, name the format and the label's column",
        )
    return file.row(number, columns[::2], columns[1::2])


def _read_json_row(number: int, text: str, file: LabelFile) -> LabelRow:
    place, options = file.place(number), file.options
    values = parse_object(text, place)
    lang = None if options.lang is None else text_in(values, options.lang, place, HINT)
    if file.is_predicted and file.multi_label and options.label is None and ALL_LABELS_NAME in values:
        return file.row(number, *all_labels_in(values, place, HINT), lang)
    labels = labels_in(values, options.label or LABEL_NAME, place, HINT, multi_label=file.multi_label)
    probabilities: list[object] = []
    if labels and file.is_predicted and (options.probability is not None or PROBABILITY_NAME in values):
        probabilities.append(_probability(values, options.probability or PROBABILITY_NAME, place))
    return file.row(number, labels, probabilities, lang)


def _probability(values: dict[str, object], field: str, place: str) -> object:
    if field not in values:
        raise wrong_field(values, field, "a probability", place, HINT)
    return values[field]
