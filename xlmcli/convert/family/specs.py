"""Models of other families as CTranslate2 models, filled from weights that stay in their files.

CTranslate2's own converter holds a whole model in memory, and a table of 250,000 words several times.

Source: the loaders of these families in ``ctranslate2/converters/transformers.py``, whose model.bin is the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ctranslate2.specs import attention_spec, common_spec, transformer_spec

from xlmcli.convert.family.languages import Family
from xlmcli.convert.layers import Weights
from xlmcli.convert.streaming import finish
from xlmcli.text.special import EOS_PIECE, UNK_PIECE

if TYPE_CHECKING:
    from torch import Tensor

    from xlmcli.bundle.manifest import Quantization

_Activation = common_spec.Activation
ACTIVATIONS: dict[str, common_spec.Activation] = {
    "gelu": _Activation.GELU, "gelu_python": _Activation.GELU,
    "gelu_fast": _Activation.GELUTanh, "gelu_new": _Activation.GELUTanh, "gelu_pytorch_tanh": _Activation.GELUTanh,
    "quick_gelu": _Activation.GELUSigmoid, "relu": _Activation.RELU, "silu": _Activation.SWISH,
    "swish": _Activation.SWISH,
}  # fmt: skip
"""What the engine has, by transformers' names."""

POSITION_OFFSET = 2
"""Rows of a position table, of all families but Marian, that stand before position 0."""


def build_translation_spec(
    state: Mapping[str, Tensor],
    config: Any,
    family: Family,
    vocabularies: tuple[Sequence[str], Sequence[str]],
    quantization: Quantization,
) -> transformer_spec.TransformerSpec:
    """Fills the specification of a Marian, M2M-100, NLLB or mBART-50, ready to be saved.

    Args:
        state: Every weight, named as in transformers' class.
        config: transformers' settings.
        family: Which it is.
        vocabularies: The pieces of both sides, one for each row of a table. Marian's last row, which transformers adds
            for padding, is left out.
        quantization: How weights are stored.
    """
    pre_norm, has_first_norm = family != "marian", family == "mbart"
    activation = ACTIVATIONS[config.activation_function]
    encoder = transformer_spec.TransformerEncoderSpec(
        config.encoder_layers,
        config.encoder_attention_heads,
        pre_norm=pre_norm,
        activation=activation,
        layernorm_embedding=has_first_norm,
    )
    decoder = transformer_spec.TransformerDecoderSpec(
        config.decoder_layers,
        config.decoder_attention_heads,
        pre_norm=pre_norm,
        activation=activation,
        layernorm_embedding=has_first_norm,
    )
    weights, end = Weights(state), -1 if family == "marian" else None
    for side, name, table in ((encoder, "encoder", encoder.embeddings[0]), (decoder, "decoder", decoder.embeddings)):
        prefix = f"model.{name}."
        side.scale_embeddings = math.sqrt(config.d_model) if config.scale_embedding else 1.0
        side.position_encodings.encodings = _positions(weights, prefix, config, family)
        table.weight = weights.rows(f"{prefix}embed_tokens.weight", stop=end)
        if has_first_norm:
            _fill_layer_norm(side.layernorm_embedding, weights, f"{prefix}layernorm_embedding")
        if pre_norm:
            _fill_layer_norm(side.layer_norm, weights, f"{prefix}layer_norm")
        for index, layer in enumerate(side.layer):
            _fill_layer(layer, weights, f"{prefix}layers.{index}.", has_memory=side is decoder)
    decoder.start_from_zero_embedding = family == "marian"
    decoder.projection.weight = weights.rows("lm_head.weight", stop=end)
    if "final_logits_bias" in state and state["final_logits_bias"].any():
        bias = Weights({"final_logits_bias": state["final_logits_bias"].flatten()})
        decoder.projection.bias = bias.rows("final_logits_bias", stop=end)
    spec = transformer_spec.TransformerSpec(encoder, decoder)
    spec.config.eos_token = spec.config.decoder_start_token = EOS_PIECE
    spec.config.unk_token = UNK_PIECE
    source, target = (list(pieces[:end]) for pieces in vocabularies)
    spec.register_source_vocabulary(source)
    spec.register_target_vocabulary(target)
    finish(spec, quantization)
    return spec


