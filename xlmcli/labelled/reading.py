"""Rows with labels out of files of any format: one place picks the reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xlmcli.json_lines import all_labels_in, labels_in, parse_object, text_in, wrong_field
from xlmcli.labelled.rows import LabelledFile, LabelledRow, read_text_row
from xlmcli.labelled.tables import iter_table_rows
from xlmcli.lines import decode_lines
from xlmcli.tables import ALL_LABELS_NAME, LABEL_NAME, PROBABILITY_NAME, TEXT_NAME


def iter_labelled_rows(lines: Iterable[bytes], file: LabelledFile) -> Iterator[LabelledRow]:
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
    if file.format in ("tsv", "csv"):
        return iter_table_rows(texts, file)
    numbered = enumerate(texts, start=1)
    if file.format == "jsonl":
        return (_read_json_row(number, text, file) for number, text in numbered if text.strip())
    return (read_text_row(number, text.removesuffix("\r"), file) for number, text in numbered)


def _read_json_row(number: int, text: str, file: LabelledFile) -> LabelledRow:
    place = file.place(number)
    values = parse_object(text, place)
    others = [text_in(values, field or TEXT_NAME, place, file.hint) for field in file.others]
    if _has_all_labels(values, file):
        return file.row(number, *all_labels_in(values, place, file.hint), others)
    labels = labels_in(values, file.label or LABEL_NAME, place, file.hint, multi_label=file.multi_label)
    probabilities: list[object] = []
    if labels and file.is_predicted and (file.probability is not None or PROBABILITY_NAME in values):
        probabilities.append(_probability(values, file.probability or PROBABILITY_NAME, place, file.hint))
    return file.row(number, labels, probabilities, others)


def _has_all_labels(values: dict[str, object], file: LabelledFile) -> bool:
    """Tells whether the list of labels and probabilities is wanted, and there."""
    if file.label is not None or ALL_LABELS_NAME not in values:
        return False
    if file.role == "training":
        # A list of names is other people's.
        answers = values[ALL_LABELS_NAME]
        return isinstance(answers, list) and len(answers) > 0 and all(isinstance(answer, dict) for answer in answers)
    return file.is_predicted and file.multi_label


def _probability(values: dict[str, object], field: str, place: str, hint: str) -> object:
    if field not in values:
        raise wrong_field(values, field, "a probability", place, hint)
    return values[field]
