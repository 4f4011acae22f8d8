"""Labels in TSV and CSV files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from xlmcli.labelled.rows import LabelledFile, LabelledRow, read_text_row
from xlmcli.tables import (
    LABEL_NAME,
    PROBABILITY_NAME,
    TEXT_NAME,
    Layout,
    check_column,
    find_layout,
    has_header,
    iter_rows,
    split_labels,
)

Row = tuple[int, list[str]]


def iter_table_rows(texts: Iterator[str], file: LabelledFile) -> Iterator[LabelledRow]:
    """Reads the rows of a table, but for its header.

    Args:
        texts: Its lines.
        file: What they are.

    Raises:
        DataError: A line is not of the format or lacks a column, or a probability is none.
        UsageError: A column has the number 0.
    """
    check_column(file.label, "the label's column")
    check_column(file.probability, "the probability's column")
    for column in file.others:
        check_column(column, "a column")
    names = (file.label or LABEL_NAME, file.probability, *file.others)
    is_csv = file.format == "csv"
    rows = iter_rows(texts, file.source, is_csv=is_csv, names=names, has_empty_values=file.multi_label)
    first = next(rows, None)
    if first is None:
        return
    is_header = has_header(first[1], file.label, (file.probability, *file.others))
    if not is_header:
        rows = chain([first], rows)
        if file.is_predicted and file.format == "tsv" and not file.chooses_columns:
            yield from (read_text_row(number, "\t".join(row), file) for number, row in rows)
            return
    probability = _probability_column(first[1] if is_header else (), file)
    layout = _find_layout(first, probability, file, is_header=is_header)
    for number, row in rows:
        answer, *others = layout.cells(row, file.place(number))
        if file.role == "training" and len(row) != len(first[1]):
            raise file.error(
                number,
                f"expected {len(first[1])} columns as in the first row, found {len(row)}",
                "what separates columns would cut a text short where it stands in it",
            )
        said = None if probability is None else others.pop()
        labels, probabilities = (
            (file.split(answer), []) if said is None or not answer.strip() else _split(answer, said, number, file)
        )
        yield file.row(number, labels, probabilities, others)


def _probability_column(header: Sequence[str], file: LabelledFile) -> str | None:
    if file.probability is None and file.is_predicted and PROBABILITY_NAME in header:
        return PROBABILITY_NAME
    return file.probability


def _find_layout(first: Row, probability: str | None, file: LabelledFile, *, is_header: bool) -> Layout:
    """Finds the columns of label, of others and, at the end, of probability."""
    number, names = first
    label, text = (LABEL_NAME, TEXT_NAME) if is_header else ("1", "2")
    wanted = [file.label or label, *(column or text for column in file.others)]
    if probability is not None:
        wanted.append(probability)
    return find_layout(wanted, names if is_header else None, file.place(number), file.hint)


def _split(answer: str, probability: str, number: int, file: LabelledFile) -> tuple[list[str], list[str]]:
    """Returns labels and probabilities; xlm classify writes several of them with commas between."""
    probabilities = probability.split(",")
    labels = split_labels(answer) if len(probabilities) > 1 else file.split(answer)
    if len(labels) != len(probabilities):
        raise file.error(number, f"expected a probability for each label, found {len(probabilities)} for {len(labels)}")
    return labels, probabilities
