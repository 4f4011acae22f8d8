"""An XLM encoder as a CTranslate2 model, which takes the language as a token type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from ctranslate2.specs import common_spec, transformer_spec

from xlmcli.convert.layers import Weights, activation, fill_encoder

if TYPE_CHECKING:
    from torch import Tensor

    from xlmcli.bundle import SpecialTokens
    from xlmcli.train.model import XLMShape


def build_encoder_spec(
    state: Mapping[str, Tensor],
    shape: XLMShape,
    layer_norm_eps: float,
    vocab: Sequence[str],
    tokens: SpecialTokens,
    quantization: str,
) -> transformer_spec.TransformerEncoderModelSpec:
    """Fills CTranslate2's specification, ready to be saved.

    Where the model has language embeddings, they are a second table, whose row 0 is zero, for no language: language
    ``i`` lies in row ``i + 1``. (Many who fine-tune with transformers give no language at all.)

    Args:
        state: Every weight, named as in ``transformers.XLMModel``.
        shape: The encoder's sizes.
        layer_norm_eps: What every LayerNorm adds to the variance.
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
    spec.config.layer_norm_epsilon = layer_norm_eps
    weights = Weights(state)
    fill_encoder(encoder, weights, "", shape.num_layers)
    if tells_languages:
        table = weights["lang_embeddings.weight"]
        encoder.embeddings[1].weight = np.concatenate([np.zeros_like(table[:1]), table])
    spec.register_vocabulary(list(vocab))
    spec.validate()
    spec.optimize(quantization=quantization)
    return spec
