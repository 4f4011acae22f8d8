"""Files of lines: UTF-8, ended by ``\\n`` and by nothing else, compressed or not.

Python's own text reading also ends a line at a bare ``\\r``, which changes line counts between tools. Here only ``\\n``
ends a line, everywhere.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from xlmcli.errors import DataError, ModelError, XlmError, unreadable

COMPRESSED_SUFFIXES = (".gz", ".xz", ".zst")
STDIN = Path("-")
"""What stands for standard input, or output, in place of a file."""

STDIN_NAME = "<stdin>"
"""What messages call standard input."""

_BYTE_ORDER_MARK = "\ufeff"

MAX_LINE_BYTES = 10_000_000
"""A line that is longer is no line of text, and its tokens would fill the memory."""

# What xz -9 needs, many times over: its files may ask for 4 GB.
_MAX_XZ_BYTES = 1 << 29

# Of compressed bytes, each of which can be 32 kB of text.
_CHUNK_BYTES = 1 << 11

# How the first line begins in other encodings: with a mark, or soon with four characters of an alphabet.
_OTHER_ENCODINGS = {
    "utf-32": re.compile(rb"\xff\xfe\0\0|\0\0\xfe\xff"),
    "utf-16": re.compile(rb"\xff\xfe|\xfe\xff"),
    "utf-16le": re.compile(rb"(?s:..){0,9}?(?:[^\0][\0\x03-\x06]){4}"),
    "utf-16be": re.compile(rb"(?s:..){0,9}?(?:[\0\x03-\x06][^\0]){4}"),
}


_COMPRESSIONS = {
    "gzip": re.compile(rb"\x1f\x8b"),
    "xz": re.compile(rb"\xfd7zXZ\0"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
    "bzip2": re.compile(rb"BZh[1-9]1AY&SY"),
}


_BINARIES = {
    "Parquet": re.compile(rb"PAR1"),
    "a ZIP archive, or a document in one": re.compile(rb"PK\x03\x04"),
    "PDF": re.compile(rb"%PDF-"),
}


def compressed_suffix(path: Path) -> str | None:
    """Returns the suffix of a compressed file, in lower case; None if it is none."""
    suffix = path.suffix.lower()
    return suffix if suffix in COMPRESSED_SUFFIXES else None


def content_suffix(path: Path) -> str:
    """Returns the suffix before that of compression, in lower case; empty if there is none."""
    suffixes = [suffix for suffix in map(str.lower, path.suffixes) if suffix not in COMPRESSED_SUFFIXES]
    return suffixes[-1] if suffixes else ""


def open_bytes(path: Path) -> BinaryIO:
    """Opens a file for reading bytes, decompressed where its suffix is .gz, .xz or .zst.

    Raises:
        DataError: The file is missing, a directory or unreadable.
    """
    suffix = compressed_suffix(path)
    try:
        if suffix == ".gz":
            import gzip

            return cast(BinaryIO, gzip.open(path, "rb"))
        raw = path.open("rb")
    except OSError as error:
        raise DataError(unreadable(path, error)) from error
    if suffix == ".xz":
        import lzma

        return io.BufferedReader(_FramesReader(raw, partial(lzma.LZMADecompressor, memlimit=_MAX_XZ_BYTES)))
    if suffix == ".zst":
        import zstandard

        return io.BufferedReader(_FramesReader(raw, zstandard.ZstdDecompressor().decompressobj))
    return raw


def iter_file_lines(path: Path) -> Iterator[str]:
    """Yields a file's lines without their ``\\n`` or ``\\r\\n``, and the first without a byte-order mark.

    A ``\\r`` elsewhere stays where it is.

    Raises:
        DataError: The file cannot be opened or decompressed, or a line is not UTF-8; the message names ``path:line``.
    """
    return iter_text_lines(iter_byte_lines(path), path)


def iter_text_lines(lines: Iterable[bytes], source: Path | str) -> Iterator[str]:
    """Decodes lines as `decode_lines` does, and takes the ``\\r`` off their ends.

    Raises:
        DataError: A line is not UTF-8; the message names ``source:line``.
    """
    for line in decode_lines(lines, source):
        yield line.removesuffix("\r")


def iter_byte_lines(path: Path) -> Iterator[bytes]:
    """Yields a file's lines without their ``\\n``, undecoded.

    Raises:
        DataError: The file cannot be opened or decompressed.
    """
    with open_bytes(path) as file, reading_errors(path):
        yield from iter_stream_lines(file, path)


def iter_stream_lines(stream: BinaryIO, name: Path | str) -> Iterator[bytes]:
    """Yields the lines of an open file without their ``\\n``, undecoded.

    Raises:
        DataError: A line is longer than `MAX_LINE_BYTES`; the message names ``name:line``.
    """
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise line_too_long(name, number)
        yield line.removesuffix(b"\n")


def line_too_long(name: Path | str, number: int) -> DataError:
    """Returns the error of a line of more than `MAX_LINE_BYTES`."""
    return DataError(
        f"{name}:{number}: a line of over {MAX_LINE_BYTES // 10**6} MB", hint="is it text, with a line end after each?"
    )


def iter_stdin_lines(name: str = STDIN_NAME) -> Iterator[bytes]:
    """Yields the lines of standard input without their ``\\n``, undecoded, each as soon as it is there.

    Args:
        name: What messages call it.

    Raises:
        DataError: It is closed or cannot be read.
    """
    if sys.stdin is None:
        raise DataError("standard input is closed", hint="name a file")
    with reading_errors(name):
        yield from iter_stream_lines(sys.stdin.buffer, name)


def decode_line(line: bytes, source: Path | str, number: int) -> str:
    """Decodes one line of UTF-8, the first without its byte-order mark.

    Raises:
        DataError: The line is not UTF-8; the message names ``source:number``.
    """
    if number == 1:
        check_encoding(line, source)
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{source}:{number}: invalid UTF-8 (byte 0x{line[error.start]:02x} at byte {error.start + 1} of the line)",
            hint="convert it first, for example: iconv -f latin1 -t utf-8",
        ) from error
    return without_byte_order_mark(text, number)


def without_byte_order_mark(line: str, number: int) -> str:
    """Returns a line without what may stand in front of the first one."""
    return line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line


def read_model_file(path: Path) -> bytes:
    """Reads a file of a model; a ModelError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(unreadable(path, error)) from None