def build_roberta_spec(
    state: Mapping[str, Tensor], config: Any, vocab: Sequence[str], quantization: Quantization
) -> transformer_spec.TransformerEncoderModelSpec:
    """Fills the specification of an XLM-R, without what stands on top of its last layer; as above.

    Args:
        state: The encoder's weights, named as in ``XLMRobertaModel``.
        config: transformers' settings.
        vocab: A piece for every row of the table.
        quantization: How weights are stored.
    """
    encoder = transformer_spec.TransformerEncoderSpec(
        config.num_hidden_layers,
        config.num_attention_heads,
        pre_norm=False,
        activation=ACTIVATIONS[config.hidden_act],
        layernorm_embedding=True,
        num_source_embeddings=2,
        embeddings_merge=common_spec.EmbeddingsMerge.ADD,
    )
    weights = Weights(state)
    encoder.scale_embeddings = False
    encoder.embeddings[0].weight = weights["embeddings.word_embeddings.weight"]
    encoder.embeddings[1].weight = weights["embeddings.token_type_embeddings.weight"]
    # Positions are numbered from the id of padding, 1, on.
    encoder.position_encodings.encodings = weights.rows("embeddings.position_embeddings.weight", POSITION_OFFSET)
    _fill_layer_norm(encoder.layernorm_embedding, weights, "embeddings.LayerNorm")
    for index, layer in enumerate(encoder.layer):
        prefix = f"encoder.layer.{index}."
        attention = f"{prefix}attention."
        projections = [f"{attention}self.{part}" for part in ("query", "key", "value")]
        _fill_linear(layer.self_attention.linear[0], weights, projections)
        _fill_linear(layer.self_attention.linear[1], weights, [f"{attention}output.dense"])
        _fill_layer_norm(layer.self_attention.layer_norm, weights, f"{attention}output.LayerNorm")
        _fill_linear(layer.ffn.linear_0, weights, [f"{prefix}intermediate.dense"])
        _fill_linear(layer.ffn.linear_1, weights, [f"{prefix}output.dense"])
        _fill_layer_norm(layer.ffn.layer_norm, weights, f"{prefix}output.LayerNorm")
    spec = transformer_spec.TransformerEncoderModelSpec(encoder)
    spec.config.unk_token = UNK_PIECE
    spec.config.layer_norm_epsilon = config.layer_norm_eps
    spec.register_vocabulary(list(vocab))
    finish(spec, quantization)
    return spec


def _positions(weights: Weights, prefix: str, config: Any, family: Family) -> Any:
    """A side's position vectors: M2M-100 and Marian compute them."""
    if family == "mbart":
        return weights.rows(f"{prefix}embed_positions.weight", POSITION_OFFSET)
    if family == "m2m_100":
        from transformers.models.m2m_100.modeling_m2m_100 import M2M100SinusoidalPositionalEmbedding

        num_rows = config.max_position_embeddings + POSITION_OFFSET
        table = M2M100SinusoidalPositionalEmbedding.get_embedding(num_rows, config.d_model, config.pad_token_id)
        return table[POSITION_OFFSET:]
    from transformers.models.marian.modeling_marian import MarianSinusoidalPositionalEmbedding

    positions: Any = MarianSinusoidalPositionalEmbedding(config.max_position_embeddings, config.d_model)
    return positions.create_weight()


def _fill_layer(
    layer: transformer_spec.TransformerEncoderLayerSpec | transformer_spec.TransformerDecoderLayerSpec,
    weights: Weights,
    prefix: str,
    *,
    has_memory: bool,
) -> None:
    """Fills a layer of an encoder, or of a decoder, which attends to the encoder's states too."""
    own = f"{prefix}self_attn."
    _fill_linear(layer.self_attention.linear[0], weights, [f"{own}{part}_proj" for part in ("q", "k", "v")])
    _fill_attention_end(layer.self_attention, weights, own)
    if has_memory:
        other = f"{prefix}encoder_attn."
        _fill_linear(layer.attention.linear[0], weights, [f"{other}q_proj"])
        _fill_linear(layer.attention.linear[1], weights, [f"{other}k_proj", f"{other}v_proj"])
        _fill_attention_end(layer.attention, weights, other)
    _fill_linear(layer.ffn.linear_0, weights, [f"{prefix}fc1"])
    _fill_linear(layer.ffn.linear_1, weights, [f"{prefix}fc2"])
    _fill_layer_norm(layer.ffn.layer_norm, weights, f"{prefix}final_layer_norm")


def _fill_attention_end(attention: attention_spec.MultiHeadAttentionSpec, weights: Weights, prefix: str) -> None:
    _fill_linear(attention.linear[-1], weights, [f"{prefix}out_proj"])
    _fill_layer_norm(attention.layer_norm, weights, f"{prefix.removesuffix('.')}_layer_norm")


def _fill_linear(spec: common_spec.LinearSpec, weights: Weights, names: Sequence[str]) -> None:
    spec.weight = weights.stack([f"{name}.weight" for name in names])
    spec.bias = weights.stack([f"{name}.bias" for name in names])


def _fill_layer_norm(spec: common_spec.LayerNormSpec, weights: Weights, name: str) -> None:
    spec.gamma = weights[f"{name}.weight"]
    spec.beta = weights[f"{name}.bias"]
