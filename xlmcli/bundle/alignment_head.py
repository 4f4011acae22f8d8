"""Telling CTranslate2 whose attention to return: it gives that of the first heads of one decoder layer.

So the head that is wanted is put first. The order of heads is nobody's business but their own: the columns that bring a
head's result to the states go where its rows went, and the translation stays what it was.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping

from xlmcli.bundle.layout import StoredWeight, count_layers, read_number, read_weights
from xlmcli.bundle.manifest import AlignmentHead
from xlmcli.bundle.names import MODEL_NAME
from xlmcli.errors import ModelError

_LAYER, _HEADS, _NUM_HEADS = "decoder/alignment_layer", "decoder/alignment_heads", "decoder/num_heads"


def can_put_head_first(weights: Mapping[str, StoredWeight]) -> bool:
    """Whether a model.bin has settings that say whose attention is told; those of old converters have not."""
    return {_LAYER, _HEADS, _NUM_HEADS} <= weights.keys()


def put_head_first(model: bytes, alignment: AlignmentHead) -> bytes:
    """Returns model.bin with a head the first of its layer, and its attention the one that is told.

    Raises:
        ModelError: It has no such layer or head, or cannot be told.
    """
    import numpy as np

    stream = io.BytesIO(model)
    weights = read_weights(stream)
    num_heads = read_number(stream, weights[_NUM_HEADS]) if can_put_head_first(weights) else 0
    if alignment.layer > count_layers(weights, "decoder") or alignment.head > num_heads:
        raise ModelError(f"{MODEL_NAME} cannot tell the attention of layer {alignment.layer}, head {alignment.head}")
    content, first = bytearray(model), alignment.head - 1
    order = [first, *(head for head in range(num_heads) if head != first)]
    for name, num_blocks in _blocks(weights, f"decoder/layer_{alignment.layer - 1}/attention/linear_"):
        part = weights[name]
        numbers = np.frombuffer(content, np.uint8, part.num_bytes, part.offset).reshape(num_blocks, num_heads, -1)
        ordered = numbers[:, order]
        if (ordered != numbers).any():
            _check_unshared(weights, name)
            numbers[:] = ordered
    for name, number in ((_LAYER, alignment.layer - 1), (_HEADS, 1)):
        part = weights[name]
        content[part.offset : part.offset + part.num_bytes] = number.to_bytes(part.num_bytes, "little")
    return bytes(content)


def _blocks(weights: Mapping[str, StoredWeight], scope: str) -> Iterator[tuple[str, int]]:
    """Yields names of weights that hold all heads one after the other, and how many times they do."""
    # Rows of queries; rows of keys, then of values; columns of each row.
    for linear, num_blocks in ((0, 1), (1, 2)):
        for part in ("weight", "weight_scale", "bias"):
            weight = weights.get(f"{scope}{linear}/{part}")
            if weight is not None and weight.shape:
                yield f"{scope}{linear}/{part}", num_blocks
    yield f"{scope}2/weight", weights[f"{scope}2/weight"].shape[0]


def _check_unshared(weights: Mapping[str, StoredWeight], name: str) -> None:
    for other, part in weights.items():
        if other != name and part.offset == weights[name].offset:
            raise ModelError(f"{MODEL_NAME}: {name} is {other} too, whose heads would change places with it")
