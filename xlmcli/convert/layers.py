"""What XLM's encoder and decoder have in common, put into CTranslate2's specifications.

Names are a checkpoint's; ``prefix`` is what stands before them, such as ``encoder.``, or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ctranslate2.specs import common_spec, transformer_spec

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


def fill_encoder(spec: transformer_spec.TransformerEncoderSpec, weights: Weights, prefix: str, num_layers: int) -> None:
    """Fills all of an encoder but language embeddings."""
    spec.embeddings[0].weight = weights[f"{prefix}embeddings.weight"]
    fill_input(spec, weights, prefix)
    for layer in range(num_layers):
        fill_layer(spec.layer[layer], weights, prefix, layer)


def fill_input(
    spec: transformer_spec.TransformerEncoderSpec | transformer_spec.TransformerDecoderSpec,
    weights: Weights,
    prefix: str,
) -> None:
    """Fills the position table and the first LayerNorm."""
    spec.scale_embeddings = False
    spec.position_encodings.encodings = weights[f"{prefix}position_embeddings.weight"]
    fill_layer_norm(spec.layernorm_embedding, weights, f"{prefix}layer_norm_emb")


def fill_layer(
    spec: transformer_spec.TransformerEncoderLayerSpec | transformer_spec.TransformerDecoderLayerSpec,
    weights: Weights,
    prefix: str,
    layer: int,
) -> None:
    """Fills self-attention and feed-forward."""
    attention, ffn = f"{prefix}attentions.{layer}", f"{prefix}ffns.{layer}"
    fill_linear(spec.self_attention.linear[0], weights, [f"{attention}.{part}_lin" for part in ("q", "k", "v")])
    fill_linear(spec.self_attention.linear[1], weights, [f"{attention}.out_lin"])
    fill_layer_norm(spec.self_attention.layer_norm, weights, f"{prefix}layer_norm1.{layer}")
    fill_linear(spec.ffn.linear_0, weights, [f"{ffn}.lin1"])
    fill_linear(spec.ffn.linear_1, weights, [f"{ffn}.lin2"])
    fill_layer_norm(spec.ffn.layer_norm, weights, f"{prefix}layer_norm2.{layer}")


def fill_linear(spec: common_spec.LinearSpec, weights: Weights, names: Sequence[str]) -> None:
    spec.weight = weights.stack([f"{name}.weight" for name in names])
    spec.bias = weights.stack([f"{name}.bias" for name in names])


def fill_layer_norm(spec: common_spec.LayerNormSpec, weights: Weights, name: str) -> None:
    spec.gamma = weights[f"{name}.weight"]
    spec.beta = weights[f"{name}.bias"]
