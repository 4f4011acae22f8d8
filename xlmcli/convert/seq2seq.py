"""An XLM encoder-decoder as a CTranslate2 model.

Language embeddings stay out of it: opening the bundle adds them to the position tables (see ``bundle/folding.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from ctranslate2.specs import common_spec, model_spec, transformer_spec

from xlmcli.bundle.manifest import SpecialTokens
from xlmcli.train.model import LAYER_NORM_EPS

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from xlmcli.train.model import XLMShape


def build_spec(
    state: Mapping[str, Tensor], encoder: XLMShape, decoder: XLMShape, vocab: Sequence[str], quantization: str
) -> transformer_spec.TransformerSpec:
    """Fills CTranslate2's specification, ready to be saved.

    Args:
        state: Every weight, by the name that a checkpoint gives it.
        encoder: The encoder's sizes.
        decoder: The decoder's sizes.
        vocab: The piece of every id.
        quantization: One of CTranslate2's model types.
    """
    tokens = SpecialTokens()
    spec = transformer_spec.TransformerSpec(_encoder_spec(encoder), _decoder_spec(decoder))
    spec.config.bos_token = tokens.bos
    spec.config.eos_token = tokens.eos
    spec.config.unk_token = tokens.unk
    spec.config.decoder_start_token = tokens.decoder_start
    spec.config.layer_norm_epsilon = LAYER_NORM_EPS
    weights = _Weights(state)
    _fill_encoder(spec.encoder, weights, encoder.num_layers)
    _fill_decoder(spec.decoder, weights, decoder.num_layers)
    spec.register_source_vocabulary(list(vocab))
    spec.register_target_vocabulary(list(vocab))
    spec.validate()
    spec.optimize(quantization=quantization)
    _separate_position_tables(spec)
    return spec


class _Weights:
    """Weights as float32 arrays of their own: CTranslate2 quantises in place, which must not reach the model."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._state = state

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        return np.array(self._state[name].detach().float().cpu().numpy(), dtype=np.float32, copy=True)

    def stack(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Joins weights along their outputs, as CTranslate2 fuses projections."""
        return np.concatenate([self[name] for name in names])


def _encoder_spec(shape: XLMShape) -> transformer_spec.TransformerEncoderSpec:
    return transformer_spec.TransformerEncoderSpec(
        shape.num_layers, shape.num_heads, pre_norm=False, activation=_activation(shape), layernorm_embedding=True
    )


def _decoder_spec(shape: XLMShape) -> transformer_spec.TransformerDecoderSpec:
    return transformer_spec.TransformerDecoderSpec(
        shape.num_layers, shape.num_heads, pre_norm=False, activation=_activation(shape), layernorm_embedding=True
    )


def _activation(shape: XLMShape) -> common_spec.Activation:
    return common_spec.Activation.GELU if shape.gelu else common_spec.Activation.RELU


def _fill_encoder(spec: transformer_spec.TransformerEncoderSpec, weights: _Weights, num_layers: int) -> None:
    spec.embeddings[0].weight = weights["encoder.embeddings.weight"]
    _fill_side(spec, weights, "encoder")
    for layer in range(num_layers):
        _fill_layer(spec.layer[layer], weights, "encoder", layer)


def _fill_decoder(spec: transformer_spec.TransformerDecoderSpec, weights: _Weights, num_layers: int) -> None:
    spec.embeddings.weight = weights["decoder.embeddings.weight"]
    _fill_side(spec, weights, "decoder")
    for layer in range(num_layers):
        _fill_layer(spec.layer[layer], weights, "decoder", layer)
        _fill_cross_attention(spec.layer[layer].attention, weights, layer)
    spec.projection.weight = weights["decoder.pred_layer.proj.weight"]
    spec.projection.bias = weights["decoder.pred_layer.proj.bias"]


def _fill_side(
    spec: transformer_spec.TransformerEncoderSpec | transformer_spec.TransformerDecoderSpec,
    weights: _Weights,
    side: str,
) -> None:
    spec.scale_embeddings = False
    spec.position_encodings.encodings = weights[f"{side}.position_embeddings.weight"]
    _fill_layer_norm(spec.layernorm_embedding, weights, f"{side}.layer_norm_emb")


def _fill_layer(
    spec: transformer_spec.TransformerEncoderLayerSpec | transformer_spec.TransformerDecoderLayerSpec,
    weights: _Weights,
    side: str,
    layer: int,
) -> None:
    attention, ffn = f"{side}.attentions.{layer}", f"{side}.ffns.{layer}"
    _fill_linear(spec.self_attention.linear[0], weights, [f"{attention}.{part}_lin" for part in ("q", "k", "v")])
    _fill_linear(spec.self_attention.linear[1], weights, [f"{attention}.out_lin"])
    _fill_layer_norm(spec.self_attention.layer_norm, weights, f"{side}.layer_norm1.{layer}")
    _fill_linear(spec.ffn.linear_0, weights, [f"{ffn}.lin1"])
    _fill_linear(spec.ffn.linear_1, weights, [f"{ffn}.lin2"])
    _fill_layer_norm(spec.ffn.layer_norm, weights, f"{side}.layer_norm2.{layer}")


def _fill_cross_attention(spec: model_spec.LayerSpec, weights: _Weights, layer: int) -> None:
    attention = f"decoder.encoder_attn.{layer}"
    _fill_linear(spec.linear[0], weights, [f"{attention}.q_lin"])
    _fill_linear(spec.linear[1], weights, [f"{attention}.k_lin", f"{attention}.v_lin"])
    _fill_linear(spec.linear[2], weights, [f"{attention}.out_lin"])
    _fill_layer_norm(spec.layer_norm, weights, f"decoder.layer_norm15.{layer}")


def _fill_linear(spec: common_spec.LinearSpec, weights: _Weights, names: Sequence[str]) -> None:
    spec.weight = weights.stack([f"{name}.weight" for name in names])
    spec.bias = weights.stack([f"{name}.bias" for name in names])


def _fill_layer_norm(spec: common_spec.LayerNormSpec, weights: _Weights, name: str) -> None:
    spec.gamma = weights[f"{name}.weight"]
    spec.beta = weights[f"{name}.bias"]


def _separate_position_tables(spec: transformer_spec.TransformerSpec) -> None:
    """Undoes CTranslate2's aliasing of equal tables (sinusoidal ones are): each side will get a vector of its own."""
    tables = (spec.encoder.position_encodings, spec.decoder.position_encodings)
    stored = next(table.encodings for table in tables if not isinstance(table.encodings, str))
    for table in tables:
        if isinstance(table.encodings, str):
            table.encodings = stored
