"""Whether the numbers of a model are such as models have: one that is not, or is absurdly large, makes nonsense of all.

Source of the limits: weights of trained models are below 100, and beyond 65,504 they do not fit float16.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from xlmcli.bundle.layout import DECODER_POSITIONS, ENCODER_POSITIONS, StoredWeight, numpy_type, read_weights, widen
from xlmcli.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAX_WEIGHT = 10_000.0
# Of integers, each is divided by the scale of its row, and a row of zeros may have any.
_SCALES = (127 / _MAX_WEIGHT, 1e30)
# What may never be written has a bias as low as one likes.
_OUTPUT_BIAS = "decoder/projection/bias"
_BLOCK_BYTES = 1 << 24


def check_all_numbers(path: Path) -> None:
    """Checks all numbers of a model.bin; raises as `check_few_numbers` does."""
    with path.open("rb") as stream:
        _check(stream, read_weights(stream), path)


def check_few_numbers(content: bytes, place: object) -> None:
    """Checks numbers of a model.bin: scales, biases, gains and position tables.

    These are few, and matrices of integers cannot be wrong if their scales are not.

    Args:
        content: What the file holds.
        place: What errors call it.

    Raises:
        ModelError: A number is not finite, or is beyond what a model has.
    """
    stream = BytesIO(content)
    weights = read_weights(stream)
    tables = (ENCODER_POSITIONS, DECODER_POSITIONS)
    few = {name: weight for name, weight in weights.items() if len(weight.shape) < 2 or name in tables}
    _check(stream, few, place)


def _check(stream: BinaryIO, weights: Mapping[str, StoredWeight], place: object) -> None:
    for name, weight in weights.items():
        if weight.dtype in ("float32", "float16", "bfloat16"):
            for block in _iter_blocks(stream, weight):
                check_numbers(block, name, place)


def check_numbers(numbers: NDArray[np.float32], name: str, place: object) -> None:
    """Checks some numbers of a weight, of any shape.

    Raises:
        ModelError: One is not finite, or is beyond what a model has.
    """
    least, most = _SCALES if name.endswith("/weight_scale") else (-_MAX_WEIGHT, _MAX_WEIGHT)
    if name == _OUTPUT_BIAS:
        least = -math.inf
    lowest, highest = float(numbers.min()), float(numbers.max())
    # What is not a number (NaN) is in no range.
    if not (least <= lowest and highest <= most):
        worst = lowest if not least <= lowest else highest
        raise ModelError(
            f"{place}: {name} has a number that no model has: {worst:g}",
            hint="the file may be damaged, or its training went wrong",
        )


def _iter_blocks(stream: BinaryIO, weight: StoredWeight) -> Iterator[NDArray[np.float32]]:
    """Yields the numbers of a weight, some at a time."""
    import numpy as np

    stream.seek(weight.offset)
    for start in range(0, weight.num_bytes, _BLOCK_BYTES):
        content = stream.read(min(_BLOCK_BYTES, weight.num_bytes - start))
        yield widen(np.frombuffer(content, numpy_type(weight.dtype)), weight.dtype)
