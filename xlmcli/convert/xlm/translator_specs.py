"""An XLM encoder-decoder as a CTranslate2 model.

Language embeddings stay out of it: opening the bundle adds them to the position tables (see ``bundle/folding.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ctranslate2.specs import transformer_spec

from xlmcli.bundle.manifest import Quantization, SpecialTokens
from xlmcli.checkpoint.engine_names import decoder_names, encoder_names
from xlmcli.convert.layers import Weights, activation, fill
from xlmcli.convert.streaming import finish
from xlmcli.text.special import EOS_PIECE

if TYPE_CHECKING:
    from torch import Tensor

    from xlmcli.model.transformer import XLMShape


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
    spec.config.decoder_start_token = EOS_PIECE
    spec.config.layer_norm_epsilon = encoder.layer_norm_eps
    spec.encoder.scale_embeddings = spec.decoder.scale_embeddings = False
    names = encoder_names("encoder.", encoder.num_layers)
    fill(spec, Weights(state), names | decoder_names(decoder.num_layers, tied_output=decoder.tied_output))
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
