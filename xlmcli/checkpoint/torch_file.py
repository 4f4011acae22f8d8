"""Files as ``torch.save`` writes them: a pickle that describes tensors, and their numbers.

Both forms are read: a zip archive (PyTorch 1.6 and later), and a row of pickles with the numbers after them (before).
Numbers stay in the file until a tensor is asked for, and even then are mapped into memory, not copied.

Source: ``torch/serialization.py``.
"""

from __future__ import annotations

import mmap
import struct
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import torch
from torch import Tensor

from xlmcli.checkpoint.stand_ins import StorageReference, TensorReference
from xlmcli.checkpoint.unpickling import RestrictedUnpickler
from xlmcli.errors import ModelError, unreadable

_Result = TypeVar("_Result")

# The dictionary of a large XLM takes 10 MB; weights are no part of it.
_MAX_PICKLE_BYTES = 1 << 26

_ZIP_MAGIC = b"PK\x03\x04"
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_VERSION = 1001

_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a storage lies in a file, in bytes."""

    offset: int
    num_bytes: int


class TorchFile:
    """A file of ``torch.save``, opened.

    Attributes:
        content: What was saved, as ``RestrictedUnpickler`` reads it: tensors are ``TensorReference``.
    """

    def __init__(self, path: Path) -> None:
        """Reads all but the tensors' numbers.

        Raises:
            ModelError: The file cannot be read, is no such file, is damaged, or its pickle tries to load what no
                checkpoint needs.
        """
        self._path = path
        try:
            with path.open("rb") as stream:
                self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
                is_zip = stream.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC
                stream.seek(0)
                read = _read_zip if is_zip else _read_legacy
                self.content, self._places = _guarded(lambda: read(stream, str(path)), path)
        except OSError as error:
            raise ModelError(unreadable(path, error)) from None
        except ValueError:  # mmap's way to say that there is nothing
            raise ModelError(f"{path}: an empty file") from None

    def tensor(self, reference: TensorReference) -> Tensor:
        """Maps a tensor's numbers into memory; what is written to them does not reach the file.

        Raises:
            ModelError: They do not lie within the file.
        """
        return _guarded(lambda: self._tensor(reference), self._path)

    def check_numbers(self, references: Collection[TensorReference]) -> None:
        """Checks that tensors do not show the same numbers so often that copies of them would fill the memory.

        Raises:
            ModelError: They have more numbers than the file has bytes.
        """
        if sum(prod(reference.size) for reference in references) > len(self._map):
            raise ModelError(f"{self._path}: refused, its tensors have more numbers than the file has bytes")

    def release(self) -> None:
        """Gives back the memory of numbers that were read; the next look reads them from the file again.

        What was written to tensors is lost: only for those who just read.
        """
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def _tensor(self, reference: TensorReference) -> Tensor:
        numbers = self._storage(reference.storage)
        offset, size, stride = reference.offset, tuple(reference.size), tuple(reference.stride)
        if len(size) != len(stride) or min((offset, *size, *stride)) < 0:
            raise ValueError(f"a tensor of shape {size} with strides {stride}")
        last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
        if 0 not in size and last >= len(numbers):
            raise ValueError(f"a tensor reaches to number {last} of a storage with {len(numbers)}")
        self.check_numbers([reference])
        return numbers.as_strided(size, stride, offset)

    def _storage(self, storage: StorageReference) -> Tensor:
        """The numbers of a storage, 1-dimensional."""
        dtype, place = _DTYPES[storage.kind.name], self._places[storage.key]
        start, num_bytes = storage.start * dtype.itemsize, storage.length * dtype.itemsize
        if start < 0 or num_bytes < 0 or start + num_bytes > place.num_bytes:
            raise ValueError(f"storage {storage.key} has {place.num_bytes} bytes, fewer than its tensors need")
        if num_bytes == 0:
            return torch.empty(0, dtype=dtype)
        return torch.frombuffer(self._map, dtype=dtype, count=storage.length, offset=place.offset + start)


def _guarded(read: Callable[[], _Result], path: Path) -> _Result:
    try:
        return read()
    except (ModelError, OSError):
        raise
    except Exception as error:  # an unpickler raises whatever the damaged or hostile part makes Python raise
        reason = str(error) or type(error).__name__
        raise ModelError(f"{path}: not a file of torch.save, or a damaged one ({reason})") from None


def _read_zip(stream: BinaryIO, origin: str) -> tuple[Any, Mapping[str, _Place]]:
    with zipfile.ZipFile(stream) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        pickles = [name for name in entries if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ModelError(f"{origin}: a zip archive, but not one of torch.save")
        folder = pickles[0].removesuffix("data.pkl")
    order = entries.get(f"{folder}byteorder")
    if order is not None and _read_entry(stream, order) != b"little":
        raise ModelError(f"{origin}: written on a big-endian machine, which cannot be read")
    content = _load(_read_entry(stream, entries[pickles[0]]), origin)
    prefix = f"{folder}data/"
    places = {
        name.removeprefix(prefix): _Place(_content_offset(stream, entry), entry.file_size)
        for name, entry in entries.items()
        if name.startswith(prefix) and entry.compress_type == zipfile.ZIP_STORED
    }
    return content, places


def _read_entry(stream: BinaryIO, entry: zipfile.ZipInfo) -> bytes:
    """Reads a file of an archive without its checksum, which torch can be told to leave out."""
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{entry.filename} is compressed")
    if entry.file_size > _MAX_PICKLE_BYTES:
        raise ValueError(f"{entry.filename} takes {entry.file_size:,} bytes")
    stream.seek(_content_offset(stream, entry))
    return stream.read(entry.file_size)


def _content_offset(stream: BinaryIO, entry: zipfile.ZipInfo) -> int:
    """First byte of a file in an archive, behind its local header, whose names may be longer than the directory's."""
    header = "<26xHH"
    stream.seek(entry.header_offset)
    name_length, extra_length = struct.unpack(header, stream.read(struct.calcsize(header)))
    return entry.header_offset + struct.calcsize(header) + int(name_length) + int(extra_length)


