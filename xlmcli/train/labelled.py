"""Labelled text on disk: TSV (``label<TAB>text`` unless told otherwise), CSV or JSON lines, told apart by suffix."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xlmcli.errors import DataError
from xlmcli.lines import iter_file_lines
from xlmcli.sources import Source

LABEL_SEPARATOR = ","

_LABEL, _TEXT = "label", "text"

_COMPRESSED = {".gz", ".xz", ".zst"}
_JSON_LINES = {".jsonl", ".ndjson", ".json"}
# A value may be as long as a line may; csv's own limit is 131,072 characters.
csv.field_size_limit(1 << 30)


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a row has its label and its text: a column's number from 1, the name in a header, or a field of JSON.

    A table has a header where a column is given by name, or where no label's column is given and the first row has a
    column ``label``.

    Attributes:
        label: The label; None is ``label``, and the first column where there is no header.
        text: The text; None is ``text``, and the second column where there is no header.
        pair: The second text of a pair; None when texts come alone.
        multi_label: Whether labels are joined by commas (in JSON, they may be a list), from none to many.
    """

    label: str | None = None
    text: str | None = None
    pair: str | None = None
    multi_label: bool = False

    @property
    def are_named(self) -> bool:
        """Whether a table must have a header."""
        given = (self.label, self.text, self.pair)
        return not all(column is None or column.isdecimal() for column in given)

    @property
    def num_texts(self) -> int:
        return 1 if self.pair is None else 2


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled text.

    Attributes:
        labels: One, or with ``multi_label`` any number.
        texts: One text, or two of a pair.
        place: Where it stands, ``path:line``.
    """

    labels: tuple[str, ...]
    texts: tuple[str, ...]
    place: str


def iter_examples(source: Source, columns: Columns) -> Iterator[Example]:
    """Yields a file's examples.

    Raises:
        DataError: The file cannot be read, or a row lacks a column or a label; the message names ``path:line``.
    """
    rows = _iter_objects(source.path, columns) if is_json(source.path) else _iter_table(source.path, columns)
    for place, label, texts in rows:
        labels = _split(label, columns.multi_label)
        if not labels and not columns.multi_label:
            raise DataError(f"{place}: no label")
        yield Example(labels, texts, place)


def is_json(path: Path) -> bool:
    return _suffix(path) in _JSON_LINES


def _suffix(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix in _COMPRESSED else path.suffix


def _split(label: str | list[str], multi_label: bool) -> tuple[str, ...]:
    if not multi_label:
        return (label.strip(),) if isinstance(label, str) and label.strip() else ()
    names = label.split(LABEL_SEPARATOR) if isinstance(label, str) else label
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def _iter_table(path: Path, columns: Columns) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    indices: list[int] = []
    num_columns = None
    for number, row in _iter_rows(path):
        place = f"{path}:{number}"
        if not indices:
            has_header = columns.are_named or (columns.label is None and _LABEL in row)
            label, text = (_LABEL, _TEXT) if has_header else ("1", "2")
            wanted = (columns.label or label, columns.text or text, columns.pair)
            indices = [_find(column, row, place) for column in wanted if column is not None]
            if has_header:
                num_columns = len(row)
                continue
        if num_columns not in (None, len(row)):
            raise DataError(f"{place}: expected {num_columns} columns as in the header, found {len(row)}")
        if len(row) <= max(indices):
            raise DataError(
                f"{place}: expected at least {max(indices) + 1} columns, found {len(row)}",
                hint="--label-column, --text-column and --pair-column choose the columns",
            )
        answer, *texts = [row[index] for index in indices]
        yield place, answer, tuple(texts)


def _find(column: str, header: list[str], place: str) -> int:
    if column.isdecimal():
        return int(column) - 1
    if column not in header:
        raise DataError(f"{place}: no column {column!r}", hint=f"the header has {', '.join(header)}")
    return header.index(column)


def _iter_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line that they start at."""
    lines = (line.removeprefix("\ufeff") for line in iter_file_lines(path))  # a byte-order mark
    if _suffix(path) != ".csv":
        for number, line in enumerate(lines, start=1):
            yield number, line.removesuffix("\r").split("\t")
        return
    reader = csv.reader((f"{line}\n" for line in lines), strict=True)
    number = 1
    try:
        for row in reader:
            if row:
                yield number, row
            number = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}:{number}: not CSV: {error}") from error


def _iter_objects(path: Path, columns: Columns) -> Iterator[tuple[str, str | list[str], tuple[str, ...]]]:
    fields = [columns.text or _TEXT] + ([] if columns.pair is None else [columns.pair])
    for number, line in enumerate(iter_file_lines(path), start=1):
        place = f"{path}:{number}"
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{place}: not JSON: {error}") from error
        if not isinstance(values, dict):
            raise DataError(f"{place}: expected a JSON object, found {line[:40]!r}")
        yield place, _label(values, columns, place), tuple(_text(values, f, place) for f in fields)


def _label(values: dict[str, object], columns: Columns, place: str) -> str | list[str]:
    field = columns.label or _LABEL
    label = values.get(field)
    if isinstance(label, str | int) and not isinstance(label, bool):
        return str(label)
    if columns.multi_label and isinstance(label, list) and all(isinstance(name, str) for name in label):
        return label
    raise _wrong_field(values, field, "a label", place)


def _text(values: dict[str, object], field: str, place: str) -> str:
    text = values.get(field)
    if isinstance(text, str):
        return text
    raise _wrong_field(values, field, "a text", place)


def _wrong_field(values: dict[str, object], field: str, what: str, place: str) -> DataError:
    found = f"found {json.dumps(values[field])[:40]}" if field in values else "no such field"
    return DataError(
        f"{place}: expected {what} in field {field!r}, {found}",
        hint=f"the object has {', '.join(values) or 'none'}; --label-column, --text-column and --pair-column choose",
    )
