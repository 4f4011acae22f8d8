"""Input and output opened, and left at once when nobody reads on."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from xlmcli.cli.options import require_extra
from xlmcli.cli.resumption import describe_job
from xlmcli.cli.streams.stream import LineStream, StreamOptions
from xlmcli.documents.formats import DOCUMENT_FORMATS, PLAIN_FORMATS, document_format
from xlmcli.errors import DataError, ExitCode, UsageError
from xlmcli.lines import STDIN, content_suffix
from xlmcli.outputs import atomic_write, compressing
from xlmcli.tables import format_of

if TYPE_CHECKING:
    from xlmcli.infer.reading import Input
    from xlmcli.infer.records.protocols import FormatOptions
    from xlmcli.journal import Journal

_UNWRITTEN_ENDINGS = {
    ".npy", ".npz", ".bz2", ".lz", ".lz4", ".lzma", ".lzo", ".br", ".z", ".zip", ".7z", ".rar", ".tar", ".tgz", ".txz",
    ".parquet", ".arrow", ".feather", ".orc", ".avro", ".xls", ".xlsx", ".ods", ".doc", ".docx", ".odt", ".rtf", ".pdf",
    ".h5", ".hdf5", ".mat", ".pt", ".pth", ".pkl", ".pickle", ".safetensors", ".db", ".sqlite",
}  # fmt: skip


def can_resume(format_name: str) -> bool:
    """Tells whether output in a format can be gone on with in its middle."""
    return format_name in ("text", "tsv", "csv", "jsonl")


@contextlib.contextmanager
def open_stream(options: StreamOptions, formats: FormatOptions, *, is_array: bool = False) -> Iterator[LineStream]:
    """Opens input and output; a file for output appears when the block ends well.

    Args:
        options: What the user said.
        formats: How input is read.
        is_array: Whether the output is an array, and not text.
    """
    if options.opener is not None:
        with options.opener.open(options, formats, is_array=is_array) as stream:
            yield stream
        return
    if options.resume and not can_resume(formats.name):
        raise UsageError(f"--resume cannot go on in the middle of {formats.name}", hint="leave out --resume")
    if formats.name == "parquet":
        require_extra("parquet", "pyarrow")
    if options.output is not None and not is_array:
        _check_ending(options, formats)
    inputs = _open_inputs(options.files, options.text)
    if options.resume:
        with _open_journal(options.output) as journal:
            yield LineStream(options, formats, inputs, journal.file, journal)
        return
    with leaving_at_once(), _open_output(options.output) as file:
        stream = LineStream(options, formats, inputs, file)
        try:
            yield stream
        finally:
            stream.finish()


def _open_inputs(files: tuple[Path, ...], text: str | None) -> list[Input]:
    from xlmcli.infer.reading import file_input, stdin_input, text_input

    if text is not None:
        if files:
            raise UsageError("--text and files together", hint="give one of them")
        return [text_input(text)]
    for path in files:
        if " " in path.name and not path.exists():
            raise DataError(f"no such file: {path}", hint='--text "…" takes a text')
    if files.count(STDIN) > 1:
        raise UsageError("standard input can be read once only", hint="give - once")
    return [stdin_input() if path == STDIN else file_input(path) for path in files or (STDIN,)]


def _check_ending(options: StreamOptions, formats: FormatOptions) -> None:
    """Refuses a name of the output that promises another format than the one that is written."""
    path, name = options.output, formats.name
    assert path is not None
    ending = content_suffix(path)
    document, table = document_format(path), format_of(path)
    if ending in map(content_suffix, options.files) or (table == "tsv" and formats.delimiter == "\t"):
        return
    is_document = name in DOCUMENT_FORMATS
    if document is not None and document != name and (is_document or document not in PLAIN_FORMATS):
        raise UsageError(
            f"-o {path}: {ending} is a format that is not written from {name}",
            hint=f"xlm translate --format {document} reads and writes it",
        )
    # Text with scores or labels is in columns.
    if table not in ("text", name) and document != name and (name, table) != ("text", "tsv"):
        raise UsageError(
            f"-o {path}: {ending} is a format that is not written from {name}",
            hint=f"--format {table} reads and writes it",
        )
    if ending in _UNWRITTEN_ENDINGS and ending != f".{name}":
        raise UsageError(
            f"-o {path}: {ending} is a format that is not written",
            hint="text is, which may be compressed (.gz, .xz or .zst); xlm encode also writes vectors as .npy",
        )


@contextlib.contextmanager
def _open_output(path: Path | None) -> Iterator[IO[bytes]]:
    if path is None or path == STDIN:
        yield sys.stdout.buffer
    else:
        with atomic_write(path, "wb") as stream, compressing(stream, path) as file:
            yield file


@contextlib.contextmanager
def _open_journal(path: Path | None) -> Iterator[Journal]:
    from xlmcli.journal import resumed_write

    if path is None or path == STDIN:
        raise UsageError("--resume goes on with a file", hint="-o OUT names it")
    job = describe_job()
    with resumed_write(path) as journal:
        journal.check(job)
        yield journal


@contextlib.contextmanager
def leaving_at_once() -> Iterator[None]:
    """Ends the process on a closed pipe without waiting for the batches that the engine has."""
    try:
        yield
    except BrokenPipeError:
        # The usual way out destroys the engine, which first works through its queue.
        os._exit(ExitCode.OK)
