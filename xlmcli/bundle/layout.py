"""Reading the layout of a serialised CTranslate2 model, to find a weight's bytes in model.bin.

Source: ``ModelSpec._serialize`` in ``ctranslate2/specs/model_spec.py``, binary version 6.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from xlmcli.bundle.manifest import PositionTable, PositionTables, TableType
from xlmcli.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENCODER_POSITIONS = "encoder/position_encodings/encodings"
DECODER_POSITIONS = "decoder/position_encodings/encodings"
# Of an encoder that takes languages as token types; row 0 is for none.
LANGUAGE_TABLE = "encoder/embeddings_1/weight"

# What we write; others' models may be older, and are laid out alike from 4 on.
_OLDEST_VERSION, _BINARY_VERSION = 4, 6
NUM_BYTES = {"float32": 4, "int8": 1, "int16": 2, "int32": 4, "float16": 2, "bfloat16": 2}
_TYPES = tuple(NUM_BYTES)
_TABLE_TYPES: dict[str, TableType] = {"float32": "float32", "float16": "float16", "bfloat16": "bfloat16"}


@dataclass(frozen=True, slots=True)
class StoredWeight:
    """A weight in model.bin.

    Attributes:
        name: Its path in the specification.
        shape: Its shape; () is a scalar.
        dtype: Type of its numbers.
        offset: Its first byte in the file.
        num_bytes: How many bytes it takes.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    offset: int
    num_bytes: int


def find_position_tables(path: Path) -> PositionTables:
    """Finds both position tables in a model.bin.

    Raises:
        ModelError: The file is laid out differently from what we know, or lacks a table of its own for a side.
    """
    with path.open("rb") as stream:
        weights = {weight.name: weight for weight in iter_weights(stream)}
    return PositionTables(_table(weights, ENCODER_POSITIONS, path), _table(weights, DECODER_POSITIONS, path))


def read_weights(stream: BinaryIO) -> dict[str, StoredWeight]:
    """Returns the weights of a model.bin by name, also those that have the numbers of another."""
    weights = {weight.name: weight for weight in iter_weights(stream)}
    (num_aliases,) = _unpack(stream, "=I")
    for _ in range(num_aliases):
        alias, name = _read_name(stream), _read_name(stream)
        if name not in weights:
            raise ModelError(f"model.bin: {alias[:40]!r} stands for {name[:40]!r}, which it has not")
        weights[alias] = weights[name]
    return weights


def count_layers(weights: Iterable[str], side: str) -> int:
    """Returns the number of a side's layers, by the names of weights."""
    return len({match[1] for name in weights if (match := re.match(rf"{side}/layer_(\d+)/", name))})


def read_number(stream: BinaryIO, weight: StoredWeight) -> int:
    """Reads a setting: a weight that is one whole number."""
    stream.seek(weight.offset)
    return int.from_bytes(stream.read(weight.num_bytes), "little", signed=True)


def iter_weights(stream: BinaryIO) -> Iterator[StoredWeight]:
    """Iterates over the weights of a model.bin in the order of the file, without reading their numbers.

    Raises:
        ModelError: The file is laid out differently from what we know, or a weight's bytes do not fit its shape.
    """
    (version,) = _unpack(stream, "=I")
    if not _OLDEST_VERSION <= version <= _BINARY_VERSION:
        raise ModelError(f"model.bin is of version {version}, and we know versions up to {_BINARY_VERSION}")
    _read_name(stream)
    _, count = _unpack(stream, "=II")
    for _ in range(count):
        name = _read_name(stream)
        (rank,) = _unpack(stream, "=B")
        shape = _unpack(stream, f"={rank}I")
        type_id, num_bytes = _unpack(stream, "=BI")
        if type_id >= len(_TYPES):
            raise ModelError(f"model.bin: {name} is of a type that we do not know ({type_id})")
        weight = StoredWeight(name, shape, _TYPES[type_id], stream.tell(), num_bytes)
        if num_bytes != prod(shape) * NUM_BYTES[weight.dtype]:
            raise ModelError(f"model.bin: {name} takes {num_bytes} bytes, which does not fit its shape {shape}")
        yield weight
        stream.seek(num_bytes, 1)


def as_position_table(weight: StoredWeight | None) -> PositionTable | None:
    """Tells where a position table lies; None where the weight is none, or there is no weight."""
    if weight is None or len(weight.shape) != 2 or weight.dtype not in _TABLE_TYPES:
        return None
    rows, dim = weight.shape
    return PositionTable(weight.offset, rows, dim, _TABLE_TYPES[weight.dtype])


def numpy_type(dtype: str) -> str:
    """Returns the type that NumPy reads stored numbers as; it has no bfloat16, so `widen` is for what it has read."""
    return "uint16" if dtype == "bfloat16" else dtype


def widen(stored: NDArray[Any], dtype: str) -> NDArray[np.float32]:
    """Turns numbers of a `numpy_type` into what they stand for; integers stay what they are.

    Args:
        stored: As NumPy has read them.
        dtype: What model.bin calls their type.
    """
    import numpy as np

    if dtype == "bfloat16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(np.float32)


def _table(weights: dict[str, StoredWeight], name: str, path: Path) -> PositionTable:
    table = as_position_table(weights.get(name))
    if table is None:
        raise ModelError(f"{path}: no position table at {name}")
    return table


def _read_name(stream: BinaryIO) -> str:
    (length,) = _unpack(stream, "=H")
    return _exactly(stream, length)[:-1].decode("utf-8", "replace")


def _unpack(stream: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, _exactly(stream, struct.calcsize(layout)))


def _exactly(stream: BinaryIO, num_bytes: int) -> bytes:
    content = stream.read(num_bytes)
    if len(content) != num_bytes:
        raise ModelError("model.bin ends early")
    return content