def check_encoding(first: bytes, source: Path | str, kind: type[XlmError] = DataError) -> None:
    """Raises an error of a kind if a file that begins so is compressed, no text, or of wider characters than UTF-8."""
    for program, magic in _COMPRESSIONS.items():
        if magic.match(first):
            raise kind(f"{source}: compressed by {program}", hint=f"decompress it first: {program} -dc")
    for name, magic in _BINARIES.items():
        if magic.match(first):
            raise kind(f"{source}: {name}, not text", hint="save it as text or CSV first")
    for encoding, beginning in _OTHER_ENCODINGS.items():
        if beginning.match(first):
            raise kind(
                f"{source}: {encoding.upper()}, and only UTF-8 is read",
                hint=f"convert it first: iconv -f {encoding} -t utf-8",
            )


def decode_lines(lines: Iterable[bytes], source: Path | str) -> Iterator[str]:
    """Decodes the lines of a file, and takes a byte-order mark off the first.

    Raises:
        DataError: A line is not UTF-8; the message names ``source:line``.
    """
    return (decode_line(line, source, number) for number, line in enumerate(lines, start=1))


class _Frame(Protocol):
    """Decompresses a part of a file that stands for itself."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class _FramesReader(io.RawIOBase):
    """Decompresses. zstandard's own reader takes a file that was cut short for one that ended, lzma's any memory."""

    def __init__(self, raw: BinaryIO, make_frame: Callable[[], _Frame]) -> None:
        self._raw = raw
        self._make_frame = make_frame
        self._frame: _Frame | None = None
        self._compressed = b""
        self._text = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._text:
            self._compressed = self._compressed or self._raw.read(_CHUNK_BYTES)
            if not self._compressed:
                if self._frame is not None:
                    raise EOFError("the file ends in the middle of its compressed data")
                return 0
            self._decompress()
        part = self._text[: len(buffer)]
        buffer[: len(part)] = part
        self._text = self._text[len(part) :]
        return len(part)

    def _decompress(self) -> None:
        # A file made by `cat a.zst b.zst` holds several frames, and means both.
        self._frame = self._frame or self._make_frame()
        self._text = memoryview(self._frame.decompress(self._compressed))
        self._compressed = b""
        if self._frame.eof:
            # Between those of xz there may be zeros.
            self._compressed = self._frame.unused_data.lstrip(b"\0")
            self._frame = None

    def close(self) -> None:
        self._raw.close()
        super().close()


@contextlib.contextmanager
def reading_errors(path: Path | str) -> Iterator[None]:
    """Turns what reading and decompressing raise into a `DataError` that names the file."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(unreadable(path, error)) from error
    except Exception as error:
        # lzma and zstandard are imported only for files that need them, so their errors are known by module here.
        if type(error).__module__.partition(".")[0] in ("lzma", "_lzma", "zstandard", "zstd"):
            raise DataError(unreadable(path, error)) from error
        raise
