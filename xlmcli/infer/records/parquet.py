"""Parquet: one column is answered in place, or further ones added; the others pass through with their types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import IO, Any

import pyarrow as pa
from pyarrow import parquet

from xlmcli.errors import DataError, unreadable
from xlmcli.infer.reading import Input
from xlmcli.infer.records.protocols import WARNINGS, Added, Answer, FormatOptions, Record, check_names_free

_CHUNK_BYTES = 1 << 16  # Of a column, whose chunks may be large.
_ROWS_READ = 1024
_ROWS_OF_A_GROUP = 1 << 14
_BYTES_OF_A_GROUP = 1 << 26
_NUMBER = pa.float64()
# Of what is added; the rest is JSON.
_TYPES = {
    "language": pa.string(),
    "lang": pa.string(),
    "label": pa.string(),
    "probability": _NUMBER,
    "score": _NUMBER,
    "similarity": _NUMBER,
    "vector": pa.list_(pa.float32()),
}


@dataclass(frozen=True, slots=True)
class ParquetHeader:
    """What comes before the rows: their columns, and which of them is the text."""

    schema: Any
    column: int
    raw: bytes = b""
    num_bytes: int = 0
    text: None = None
    pair: None = None

    def format(self, answer: Answer) -> str:
        raise TypeError("Parquet is no text")


@dataclass(frozen=True, slots=True)
class ParquetRecord:
    """A row.

    Attributes:
        batch: What was read with it.
        index: Which of its rows it is.
        value: What its column holds, which may be nothing.
        pair: The second text.
        num_bytes: Its share of the file.
    """

    batch: Any
    index: int
    value: str | None
    pair: str | None
    num_bytes: int
    raw: bytes = b""

    @property
    def text(self) -> str:
        return self.value or ""

    def format(self, answer: Answer) -> str:
        raise TypeError("Parquet is no text")


def iter_parquet(inputs: Sequence[Input], options: FormatOptions, added: Added) -> Iterator[list[Record]]:
    """Yields a header, then the rows of all files in lists.

    Raises:
        DataError: A file cannot be read, is no Parquet, lacks a column or has others than the first one.
    """
    schema = None
    for source in inputs:
        with _reading_errors(source.name), source.open() as stream:
            if not stream.seekable():
                raise DataError(f"{source.name}: Parquet is read from its end", hint="write it to a file first")
            file = parquet.ParquetFile(stream, buffer_size=_CHUNK_BYTES, pre_buffer=False)
            columns = [_find_column(file.schema_arrow, name, source.name) for name in _names(options)]
            if schema is None:
                schema = file.schema_arrow
                _check_warnings(schema, source.name)
                check_names_free(added.fields, schema.names, f"{source.name}: there is a column")
                yield [ParquetHeader(schema, columns[0])]
            elif not file.schema_arrow.equals(schema):
                raise DataError(f"{source.name}: its columns differ from the first file's")
            num_bytes = (source.num_bytes or 0) // max(1, file.metadata.num_rows)
            for batch in file.iter_batches(_ROWS_READ, use_threads=False):
                yield _records(batch, columns, num_bytes)


@contextmanager
def _reading_errors(name: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(unreadable(name, error)) from error


def _records(batch: Any, columns: Sequence[int], num_bytes: int) -> list[Record]:
    """Returns the rows of a batch, each of which took so many bytes."""
    texts, *others = [batch.column(column).to_pylist() for column in columns]
    pairs = others[0] if others else [None] * len(texts)
    return [
        ParquetRecord(batch, index, text, pair, num_bytes)
        for index, (text, pair) in enumerate(zip(texts, pairs, strict=True))
    ]


@dataclass(frozen=True, slots=True)
class _Row:
    """What is to be written of a row: its text, if that changes, and further columns."""

    record: ParquetRecord
    text: str | None
    cells: Mapping[str, object]

    def final_text(self) -> str | None:
        """What the column of the text holds in the end: what it held if the answer does not say otherwise."""
        return self.record.value if self.text in (None, self.record.text) else self.text


class ParquetSink:
    """Writes rows with their answers; every answer is one row.

    Args:
        file: Where to.
        added: What answers add; None where rows are written as they were read.
    """

    def __init__(self, file: IO[bytes], added: Added | None) -> None:
        self._file = file
        self._added = added
        self._new: list[Any] = []
        self._column = 0
        self._writer: Any = None
        self._rows: list[_Row] = []
        self._num_bytes = 0

    def write(self, answered: Sequence[tuple[Record, Answer | None]]) -> None:
        for record, answer in answered:
            if isinstance(record, ParquetHeader):
                self._column = record.column
                self._new = _new_columns(self._added, record.schema.names)
                schema = pa.schema([*record.schema, *self._new], record.schema.metadata)
                self._writer = parquet.ParquetWriter(self._file, schema)
            else:
                assert isinstance(record, ParquetRecord)
                if not self._rows or self._rows[-1].record.batch is not record.batch:
                    self._num_bytes += record.batch.nbytes
                self._rows.append(_row(record, answer))
        if len(self._rows) >= _ROWS_OF_A_GROUP or self._num_bytes >= _BYTES_OF_A_GROUP:
            self._write_group()

    def finish(self) -> None:
        """Completes the file, with what was answered so far."""
        if self._writer is None:
            return
        try:
            self._write_group()
            self._writer.close()
        finally:
            self._writer.is_open = False  # Or else it would be closed once more when it is collected.

    def _write_group(self) -> None:
        if not self._rows:
            return
        batches = [
            batch.take(pa.array([row.record.index for row in rows]))
            for batch, rows in ((rows[0].record.batch, rows) for rows in _by_batch(self._rows))
        ]
        table = pa.Table.from_batches(batches)
        field = table.schema.field(self._column)
        table = table.set_column(self._column, field, pa.array((row.final_text() for row in self._rows), field.type))
        table = self._with_warnings(table)
        for field in self._new:
            column = [_cell(row.cells.get(field.name), is_json=field.name not in _TYPES) for row in self._rows]
            table = table.append_column(field, pa.array(column, field.type))
        self._writer.write_table(table)
        self._rows, self._num_bytes = [], 0

    def _with_warnings(self, table: Any) -> Any:
        """Adds warnings to those in a column that the input has already."""
        new: list[Any] = [row.cells.get(WARNINGS) for row in self._rows]
        if WARNINGS not in table.schema.names or not any(new):
            return table
        index = table.schema.get_field_index(WARNINGS)
        column = [
            old if added is None else _cell([*_known_warnings(old), *added], is_json=True)
            for old, added in zip(table.column(index).to_pylist(), new, strict=True)
        ]
        return table.set_column(index, table.schema.field(index), pa.array(column, table.schema.field(index).type))


def _names(options: FormatOptions) -> list[str]:
    return [name for name in (options.column, options.pair_column) if name is not None]


def _find_column(schema: Any, name: str, source: str) -> int:
    columns = schema.get_all_field_indices(name)
    if not columns:
        raise DataError(f"{source}: there is no column {name!r}", hint=f"the columns are {', '.join(schema.names)}")
    if len(columns) > 1:
        raise DataError(f"{source}: there are {len(columns)} columns {name!r}", hint="rename one of them")
    kind = schema.field(columns[0]).type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise DataError(f"{source}: column {name!r} is {kind}, not text", hint="--column NAME chooses another")
    return int(columns[0])


def _check_warnings(schema: Any, source: str) -> None:
    for field in schema:
        if field.name == WARNINGS and not (pa.types.is_string(field.type) or pa.types.is_large_string(field.type)):
            raise DataError(
                f"{source}: there is a column {WARNINGS!r} of {field.type}, and warnings of answers are text",
                hint="rename it, or leave it out",
            )


def _new_columns(added: Added | None, taken: Sequence[str]) -> list[Any]:
    if added is None:
        return []
    names = [*added.fields, *(name for name in (*added.suggested, WARNINGS) if name not in taken)]
    return [pa.field(name, _TYPES.get(name, pa.string())) for name in names]


def _row(record: ParquetRecord, answer: Answer | None) -> _Row:
    if answer is None:
        return _Row(record, None, {})
    values = answer.values()
    warnings = {WARNINGS: answer.warnings} if answer.warnings else {}
    return _Row(record, values.text, {**values.added, **values.suggested, **warnings})


def _known_warnings(cell: str | None) -> list[object]:
    """What a cell of warnings holds; text that is no list of them is one."""
    if cell is None:
        return []
    try:
        known = json.loads(cell)
    except json.JSONDecodeError:
        return [cell]
    return known if isinstance(known, list) else [known]


def _by_batch(rows: list[_Row]) -> Iterator[list[_Row]]:
    return (list(group) for _, group in groupby(rows, key=lambda row: id(row.record.batch)))


def _cell(value: object, *, is_json: bool) -> object:
    return json.dumps(value, ensure_ascii=False) if is_json and value is not None else value
