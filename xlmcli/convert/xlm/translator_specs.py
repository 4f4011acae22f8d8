"""An XLM encoder-decoder as a CTranslate2 model.

Language embeddings stay out of it: opening the bundle adds them to the position tables (see ``bundle/folding.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ctranslate2.specs import model_spec, transformer_spec

from xlmcli.bundle.manifest import Quantization, SpecialTokens
from xlmcli.convert.layers import (
    Weights,
    activation,
    fill_encoder,
    fill_input,
    fill_layer,
    fill_layer_norm,
    fill_linear,
)
from xlmcli.convert.streaming import finish

if TYPE_CHECKING:
    from torch import Tensor

    from xlmcli.model.transformer import XLMShape


DECODER_START = "</s>"


def build_spec(
    state: Mapping[str, Tensor], encoder: XLMShape, decoder: XLMShape, vocab: Sequence[str], quantization: Quantization
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
    spec.config.decoder_start_token = DECODER_START
    spec.config.layer_norm_epsilon = encoder.layer_norm_eps
    weights = Weights(state)
    fill_encoder(spec.encoder, weights, "encoder.", encoder.num_layers)
    _fill_decoder(spec.decoder, weights, decoder)
    spec.register_source_vocabulary(list(vocab))
    spec.register_target_vocabulary(list(vocab))
    finish(spec, quantization)
    return spec


def _encoder_spec(shape: XLMShape) -> transformer_spec.TransformerEncoderSpec:
    return transformer_spec.TransformerEncoderSpec(
        shape.num_layers, shape.num_heads, pre_norm=False, activation=activation(shape), layernorm_embedding=True
    )


def _decoder_spec(shape: XLMShape) -> transformer_spec.TransformerDecoderSpec:
    return transformer_spec.TransformerDecoderSpec(
        shape.num_layers, shape.num_heads, pre_norm=False, activation=activation(shape), layernorm_embedding=True
    )


def _fill_decoder(spec: transformer_spec.TransformerDecoderSpec, weights: Weights, shape: XLMShape) -> None:
    table = "decoder.embeddings.weight"
    spec.embeddings.weight = weights[table]
    fill_input(spec, weights, "decoder.")
    for layer in range(shape.num_layers):
        fill_layer(spec.layer[layer], weights, "decoder.", layer)
        _fill_cross_attention(spec.layer[layer].attention, weights, layer)
    spec.projection.weight = weights[table if shape.tied_output else "decoder.pred_layer.proj.weight"]
    spec.projection.bias = weights["decoder.pred_layer.proj.bias"]


def _fill_cross_attention(spec: model_spec.LayerSpec, weights: Weights, layer: int) -> None:
    attention = f"decoder.encoder_attn.{layer}"
    fill_linear(spec.linear[0], weights, [f"{attention}.q_lin"])
    fill_linear(spec.linear[1], weights, [f"{attention}.k_lin", f"{attention}.v_lin"])
    fill_linear(spec.linear[2], weights, [f"{attention}.out_lin"])
    fill_layer_norm(spec.layer_norm, weights, f"decoder.layer_norm15.{layer}")
