"""Labels in TSV and CSV files."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Literal

from xlmcli.metrics.labels.rows import HINT, LabelColumns, LabelFile, LabelRow, read_text_row
from xlmcli.tables import (
    LABEL_NAME,
    PROBABILITY_NAME,
    check_column,
    find_layout,
    has_header,
    iter_rows,
    split_labels,
)


def iter_table_rows(texts: Iterator[str], file: LabelFile) -> Iterator[LabelRow]:
    """Reads the rows of a table, but for its header.

    Args:
        texts: Its lines.
        file: What they are.

    Raises:
        DataError: A line is not of the format or lacks a column, or a probability is none.
        UsageError: A column has the number 0.
    """
    options = file.options
    check_column(options.label, "the label's column")
    check_column(options.probability, "the probability's column")
    check_column(options.lang, "the language's column")
    names = (options.label or LABEL_NAME, options.probability, options.lang)
    rows = iter_rows(texts, file.source, is_csv=options.format == "csv", names=names)
    first = next(rows, None)
    if first is None:
        return
    if has_header(first[1], options.label, (options.probability, options.lang)):
        yield from _read(rows, first, file)
    elif file.is_predicted and options == LabelColumns("tsv"):
        for number, row in chain([first], rows):
            yield read_text_row(number, "\t".join(row), file)
    else:
        yield from _read(chain([first], rows), None, file)


def _read(
    rows: Iterator[tuple[int, list[str]]], header: tuple[int, list[str]] | None, file: LabelFile
) -> Iterator[LabelRow]:
    options = file.options
    header_number, names = header or (0, None)
    probability = options.probability
    if probability is None and file.is_predicted and names is not None and PROBABILITY_NAME in names:
        probability = PROBABILITY_NAME
    default = "1" if names is None else LABEL_NAME
    label = default if options.label is None else options.label
    wanted = [column for column in (label, probability, options.lang) if column is not None]
    # xlm classify writes its columns at the end, and gold's own "label" may stand before them.
    of_several: Literal["first", "last"] = "last" if file.is_predicted else "first"
    layout = find_layout(wanted, names, file.place(header_number), HINT, of_several=of_several)
    for number, row in rows:
        answer, *others = layout.cells(row, file.place(number))
        lang = None if options.lang is None else others.pop()
        if others and answer.strip():
            yield file.row(number, *_split(answer, others[0], number, file), lang)
        else:
            yield file.row(number, file.split(answer), lang=lang)


def _split(answer: str, probability: str, number: int, file: LabelFile) -> tuple[list[str], list[str]]:
    """Returns labels and probabilities; xlm classify writes several of them with commas between."""
    probabilities = probability.split(",")
    labels = split_labels(answer) if len(probabilities) > 1 else file.split(answer)
    if len(labels) != len(probabilities):
        raise file.error(number, f"expected a probability for each label, found {len(probabilities)} for {len(labels)}")
    return labels, probabilities
