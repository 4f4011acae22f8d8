"""What CTranslate2 calls the weights of an XLM, for both ways: a checkpoint becomes a bundle, a bundle is trained on.

Each path in CTranslate2's specification goes with the weights of a checkpoint that are joined there along their first
axis, as it fuses projections. Language embeddings are not among them: a bundle has them in places of its own.
"""

from __future__ import annotations

from typing import TypeAlias

EngineNames: TypeAlias = dict[str, tuple[str, ...]]


def encoder_names(prefix: str, num_layers: int) -> EngineNames:
    """Those of an encoder.

    Args:
        prefix: What stands before a checkpoint's names, such as ``encoder.``, or nothing.
        num_layers: Its depth.
    """
    names = {"encoder/embeddings_0/weight": (f"{prefix}embeddings.weight",), **_input("encoder", prefix)}
    for layer in range(num_layers):
        names |= _layer("encoder", prefix, layer)
    return names


def decoder_names(num_layers: int, *, tied_output: bool) -> EngineNames:
    """Those of an encoder-decoder's decoder, whose output layer may be its embedding table."""
    table, output = "decoder.embeddings.weight", "decoder.pred_layer.proj"
    names = {"decoder/embeddings/weight": (table,), **_input("decoder", "decoder.")}
    for layer in range(num_layers):
        scope, attention = f"decoder/layer_{layer}/attention", f"decoder.encoder_attn.{layer}"
        names |= _layer("decoder", "decoder.", layer)
        names |= _linear(f"{scope}/linear_0", f"{attention}.q_lin")
        names |= _linear(f"{scope}/linear_1", f"{attention}.k_lin", f"{attention}.v_lin")
        names |= _linear(f"{scope}/linear_2", f"{attention}.out_lin")
        names |= _norm(f"{scope}/layer_norm", f"decoder.layer_norm15.{layer}")
    names["decoder/projection/weight"] = (table if tied_output else f"{output}.weight",)
    names["decoder/projection/bias"] = (f"{output}.bias",)
    return names


def _input(side: str, prefix: str) -> EngineNames:
    """Positions, and the first LayerNorm."""
    positions = {f"{side}/position_encodings/encodings": (f"{prefix}position_embeddings.weight",)}
    return positions | _norm(f"{side}/layernorm_embedding", f"{prefix}layer_norm_emb")


def _layer(side: str, prefix: str, layer: int) -> EngineNames:
    """Self-attention and feed-forward."""
    scope, attention, ffn = f"{side}/layer_{layer}", f"{prefix}attentions.{layer}", f"{prefix}ffns.{layer}"
    return {
        **_linear(f"{scope}/self_attention/linear_0", *(f"{attention}.{part}_lin" for part in ("q", "k", "v"))),
        **_linear(f"{scope}/self_attention/linear_1", f"{attention}.out_lin"),
        **_norm(f"{scope}/self_attention/layer_norm", f"{prefix}layer_norm1.{layer}"),
        **_linear(f"{scope}/ffn/linear_0", f"{ffn}.lin1"),
        **_linear(f"{scope}/ffn/linear_1", f"{ffn}.lin2"),
        **_norm(f"{scope}/ffn/layer_norm", f"{prefix}layer_norm2.{layer}"),
    }


def _linear(path: str, *names: str) -> EngineNames:
    return {f"{path}/{part}": tuple(f"{name}.{part}" for name in names) for part in ("weight", "bias")}


def _norm(path: str, name: str) -> EngineNames:
    return {f"{path}/gamma": (f"{name}.weight",), f"{path}/beta": (f"{name}.bias",)}
