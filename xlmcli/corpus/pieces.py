"""Pieces of files, each of which a worker answers by itself: whole files, or runs of lines of large ones.

A file is cut where a line begins, if its records are lines: plain text, JSON lines and TSV. In CSV a line may begin
inside quotes, and what is compressed, Parquet or a document is read from its beginning, so that these stay whole.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, cast

from xlmcli.corpus.files import CorpusFile
from xlmcli.errors import DataError, unreadable
from xlmcli.lines import MAX_LINE_BYTES, compressed_suffix, line_too_long


@dataclass(frozen=True, slots=True)
class FilePiece:
    """A part of a file.

    Attributes:
        path: The file.
        name: What its output is called.
        start: Where the part begins, in bytes.
        end: Where it ends.
        is_whole: Whether it is all of the file.
        head_end: Where the header of a table ends that is read before a part, and not written with it.
        num_head_lines: Its lines.
    """

    path: str
    name: str
    start: int
    end: int
    is_whole: bool
    head_end: int = 0
    num_head_lines: int = 0

    @property
    def num_bytes(self) -> int:
        """How many bytes are answered."""
        return self.end - self.start

    @property
    def place(self) -> str:
        """Names it, for messages."""
        return self.path if not self.start else f"{self.path}, from byte {self.start + 1:,}"

    def open(self) -> BinaryIO:
        """Opens the header and the part."""
        ranges = [(0, self.head_end)] if self.head_end else []
        return cast(BinaryIO, io.BufferedReader(_RangesReader(Path(self.path), [*ranges, (self.start, self.end)])))


@dataclass(frozen=True, slots=True)
class Cutting:
    """Where a file may be cut.

    Attributes:
        num_bytes: Size of a piece.
        has_header: Whether the first line that is not blank names the columns of a table.
    """

    num_bytes: int
    has_header: bool = False


def cut_file(file: CorpusFile, cutting: Cutting | None) -> list[FilePiece]:
    """Cuts a file into pieces; the same file always alike.

    Args:
        file: The file.
        cutting: Where it may be cut; None if nowhere.

    Raises:
        DataError: It cannot be read.
    """
    path = str(file.path)
    if cutting is None or file.num_bytes <= cutting.num_bytes or compressed_suffix(file.path) is not None:
        return [FilePiece(path, file.name, 0, file.num_bytes, is_whole=True)]
    try:
        with file.path.open("rb") as stream:
            head_end, num_head_lines = _find_head(stream, path) if cutting.has_header else (0, 0)
            borders = [0, *_iter_borders(stream, file, max(cutting.num_bytes, head_end)), file.num_bytes]
    except OSError as error:
        raise DataError(unreadable(path, error)) from error
    return [
        FilePiece(path, file.name, start, end, False, *((head_end, num_head_lines) if start else ()))
        for start, end in pairwise(borders)
    ]


def _iter_borders(stream: BinaryIO, file: CorpusFile, num_bytes: int) -> Iterator[int]:
    position = num_bytes
    while position < file.num_bytes:
        stream.seek(position - 1)
        while line := stream.readline(MAX_LINE_BYTES):
            if line.endswith(b"\n") and not _begins_with_mark(stream):
                break
        position = stream.tell()
        if position < file.num_bytes:
            yield position
        position += num_bytes


def _begins_with_mark(stream: BinaryIO) -> bool:
    """Tells whether a byte-order mark comes next, which is one only where a file begins."""
    mark = stream.read(len(codecs.BOM_UTF8))
    stream.seek(-len(mark), io.SEEK_CUR)
    return mark == codecs.BOM_UTF8


def _find_head(stream: BinaryIO, name: str) -> tuple[int, int]:
    """Returns where the first line ends that is not blank, and how many lines that are."""
    num_lines = 0
    while line := stream.readline(MAX_LINE_BYTES):
        num_lines += 1
        if len(line) == MAX_LINE_BYTES:
            raise line_too_long(name, num_lines)
        if line.removeprefix(codecs.BOM_UTF8).strip():
            break
    return stream.tell(), num_lines


class _RangesReader(io.RawIOBase):
    """Reads some ranges of a file, one after the other."""

    def __init__(self, path: Path, ranges: Sequence[tuple[int, int]]) -> None:
        self._stream = path.open("rb", buffering=0)
        self._ranges = list(ranges)
        self._stream.seek(self._ranges[0][0])

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while self._ranges:
            num_left = self._ranges[0][1] - self._stream.tell()
            num_read = self._stream.readinto(memoryview(buffer)[:num_left]) if num_left > 0 else 0
            if num_read:
                return num_read
            del self._ranges[0]
            if self._ranges:
                self._stream.seek(self._ranges[0][0])
        return 0

    def close(self) -> None:
        self._stream.close()
        super().close()
