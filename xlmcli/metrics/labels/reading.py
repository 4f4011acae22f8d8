"""Rows of labels out of files of any format: one place picks the reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xlmcli.json_lines import all_labels_in, labels_in, parse_object, text_in, wrong_field
from xlmcli.lines import decode_lines
from xlmcli.metrics.labels.rows import HINT, LabelFile, LabelRow, read_text_row
from xlmcli.metrics.labels.tables import iter_table_rows
from xlmcli.tables import ALL_LABELS_NAME, LABEL_NAME, PROBABILITY_NAME


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
        return iter_table_rows(texts, file)
    numbered = enumerate(texts, start=1)
    if file.options.format == "jsonl":
        return (_read_json_row(number, text, file) for number, text in numbered if text.strip())
    return (read_text_row(number, text.removesuffix("\r"), file) for number, text in numbered)


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
