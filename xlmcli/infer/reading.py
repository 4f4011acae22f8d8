"""Where lines come from: files, standard input, an argument; read as they come, without waiting for more."""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, cast

from xlmcli.errors import DataError, unreadable
from xlmcli.lines import (
    MAX_LINE_BYTES,
    STDIN_NAME,
    check_encoding,
    compressed_suffix,
    decode_line,
    line_too_long,
    open_bytes,
    reading_errors,
    without_byte_order_mark,
)
from xlmcli.tables import ReturnGuess

_CHUNK_BYTES = 1 << 16
_MAX_HEAD_BYTES = 1 << 18

Errors = Literal["strict", "replace"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of input.

    Attributes:
        text: Without its end; without a byte-order mark, and with what was no UTF-8 replaced.
        ending: ``\\n`` (where the file ends without, too, unless it is a document), ``\\r\\n``, or in tables ``\\r``.
        source: Name of the file, for messages.
        number: From 1 within the file.
        content: As it is in the file, but for the end.
        mark: The byte-order mark that all input begins with, in its first line.
    """

    text: str
    ending: str
    source: str
    number: int
    content: bytes
    mark: str = ""

    @property
    def place(self) -> str:
        return f"{self.source}:{self.number}"

    @property
    def raw(self) -> bytes:
        """As it is in the file, ended."""
        return self.content + self.ending.encode()

    @property
    def num_bytes(self) -> int:
        """What it took in the file."""
        return len(self.content) + len(self.ending)


@dataclass(frozen=True, slots=True)
class Input:
    """Something to read lines from.

    Attributes:
        name: For messages.
        open: Opens it, once.
        num_bytes: How many bytes its lines are, where that is known.
        is_stdin: Whether it is standard input.
    """

    name: str
    open: Callable[[], BinaryIO]
    num_bytes: int | None
    is_stdin: bool = False


def file_input(path: Path) -> Input:
    """Reads a file, decompressed by its suffix.

    Raises:
        DataError: It is missing, a folder or unreadable.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(unreadable(path, error)) from error
    if stat.S_ISDIR(status.st_mode):
        raise DataError(unreadable(path, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))))
    if not os.access(path, os.R_OK):
        raise DataError(unreadable(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES))))
    is_plain = stat.S_ISREG(status.st_mode) and compressed_suffix(path) is None
    return Input(str(path), lambda: open_bytes(path), status.st_size if is_plain else None)


def stdin_input() -> Input:
    """Reads standard input.

    Raises:
        DataError: It is closed.
    """
    if sys.stdin is None:
        raise DataError("standard input is closed", hint="name a FILE or give --text")
    try:
        descriptor = sys.stdin.fileno()
    except OSError:  # A test put something else in its place.
        buffer = sys.stdin.buffer
        return Input(STDIN_NAME, lambda: buffer, None, is_stdin=True)
    status = os.fstat(descriptor)
    num_bytes = status.st_size if stat.S_ISREG(status.st_mode) else None
    # Unbuffered: a thread that waits inside sys.stdin.buffer holds a lock that the interpreter wants when it ends.
    return Input(STDIN_NAME, lambda: cast(BinaryIO, io.FileIO(descriptor, closefd=False)), num_bytes, is_stdin=True)


def text_input(text: str) -> Input:
    """Reads the lines of an argument; an empty one is an empty line."""
    content = text.encode("utf-8", "surrogateescape") or b"\n"
    return Input("--text", lambda: io.BytesIO(content), len(content))


class LineCounter:
    """Counts what reading and writing had to change, and keeps what the user should know of it.

    Attributes:
        num_replaced: Lines that held invalid UTF-8.
        num_unwritten: Texts of a document that stay, since their markup cannot be kept in their translation.
        other_delimiter: What seems to separate the columns of CSV, where it was not taken to.
    """

    def __init__(self) -> None:
        self.num_replaced = 0
        self.num_unwritten = 0
        self.other_delimiter: str | None = None