def _read_legacy(stream: BinaryIO, origin: str) -> tuple[Any, Mapping[str, _Place]]:
    if _load_next(stream, origin) != _LEGACY_MAGIC or _load_next(stream, origin) != _LEGACY_VERSION:
        raise ModelError(f"{origin}: not a file of torch.save")
    if not _load_next(stream, origin)["little_endian"]:
        raise ModelError(f"{origin}: written on a big-endian machine, which cannot be read")
    unpickler = _LegacyUnpickler(_peek(stream), origin)
    content = unpickler.load()
    stream.seek(unpickler.num_read, 1)
    places = {}
    for key in _load_next(stream, origin):
        (count,) = struct.unpack("<q", stream.read(8))
        num_bytes = count * _DTYPES[unpickler.kinds[key]].itemsize
        places[key] = _Place(stream.tell(), num_bytes)
        stream.seek(num_bytes, 1)
    return content, places


class _LegacyUnpickler(RestrictedUnpickler):
    """Notes the type of each storage, which the numbers after the pickle do not repeat."""

    def __init__(self, content: bytes, origin: str) -> None:
        super().__init__(content, origin)
        self.kinds: dict[str, str] = {}

    def persistent_load(self, pid: Any) -> StorageReference:
        reference = super().persistent_load(pid)
        self.kinds[reference.key] = reference.kind.name
        return reference


def _peek(stream: BinaryIO) -> bytes:
    """The bytes that come next, as many as a pickle may have."""
    start = stream.tell()
    content = stream.read(_MAX_PICKLE_BYTES)
    stream.seek(start)
    return content


def _load_next(stream: BinaryIO, origin: str) -> Any:
    unpickler = RestrictedUnpickler(_peek(stream), origin)
    content = unpickler.load()
    stream.seek(unpickler.num_read, 1)
    return content


def _load(content: bytes, origin: str) -> Any:
    return RestrictedUnpickler(content, origin).load()


class StreamedWeights(Mapping[str, Tensor]):
    """Weights that stay in their file: each look reads one, as float32 in memory of its own.

    Raises:
        ModelError: All of them would take much more memory than the file takes room.
    """

    def __init__(self, file: TorchFile, references: Mapping[str, TensorReference]) -> None:
        file.check_numbers(references.values())
        self._file, self._references = file, references

    def __getitem__(self, name: str) -> Tensor:
        tensor = self._file.tensor(self._references[name]).to(torch.float32, copy=True)
        self._file.release()
        return tensor

    def __contains__(self, name: object) -> bool:
        return name in self._references

    def __iter__(self) -> Iterator[str]:
        return iter(self._references)

    def __len__(self) -> int:
        return len(self._references)
