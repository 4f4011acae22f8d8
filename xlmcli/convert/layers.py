"""A checkpoint's weights, put into CTranslate2's specifications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from ctranslate2.specs import common_spec, model_spec

from xlmcli.checkpoint.engine_names import EngineNames
from xlmcli.convert.streaming import StreamedVariable

if TYPE_CHECKING:
    from torch import Tensor

    from xlmcli.model.transformer import XLMShape


class Weights:
    """Weights of a checkpoint as CTranslate2's variables, which are read when model.bin is written."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._state = state

    def __getitem__(self, name: str) -> StreamedVariable:
        return StreamedVariable(self._state, (name,))

    def rows(self, name: str, start: int = 0, stop: int | None = None) -> StreamedVariable:
        """Some rows of a weight."""
        return StreamedVariable(self._state, (name,), slice(start, stop))

    def stack(self, names: Sequence[str]) -> StreamedVariable:
        """Joins weights along their outputs, as CTranslate2 fuses projections."""
        return StreamedVariable(self._state, names)


def activation(shape: XLMShape) -> common_spec.Activation:
    return common_spec.Activation.GELU if shape.gelu else common_spec.Activation.RELU


def fill(spec: model_spec.ModelSpec, weights: Weights, names: EngineNames) -> None:
    """Fills places of a specification with a checkpoint's weights."""
    for path, joined in names.items():
        *scopes, key = path.split("/")
        part = reduce(_step, scopes, spec)
        assert hasattr(part, key), path
        setattr(part, key, weights.stack(joined))


def _step(spec: Any, name: str) -> Any:
    """Goes into a part of a specification, which may be one of a list: ``layer_0`` is ``layer[0]``."""
    if hasattr(spec, name):
        return getattr(spec, name)
    listed, _, index = name.rpartition("_")
    return getattr(spec, listed)[int(index)]
