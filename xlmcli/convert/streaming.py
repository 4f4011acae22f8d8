"""Weights that CTranslate2 writes to model.bin without ever holding more than one of them in memory.

CTranslate2 writes a specification's variables one after the other and asks each for its bytes. Those here read their
numbers from the checkpoint only then.

Source: ``Variable``, ``ModelSpec._serialize`` and ``LayerSpec._quantize`` in ``ctranslate2/specs/model_spec.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property, partial
from math import prod
from typing import Any

import numpy as np
import torch
from ctranslate2.specs.model_spec import ModelSpec, Variable, visit_spec
from numpy.typing import NDArray
from torch import Tensor

from xlmcli.bundle.manifest import Quantization
from xlmcli.checkpoint.lazy_weights import StoredWeights, find_place
from xlmcli.errors import ModelError

_BLOCK_NUMBERS = 2**22
_LARGEST_INT8 = np.float32(127)
# The type of all that int8 is not for: biases, norms and positions.
_BESIDE_INT8: dict[Quantization, Quantization] = {
    "int8": "float32", "int8_float32": "float32", "int8_float16": "float16", "int8_bfloat16": "bfloat16",
}  # fmt: skip


class StreamedVariable(Variable):  # type: ignore[misc]  # CTranslate2 has no types
    """A weight, or several joined along their first axis, that stays in its checkpoint until it is written.

    Args:
        state: The checkpoint's weights; each look may read one.
        names: Which to join.
        rows: The rows that are wanted of a single weight; all by default.
        dtype: Type to be written.
    """

    def __init__(
        self, state: Mapping[str, Tensor], names: Sequence[str], rows: slice = slice(None), dtype: str = "float32"
    ) -> None:
        self._places = [find_place(state, name) for name in names]
        self._rows = rows
        self._dtype = dtype

    @cached_property
    def shape(self) -> list[int]:
        shapes = [weight_shape(weights, name) for weights, name in self._places]
        return [sum(len(range(shape[0])[self._rows]) for shape in shapes), *shapes[0][1:]]

    @property
    def dtype(self) -> str:
        return self._dtype

    def blocks(self) -> Iterator[Tensor]:
        """Yields a few rows after the other, float32.

        Raises:
            ModelError: There are numbers that are not finite.
        """
        for weights, name in self._places:
            for rows in _iter_rows(weights, name, self._rows):
                block = rows.to(torch.float32)
                if not torch.isfinite(block).all():
                    raise ModelError(f"weights cannot be converted: {name} has numbers that are not finite")
                yield block

    def numpy(self) -> NDArray[np.float32]:
        return np.concatenate([block.numpy() for block in self.blocks()])

    def num_bytes(self) -> int:
        return prod(self.shape) * self._torch_type.itemsize

    def to_bytes(self) -> bytearray:
        dtype = self._torch_type
        return _joined((_bytes(block.to(dtype)) for block in self.blocks()), self.num_bytes())

    @property
    def _torch_type(self) -> torch.dtype:
        dtype: torch.dtype = getattr(torch, self._dtype)
        return dtype

    def _to(self, dtype: str) -> StreamedVariable:
        changed = copy(self)
        changed._dtype = dtype
        return changed

    def _equal(self, other: StreamedVariable) -> bool:
        mine, theirs = ([(id(weights), name) for weights, name in part._places] for part in (self, other))
        return mine == theirs and self._rows == other._rows


class Int8Variable(Variable):  # type: ignore[misc]
    """A streamed weight in int8, with a scale for every row."""

    dtype = "int8"

    def __init__(self, weight: StreamedVariable) -> None:
        self._weight = weight

    @property
    def shape(self) -> list[int]:
        return self._weight.shape

    @cached_property
    def scales(self) -> NDArray[np.float32]:
        """What each row was multiplied by, float32 (rows,)."""
        parts = []
        for block in self._weight.blocks():
            largest = block.abs().flatten(1).amax(dim=1).numpy()
            largest[largest == 0] = _LARGEST_INT8
            # So that the scale of a row of tiny numbers is still a float32.
            parts.append(_LARGEST_INT8 / np.maximum(largest, _LARGEST_INT8 / np.finfo(np.float32).max))
        return np.concatenate(parts)

    def numpy(self) -> NDArray[np.int8]:
        return np.frombuffer(self.to_bytes(), np.int8).reshape(self.shape)

    def num_bytes(self) -> int:
        return prod(self.shape)

    def to_bytes(self) -> bytearray:
        return _joined((_bytes(block) for block in self._blocks()), self.num_bytes())

    def _blocks(self) -> Iterator[Tensor]:
        scales, start = torch.from_numpy(self.scales), 0
        for block in self._weight.blocks():
            yield (block * scales[start : start + len(block), None]).round_().to(torch.int8)
            start += len(block)

    def _to(self, dtype: str) -> Variable:
        raise TypeError(f"weights in int8 do not become {dtype}")

    def _equal(self, other: Int8Variable) -> bool:
        return self._weight._equal(other._weight)


class _Scales(Variable):  # type: ignore[misc]
    """The scales of a weight in int8, which are known once it has been read."""

    dtype = "float32"

    def __init__(self, weight: Int8Variable) -> None:
        self._weight = weight

    @property
    def shape(self) -> list[int]:
        return self._weight.shape[:1]

    def numpy(self) -> NDArray[np.float32]:
        return self._weight.scales

    def num_bytes(self) -> int:
        return 4 * self.shape[0]

    def to_bytes(self) -> bytes:
        return self._weight.scales.tobytes()

    def _to(self, dtype: str) -> Variable:
        raise TypeError(f"scales do not become {dtype}")

    def _equal(self, other: _Scales) -> bool:
        return self._weight._equal(other._weight)


def finish(spec: ModelSpec, quantization: Quantization) -> None:
    """Makes a filled specification ready to be saved.

    Weights that are one and the same are stored once.

    Args:
        spec: A specification whose linear layers and embeddings are ``StreamedVariable``.
        quantization: How those are to be stored.

    Raises:
        ValueError: Something was not filled in, or sizes do not fit.
    """
    spec.validate()
    spec.optimize(quantization=_BESIDE_INT8.get(quantization, quantization))
    if quantization in _BESIDE_INT8:
        visit_spec(spec, _store_as_int8)


def _store_as_int8(layer: Any, name: str, value: object) -> None:
    key = name.rpartition("/")[2]
    if isinstance(value, StreamedVariable) and hasattr(layer, f"{key}_scale"):
        weight = Int8Variable(value)
        setattr(layer, key, weight)
        setattr(layer, f"{key}_scale", _Scales(weight))


def weight_shape(weights: Mapping[str, Tensor], name: str) -> tuple[int, ...]:
    """The shape of a weight, which is not read where its file says it."""
    weights, name = find_place(weights, name)
    return weights.shape(name) if isinstance(weights, StoredWeights) else tuple(weights[name].shape)


def _iter_rows(weights: Mapping[str, Tensor], name: str, wanted: slice) -> Iterator[Tensor]:
    """Yields a few rows after the other; of a safetensors file, only those are read."""
    read: Callable[[int, int], Tensor]
    if isinstance(weights, StoredWeights):
        shape, read = weights.shape(name), partial(weights.rows, name)
    else:
        whole = weights[name].detach()
        shape, read = tuple(whole.shape), lambda first, last: whole[first:last]
    start, stop, _ = wanted.indices(shape[0])
    step = max(1, _BLOCK_NUMBERS // max(1, prod(shape[1:])))
    for first in range(start, stop, step):
        yield read(first, min(first + step, stop))


def _bytes(block: Tensor) -> memoryview:
    return block.contiguous().view(torch.uint8).numpy().data.cast("B")


def _joined(blocks: Iterator[memoryview], num_bytes: int) -> bytearray:
    content, start = bytearray(num_bytes), 0
    for block in blocks:
        content[start : start + len(block)] = block
        start += len(block)
    return content
