"""Labels in TSV and CSV files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from xlmcli.errors import UsageError
from xlmcli.metrics.answers import SEPARATOR
from xlmcli.metrics.label_rows import LABEL_NAME, PROBABILITY_NAME, LabelFile, LabelOptions, LabelRow, read_text_row

# A text beside a label may be as long as a line may; csv's own limit is 131,072 characters.
csv.field_size_limit(1 << 30)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Indices of what is read.

    Attributes:
        label: Of the label.
        probability: Of its probability.
        lang: Of the language.
        num_named: How many columns the header names; None without a header.
    """

    label: int
    probability: int | None
    lang: int | None
    num_named: int | None

    @property
    def num_needed(self) -> int:
        return max(self.label, self.probability or 0, self.lang or 0) + 1


def iter_table_rows(texts: Iterator[tuple[int, str]], file: LabelFile) -> Iterator[LabelRow]:
    """Reads the rows of a table, but for its header.

    Args:
        texts: Its lines, numbered.
        file: What they are.

    Raises:
        DataError: A line is not of the format or lacks a column, or a probability is none.
    """
    rows = _iter_csv(texts, file) if file.options.format == "csv" else _iter_tsv(texts)
    first = next(rows, None)
    if first is None:
        return
    columns = _find_columns(*first, file)
    if columns.num_named is None:
        rows = chain([first], rows)
    if columns.num_named is None and file.is_predicted and file.options == LabelOptions("tsv"):
        for number, values in rows:
            yield read_text_row(number, "\t".join(values), file)
        return
    for number, values in rows:
        _check_width(len(values), columns, number, file)
        labels, probabilities = _read_cells(values, columns, number, file)
        yield file.row(number, labels, probabilities, None if columns.lang is None else values[columns.lang])


def _read_cells(values: list[str], columns: _Columns, number: int, file: LabelFile) -> tuple[list[str], list[str]]:
    label = values[columns.label]
    if columns.probability is None or not label.strip():
        return [label], []
    probabilities = values[columns.probability].split(SEPARATOR)
    # xlm classify writes several labels, and as many probabilities, with commas between.
    labels = [label] if len(probabilities) == 1 else label.split(SEPARATOR)
    if len(labels) != len(probabilities):
        raise file.error(number, f"expected a probability for each label, found {len(probabilities)} for {len(labels)}")
    return labels, probabilities


def _iter_tsv(texts: Iterator[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    return ((number, text.split("\t")) for number, text in texts if text.strip() or "\t" in text)


def _iter_csv(texts: Iterator[tuple[int, str]], file: LabelFile) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader((f"{text}\n" for _, text in texts), strict=True)
    number = 1
    try:
        for values in reader:
            if any(value.strip() for value in values) or len(values) > 1:
                yield number, values
            number = reader.line_num + 1
    except csv.Error as error:
        raise file.error(number, f"not CSV: {error}") from error


def _find_columns(number: int, first: list[str], file: LabelFile) -> _Columns:
    options = file.options
    given = [name for name in (options.label, options.probability, options.lang) if name is not None]
    has_header = any(not name.isdecimal() for name in given) or (options.label is None and LABEL_NAME in first)
    label, probability = options.label, options.probability
    if label is None:
        label = LABEL_NAME if has_header else "1"
    if probability is None and file.is_predicted and has_header and PROBABILITY_NAME in first:
        probability = PROBABILITY_NAME
    indices = [
        None if column is None else _index(column, first, number, file) for column in (label, probability, options.lang)
    ]
    assert indices[0] is not None
    return _Columns(indices[0], indices[1], indices[2], len(first) if has_header else None)


def _index(column: str, header: list[str], number: int, file: LabelFile) -> int:
    if column.isdecimal():
        if int(column) == 0:
            raise UsageError("columns count from 1")
        return int(column) - 1
    if column not in header:
        raise file.error(number, f"no column {column!r}", f"the header has {', '.join(header)}")
    # xlm classify writes its columns at the end, and gold's own "label" may stand before them.
    return len(header) - 1 - header[::-1].index(column) if file.is_predicted else header.index(column)


def _check_width(num_found: int, columns: _Columns, number: int, file: LabelFile) -> None:
    if columns.num_named is not None and num_found != columns.num_named:
        raise file.error(number, f"expected {columns.num_named} columns as in the header, found {num_found}")
    if num_found < columns.num_needed:
        raise file.error(number, f"expected at least {columns.num_needed} columns, found {num_found}")