def iter_chunks(
    source: Input,
    errors: Errors,
    counter: LineCounter,
    *,
    is_first: bool = True,
    returns_end_lines: bool = False,
    ends_last: bool = True,
) -> Iterator[list[Line]]:
    """Yields lists of lines: those that one read completed, as soon as it did.

    Args:
        source: What to read.
        errors: What to do with lines that are not UTF-8.
        counter: Counts them.
        is_first: Whether nothing was read before.
        returns_end_lines: Whether a bare ``\\r`` ends a line where the rows of a table end so: see `ReturnGuess`.
        ends_last: Whether the last line gets an end if it has none.

    Raises:
        DataError: The input cannot be read, or (with ``errors="strict"``) a line is not UTF-8; the lines before it were
            yielded.
    """
    number = 0
    for raw_lines, ending in _iter_raw(source, returns_end_lines, "\n" if ends_last else ""):
        lines: list[Line] = []
        try:
            for raw in raw_lines:
                number += 1
                line = _line(raw, ending, source.name, number, errors, counter)
                if number == 1 and is_first and raw.startswith(codecs.BOM_UTF8):
                    line = replace(line, mark=codecs.BOM_UTF8.decode())
                lines.append(line)
        except DataError:
            yield lines
            raise
        yield lines


def _iter_raw(source: Input, returns_end_lines: bool, last_ending: str) -> Iterator[tuple[list[bytes], str]]:
    """Yields lines and what ended them."""
    with reading_errors(source.name), source.open() as stream:
        read = _reader(stream)
        parts: list[bytes] = []
        num_open_bytes = num_lines = 0
        guess = ReturnGuess() if returns_end_lines else None
        while data := read(_CHUNK_BYTES):
            head, newline, rest = data.rpartition(b"\n")
            if newline:
                lines = b"".join([*parts, head]).split(b"\n")
                yield from [(lines, "\n")] if guess is None else _split_returned(lines, guess)
                parts, num_open_bytes = [], 0
                num_lines += len(lines)
            if rest:
                parts.append(rest)
                num_open_bytes += len(rest)
            if guess is not None and num_open_bytes >= _CHUNK_BYTES and (guess.returned or not guess.is_settled):
                rows, last = _split_ahead(b"".join(parts), guess)
                parts, num_open_bytes, num_lines = [last], len(last), num_lines + len(rows)
                yield rows, "\r"
            if num_open_bytes > MAX_LINE_BYTES:
                raise line_too_long(source.name, num_lines + 1)
        if parts:
            last = b"".join(parts)
            if guess is not None and guess.read(_guessed(last), is_last=True):
                yield last.removesuffix(b"\r").split(b"\r"), "\r"
            else:
                yield [last], last_ending


def _split_returned(lines: list[bytes], guess: ReturnGuess) -> Iterator[tuple[list[bytes], str]]:
    for position, line in enumerate(lines):
        if guess.is_settled and not guess.returned:
            yield lines[position:], "\n"
            return
        *rows, last = line.split(b"\r") if guess.read(_guessed(line)) else [line]
        yield rows, "\r"
        yield [last], "\n"


def _split_ahead(data: bytes, guess: ReturnGuess) -> tuple[list[bytes], bytes]:
    """Returns the rows of what has no line feed so far, and the last, which may go on; that is all of other files."""
    if not guess.read_ahead(_guessed(data[:_MAX_HEAD_BYTES])):
        return [], data
    *rows, last = data.removesuffix(b"\r").split(b"\r")
    return rows, last + data[len(data.removesuffix(b"\r")) :]


def _guessed(data: bytes) -> str:
    return data.removeprefix(codecs.BOM_UTF8).decode("latin-1")


def _reader(stream: BinaryIO) -> Callable[[int], bytes]:
    """Returns what reads the bytes that are there already, and waits only if there are none."""
    if hasattr(stream, "read1"):
        return cast(_HasRead1, stream).read1
    read = cast(Callable[[int], "bytes | None"], stream.read)

    def read_some(size: int) -> bytes:
        # A pipe that another process made non-blocking says None where there is nothing yet.
        while (data := read(size)) is None:
            select.select([stream], [], [])
        return data

    return read_some


class _HasRead1(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def _line(raw: bytes, ending: str, source: str, number: int, errors: Errors, counter: LineCounter) -> Line:
    content = raw.removesuffix(b"\r")
    if errors == "strict":
        text = decode_line(content, source, number)
    else:
        if number == 1:
            check_encoding(content, source)
        text = without_byte_order_mark(_replacing(content, counter), number)
    return Line(text, "\r" + ending if len(content) < len(raw) else ending, source, number, content)


def _replacing(content: bytes, counter: LineCounter) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        counter.num_replaced += 1
        return content.decode("utf-8", "replace")


def total_bytes(inputs: Sequence[Input]) -> int | None:
    """Returns how many bytes there are to read, or None where that is not known of all inputs."""
    sizes = [source.num_bytes for source in inputs]
    return None if None in sizes else sum(cast(list[int], sizes))
