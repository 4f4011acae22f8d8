"""Lines to records: one place picks the reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import cast

from xlmcli.documents.formats import DocumentFormat
from xlmcli.errors import DataError
from xlmcli.infer.reading import Errors, Input, Line, LineCounter, iter_chunks
from xlmcli.infer.records.protocols import Added, FormatOptions, Record, RecordReader

_NOTHING_ADDED = Added()
# Of a document that had to be read whole.
_RECORDS_AT_ONCE = 64


def new_reader(options: FormatOptions, added: Added, counter: LineCounter) -> RecordReader:
    """Returns a reader of the format; of the others, nothing is imported."""
    if options.document is not None:
        from xlmcli.infer.records.documents import DocumentReader

        return DocumentReader(cast(DocumentFormat, options.name), options.document, counter)
    if options.name in ("tsv", "csv"):
        from xlmcli.infer.records.tables import TableReader

        return TableReader(options, added.columns, counter)
    if options.name == "jsonl":
        from xlmcli.infer.records.objects import JsonReader

        return JsonReader(options, added.fields)
    from xlmcli.infer.records.text import TextReader

    return TextReader(options.has_tabbed_pairs)


def iter_records(
    inputs: Sequence[Input], options: FormatOptions, errors: Errors, counter: LineCounter, added: Added = _NOTHING_ADDED
) -> Iterator[list[Record]]:
    """Yields lists of records: those that one read completed, as soon as it did.

    Raises:
        DataError: An input cannot be read or does not keep to the format; the records before were yielded.
    """
    if options.name == "parquet":
        from xlmcli.infer.records.parquet import iter_parquet

        yield from iter_parquet(inputs, options, added)
        return
    reader = new_reader(options, added, counter)
    for position, source in enumerate(inputs):
        chunks = iter_chunks(
            source,
            errors,
            counter,
            is_first=position == 0,
            returns_end_lines=options.name == "csv",
            ends_last=options.document is None,
        )
        for lines in chunks:
            yield from _read_all(reader.read, lines)
        records = iter(reader.end_file())
        while completed := list(islice(records, _RECORDS_AT_ONCE)):
            yield completed


def _read_all(read: Callable[[Line], Sequence[Record]], lines: Sequence[Line]) -> Iterator[list[Record]]:
    records: list[Record] = []
    try:
        for line in lines:
            records += read(line)
    except DataError:
        yield records
        raise
    yield records
