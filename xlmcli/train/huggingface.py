"""Folders of ``transformers``' XLM, as it saves them now and did before: settings, and weights in either format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME, CONFIG_NAME, PYTORCH_WEIGHTS_NAME
from xlmcli.errors import ModelError
from xlmcli.train.checkpoint import CheckpointConfig, load_config
from xlmcli.train.model import LAYER_NORM_EPS
from xlmcli.train.original import StreamedWeights
from xlmcli.train.stored_weights import StoredWeights
from xlmcli.train.torch_file import TorchFile
from xlmcli.train.unpickling import TensorReference

_OUTPUT = "pred_layer."
_TIED_OUTPUT = "pred_layer.proj.weight"
_ENCODER = "transformer."
_HEADS = (_OUTPUT, "sequence_summary.")
# A buffer that transformers stored until 4.31.
_BUFFER = "position_ids"


def read_published_config(folder: Path) -> CheckpointConfig:
    """Reads config.json, which leaves out what is transformers' default.

    Raises:
        ModelError: There is none, or the model is of a kind that cannot be trained further.
    """
    fields = _with_defaults(folder / CONFIG_NAME)
    if fields is None:
        return load_config(folder)
    faults = [f"{name}: true" for name in ("asm", "causal") if fields.get(name)]
    if fields.get("layer_norm_eps", LAYER_NORM_EPS) != LAYER_NORM_EPS:
        faults.append(f"layer_norm_eps: {fields['layer_norm_eps']}, where {LAYER_NORM_EPS} is needed")
    if not fields.get("is_encoder", True):
        faults.append("is_encoder: false")
    if faults:
        raise ModelError(f"{folder / CONFIG_NAME}: cannot be trained further: {'; '.join(faults)}")
    if not fields.get("lang2id") and fields["n_langs"] > 1:
        # Nobody says which languages these are.
        fields["lang2id"] = {str(index): index for index in range(fields["n_langs"])}
    return CheckpointConfig.from_json(fields)


def read_published_weights(folder: Path, *, tied_output: bool) -> dict[str, Tensor]:
    """Reads all weights, named as in ``XLMWithLMHeadModel`` or ``XLMForSequenceClassification``.

    Args:
        folder: The checkpoint.
        tied_output: Whether the matrix of the output layer is the embedding table, and left out.

    Raises:
        ModelError: There are none, they are damaged, or the file could run code.
    """
    stored = open_weights(folder)
    named = {name if name.startswith((_ENCODER, *_HEADS)) else f"{_ENCODER}{name}": name for name in stored}
    return {
        name: stored[old]
        for name, old in named.items()
        if not name.endswith(_BUFFER) and not (tied_output and name == _TIED_OUTPUT)
    }


def open_weights(folder: Path) -> StoredWeights | StreamedWeights:
    """Opens the weights of a folder under the names that they have; each is read when it is looked at.

    Raises:
        ModelError: There are none, they are damaged, or the file could run code.
    """
    path = folder / PYTORCH_WEIGHTS_NAME
    if (folder / CHECKPOINT_WEIGHTS_NAME).is_file():
        return StoredWeights(folder / CHECKPOINT_WEIGHTS_NAME)
    if not path.is_file():
        raise ModelError(f"{folder}: no weights, neither {CHECKPOINT_WEIGHTS_NAME} nor {PYTORCH_WEIGHTS_NAME}")
    file = TorchFile(path)
    content = file.content
    if not isinstance(content, dict) or not all(isinstance(part, TensorReference) for part in content.values()):
        raise ModelError(f"{path}: not a table of weights")
    return StreamedWeights(file, content)


def _with_defaults(path: Path) -> dict[str, Any] | None:
    """The settings with transformers' defaults; None where they are no XLM's, or not even settings."""
    try:
        fields = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(fields, dict) or fields.get("model_type", "xlm") != "xlm":
        return None
    from transformers import XLMConfig

    try:
        return {**XLMConfig.from_dict(fields).to_dict(), **_renamed(fields)}
    except Exception:  # transformers checks with classes of its own; what is wrong is said by our reader
        return None


def _renamed(fields: dict[str, Any]) -> dict[str, Any]:
    """The settings; the old name of the vocabulary's size, in the first published models, is replaced."""
    return {"vocab_size": fields["n_words"], **fields} if "n_words" in fields else fields
