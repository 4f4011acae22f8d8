"""The numbers of a model.bin, whatever type they are stored in, and the one that stands beside it."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from xlmcli.bundle.fields import Fields
from xlmcli.bundle.layout import StoredWeight, numpy_type, read_weights, widen
from xlmcli.bundle.manifest import MAX_EPSILON
from xlmcli.bundle.names import CONFIG_NAME

_EPSILON = 1e-5  # CTranslate2's own


def read_epsilon(files: Mapping[str, bytes]) -> float:
    """Tells what every LayerNorm adds to the variance, by the engine's config.json.

    Raises:
        ModelError: It is no number, or too large a one.
    """
    config = Fields.parse(files.get(CONFIG_NAME, b"{}"), CONFIG_NAME)
    if config.values.get("layer_norm_epsilon") is None:
        return _EPSILON
    return config.number("layer_norm_epsilon", 0, MAX_EPSILON)


class EngineWeights:
    """The weights of a model.bin, which are read when they are asked for.

    Args:
        content: What the file holds.

    Attributes:
        stored: Where each lies, by its path in the specification, also those that have the numbers of another.

    Raises:
        ModelError: It is laid out differently from what we know.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.stored: dict[str, StoredWeight] = read_weights(io.BytesIO(content))

    def __contains__(self, name: str) -> bool:
        return name in self.stored

    def read(self, name: str, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Reads a weight, or rows of it; integers become what they stand for."""
        stored = self.stored[name]
        numbers = np.frombuffer(
            self._content, numpy_type(stored.dtype), math.prod(stored.shape), stored.offset
        ).reshape(stored.shape)
        if rows is not None:
            numbers = numbers[rows]
        scales = f"{stored.name}_scale"  # What has the numbers of another has its scales too.
        if scales not in self.stored:
            return widen(numbers, stored.dtype)
        # One scale for all, or one for each row.
        scale = self.read(scales)
        scale = scale if rows is None or not scale.ndim else scale[rows]
        return np.asarray(numbers / (scale[:, None] if scale.ndim else scale), np.float32)

    def setting(self, name: str, default: float) -> float:
        """Reads a setting: a weight that is one number."""
        return float(self.read(name)) if name in self.stored else default
