"""Telling CTranslate2 the language: position tables with the language vector added.

XLM adds a language vector at every position; CTranslate2's decoder has no such input. The vector is constant over a
sentence, so it is added to the position table instead, which is the only thing that differs between directions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlmcli.bundle.arrays import load_arrays
from xlmcli.bundle.layout import NUM_BYTES, numpy_type, widen
from xlmcli.bundle.manifest import PositionTable, PositionTables
from xlmcli.bundle.names import LANGUAGES_NAME, MODEL_NAME
from xlmcli.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def fold_languages(model: bytes, tables: PositionTables, languages: bytes, src_row: int, tgt_row: int) -> bytes:
    """Returns model.bin for one direction.

    Args:
        model: model.bin with the position tables as they were trained.
        tables: Where they lie in it.
        languages: languages.safetensors.
        src_row: Row of the source language among the encoder's vectors.
        tgt_row: Row of the target language among the decoder's vectors.

    Raises:
        ModelError: The tables do not lie inside the model, or the vectors do not fit them.
    """
    vectors = load_arrays(languages, LANGUAGES_NAME)
    patches = [
        (tables.encoder, _vector(vectors, "encoder", src_row, tables.encoder.dim)),
        (tables.decoder, _vector(vectors, "decoder", tgt_row, tables.decoder.dim)),
    ]
    patches.sort(key=lambda patch: patch[0].offset)
    whole, position = memoryview(model), 0
    parts: list[bytes | memoryview] = []
    for table, vector in patches:
        end = table.offset + table.rows * table.dim * NUM_BYTES[table.dtype]
        if table.offset < position or end > len(model):
            raise ModelError(f"a position table does not lie inside {MODEL_NAME} (bytes {table.offset} to {end})")
        parts += [whole[position : table.offset], _add_vector(whole[table.offset : end], table, vector)]
        position = end
    parts.append(whole[position:])
    return b"".join(parts)


def _vector(vectors: dict[str, NDArray[np.float32]], side: str, row: int, dim: int) -> NDArray[np.float32]:
    if side not in vectors:
        raise ModelError(f"{LANGUAGES_NAME}: no array named {side!r}")
    array = vectors[side]
    if array.ndim != 2 or array.shape[1] != dim or row >= array.shape[0]:
        raise ModelError(f"{LANGUAGES_NAME}: {side} has shape {array.shape}, expected more than {row} rows of {dim}")
    vector: NDArray[np.float32] = array[row]
    return vector


def _add_vector(stored: memoryview, table: PositionTable, vector: NDArray[np.float32]) -> bytes:
    """Adds in float32 and rounds once, to the type of the table."""
    import numpy as np

    values = widen(np.frombuffer(stored, numpy_type(table.dtype)), table.dtype)
    folded = (values.reshape(table.rows, table.dim) + vector).astype(np.float32)
    return _round_to_bfloat16(folded) if table.dtype == "bfloat16" else folded.astype(table.dtype).tobytes()


def _round_to_bfloat16(values: NDArray[np.float32]) -> bytes:
    """Rounds to nearest, ties to even, by the bits: numpy has no bfloat16."""
    import numpy as np

    bits = np.ascontiguousarray(values).view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)
    upper: bytes = (rounded >> 16).astype(np.uint16).tobytes()
    return upper
