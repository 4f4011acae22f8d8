"""An XLM encoder as a CTranslate2 model, which takes the language as a token type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from ctranslate2.specs import common_spec, transformer_spec

from xlmcli.checkpoint.engine_names import encoder_names
from xlmcli.convert.layers import Weights, activation, fill
from xlmcli.convert.streaming import finish

if TYPE_CHECKING:
    from torch import Tensor

    from xlmcli.bundle import SpecialTokens
    from xlmcli.bundle.manifest import Quantization
    from xlmcli.model.transformer import XLMShape


def build_encoder_spec(
    state: Mapping[str, Tensor],
    shape: XLMShape,
    vocab: Sequence[str],
    tokens: SpecialTokens,
    quantization: Quantization,
) -> transformer_spec.TransformerEncoderModelSpec:
    """Fills CTranslate2's specification, ready to be saved.

    Where the model has language embeddings, they are a second table, whose row 0 is zero, for no language: language
    ``i`` lies in row ``i + 1``. (Many who fine-tune with transformers give no language at all.)

    Args:
        state: Every weight, named as in ``transformers.XLMModel``.
        shape: The encoder's sizes.
        vocab: The piece of every id.
        tokens: Special pieces.
        quantization: One of CTranslate2's model types.
    """
    tells_languages = shape.num_langs > 1
    encoder = transformer_spec.TransformerEncoderSpec(
        shape.num_layers,
        shape.num_heads,
        pre_norm=False,
        activation=activation(shape),
        num_source_embeddings=2 if tells_languages else 1,
        embeddings_merge=common_spec.EmbeddingsMerge.ADD,
        layernorm_embedding=True,
    )
    spec = transformer_spec.TransformerEncoderModelSpec(encoder)
    spec.config.bos_token = tokens.bos
    spec.config.eos_token = tokens.eos
    spec.config.unk_token = tokens.unk
    spec.config.layer_norm_epsilon = shape.layer_norm_eps
    encoder.scale_embeddings = False
    fill(spec, Weights(state), encoder_names("", shape.num_layers))
    if tells_languages:
        table = state["lang_embeddings.weight"]
        with_none = torch.cat([torch.zeros_like(table[:1]), table])
        encoder.embeddings[1].weight = Weights({"languages": with_none})["languages"]
    spec.register_vocabulary(list(vocab))
    finish(spec, quantization)
    return spec
