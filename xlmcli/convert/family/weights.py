"""The weights of a folder of transformers, checked against those that its class wants."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from xlmcli.checkpoint.huggingface import open_weights
from xlmcli.checkpoint.lazy_weights import rename
from xlmcli.convert.family.languages import Family
from xlmcli.convert.streaming import weight_shape
from xlmcli.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What old folders hold but transformers computes, and what stands on top of an encoder.
_NOT_NEEDED: dict[Family, re.Pattern[str]] = {
    "marian": re.compile(r"model\.\w+\.embed_positions\.weight"),
    "m2m_100": re.compile(r"model\.\w+\.embed_positions\.weights"),
    "mbart": re.compile(r"(?!)"),
    "xlm-roberta": re.compile(r"(pooler|lm_head)\..*"),
}
_OPTIONAL = "final_logits_bias"
_ENCODER = "roberta."


def make_skeleton(family: Family, config: Any, *, is_classifier: bool) -> PreTrainedModel:
    """The model of transformers without numbers, by transformers' settings.

    Raises:
        ValueError: The settings contradict each other.
    """
    import transformers

    classes: dict[Family, Any] = {
        "marian": transformers.MarianMTModel,
        "m2m_100": transformers.M2M100ForConditionalGeneration,
        "mbart": transformers.MBartForConditionalGeneration,
        "xlm-roberta": transformers.XLMRobertaForSequenceClassification,
    }
    with torch.device("meta"):
        if family == "xlm-roberta" and not is_classifier:
            return transformers.XLMRobertaModel(config, add_pooling_layer=False)
        model: PreTrainedModel = classes[family](config)
        return model


def open_family_weights(folder: Path, family: Family, skeleton: nn.Module) -> Mapping[str, Tensor]:
    """Opens the weights of a folder; each is read when it is looked at.

    Args:
        folder: The folder.
        family: What the model is.
        skeleton: The model; weights that are one in it are stored by any of their names.

    Returns:
        Weights by the names of ``skeleton``, without ``roberta.``. Several names may lead to one.

    Raises:
        ModelError: They cannot be opened, or lists those that are missing, unexpected or of another size.
    """
    stored = open_weights(folder)
    stored = rename(stored, {name.removeprefix(_ENCODER): name for name in stored})
    not_needed = _NOT_NEEDED[family]
    wanted = _wanted(skeleton, not_needed)
    places: dict[str, str] = {}
    faults = []
    for names, shape in wanted:
        there = [name for name in names if name in stored]
        if not there:
            faults += [f"{names[0]}: missing"] if names[0] != _OPTIONAL else []
            continue
        faults += [
            f"{name}: has shape {found}, expected {shape}"
            for name in there
            if (found := weight_shape(stored, name)) != shape
        ]
        places |= dict.fromkeys(names, there[0]) | {name: name for name in _others(stored, there)}
    known = {*places, *(name for names, _ in wanted for name in names)}
    faults += [f"{name}: unexpected" for name in stored if name not in known and not not_needed.fullmatch(name)]
    if faults:
        raise ModelError("; ".join(sorted(faults)))
    return rename(stored, places)


def count_parameters(skeleton: nn.Module, family: Family) -> int:
    """Distinct numbers that were learned."""
    return sum(torch.Size(shape).numel() for _, shape in _wanted(skeleton, _NOT_NEEDED[family]))


def _wanted(skeleton: nn.Module, not_needed: re.Pattern[str]) -> list[tuple[list[str], tuple[int, ...]]]:
    """The names and the shape of every weight."""
    groups: dict[int, tuple[list[str], tuple[int, ...]]] = {}
    state = skeleton.state_dict(keep_vars=True)
    for full_name, weight in state.items():
        name = full_name.removeprefix(_ENCODER)
        if not not_needed.fullmatch(name):
            groups.setdefault(id(weight), ([], tuple(weight.shape)))[0].append(name)
    return list(groups.values())


def _others(stored: Mapping[str, Tensor], names: list[str]) -> list[str]:
    """Those of several names for one weight under which there are other numbers; transformers leaves these apart."""
    if len(names) == 1:
        return []
    first, *rest = names
    digest = _digest(stored[first])
    return [name for name in rest if _digest(stored[name]) != digest]


def _digest(weight: Tensor) -> bytes:
    return hashlib.sha256(weight.contiguous().flatten().view(torch.uint8).numpy().data).digest()
