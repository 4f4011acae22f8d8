"""Folders of ``transformers``' XLM, ours or others': settings, and weights as it saves them now and did before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from torch import Tensor

from xlmcli.bundle.fields import Fields
from xlmcli.bundle.manifest import MAX_LABELS, Activation
from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME, PYTORCH_WEIGHTS_NAME
from xlmcli.bundle.weight_files import find_weight_files
from xlmcli.checkpoint.config import CheckpointConfig
from xlmcli.checkpoint.description import read_fields
from xlmcli.checkpoint.lazy_weights import NamedWeights, StoredWeights
from xlmcli.checkpoint.stand_ins import TensorReference
from xlmcli.checkpoint.torch_file import StreamedWeights, TorchFile
from xlmcli.errors import ModelError
from xlmcli.model.classifier_config import CLASSIFIER, POOLINGS, find_label_faults

if TYPE_CHECKING:
    from transformers import XLMConfig

_POSSIBLE = ("XLMModel", "XLMWithLMHeadModel", CLASSIFIER)
_ENCODER = "transformer."
# A buffer that transformers stored until 4.31.
_BUFFER = "position_ids"


@dataclass(frozen=True, slots=True)
class PublishedConfig:
    """What config.json says, transformers' defaults included.

    Attributes:
        checkpoint: Sizes, languages and the classifier, which is left out where it has faults.
        published: All settings, as transformers holds them.
        faults: What the model has and we have not; nothing may be done with a model that has any.
    """

    checkpoint: CheckpointConfig
    published: XLMConfig
    faults: tuple[str, ...]

    @property
    def has_head(self) -> bool:
        """Whether it is a classifier, with or without faults."""
        return CLASSIFIER in (self.published.architectures or ())


def read_published_config(folder: Path) -> PublishedConfig:
    """Reads config.json, which leaves out what is transformers' default.

    Raises:
        ModelError: There is none, or it is not an XLM's.
    """
    given = read_fields(folder)
    if given.values.get("model_type", "xlm") != "xlm":
        raise ModelError(f"{given.place}: model_type is {given.values['model_type']!r}, where xlm is needed")
    if given.values.get("num_labels") is not None:
        given.whole("num_labels", 0, MAX_LABELS)  # transformers makes so many names
    from transformers import XLMConfig

    try:
        config = XLMConfig.from_dict(given.values)
    except Exception as error:  # transformers checks with classes of its own, and with whatever Python raises
        raise ModelError(f"{given.place}: not the settings of an XLM ({' '.join(str(error).split())})") from None
    labels = {str(index): label for index, label in (config.id2label or {}).items()}
    values: dict[str, Any] = {**given.values, **config.to_dict(), "id2label": labels}
    # Before anything is reckoned with its numbers.
    checkpoint = CheckpointConfig.from_json(Fields({**values, "architectures": [], "lang2id": {}}, given.place))
    faults = _architecture_faults(config) + _language_faults(config)
    faults += _head_faults(config) if CLASSIFIER in (config.architectures or ()) else []
    if not faults:
        checkpoint = CheckpointConfig.from_json(Fields(values, given.place))
    return PublishedConfig(checkpoint, config, tuple(faults))


def open_weights(folder: Path) -> Mapping[str, Tensor]:
    """Opens the weights of a folder; each is read when it is looked at.

    Returns:
        The encoder's, named as in ``XLMModel``, and those of layers on top of it (``pred_layer.``,
        ``sequence_summary.``).

    Raises:
        ModelError: There are none, they are damaged, or a file could run code.
    """
    files = find_weight_files(folder)
    if not files:
        raise ModelError(f"{folder}: no weights, neither {CHECKPOINT_WEIGHTS_NAME} nor {PYTORCH_WEIGHTS_NAME}")
    return NamedWeights(
        {
            name.removeprefix(_ENCODER): (part, name)
            for part in map(_open_file, files)
            for name in part
            if not name.endswith(_BUFFER)
        }
    )


def _open_file(path: Path) -> StoredWeights | StreamedWeights:
    if path.suffix == Path(CHECKPOINT_WEIGHTS_NAME).suffix:
        return StoredWeights(path)
    file = TorchFile(path)
    content = file.content
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(part, TensorReference) for name, part in content.items()
    ):
        raise ModelError(f"{path}: not a table of weights")
    return StreamedWeights(file, content)


def _architecture_faults(config: XLMConfig) -> list[str]:
    """Names what changes the states in ways that our models have not got."""
    unknown = [name for name in config.architectures or () if name not in _POSSIBLE]
    faults = [f"architectures: {name} (can be: {', '.join(_POSSIBLE)})" for name in unknown]
    if config.causal:
        faults.append("causal: true")
    if not config.is_encoder:
        faults.append("is_encoder: false")
    if config.emb_dim % config.n_heads:
        faults.append(f"n_heads: {config.n_heads}, which does not divide emb_dim {config.emb_dim}")
    if getattr(config, "pruned_heads", None):
        faults.append("pruned_heads")
    return faults


def _language_faults(config: XLMConfig) -> list[str]:
    lang2id = getattr(config, "lang2id", None) or {}
    ids = list(lang2id.values()) if isinstance(lang2id, dict) else [lang2id]
    if not all(isinstance(index, int) and index >= 0 for index in ids) or len(set(ids)) < len(ids):
        return ["lang2id: should give every language a number of its own"]
    if config.n_langs > 1 and config.use_lang_emb and ids and max(ids) >= config.n_langs:
        return [f"lang2id: goes up to {max(ids)}, with n_langs {config.n_langs}"]
    return []


def _head_faults(config: XLMConfig) -> list[str]:
    faults = []
    if config.summary_type not in tuple(POOLINGS):
        faults.append(f"summary_type: {config.summary_type} (can be: {', '.join(POOLINGS)})")
    if config.summary_activation and config.summary_activation not in get_args(Activation):
        faults.append(f"summary_activation: {config.summary_activation} (can be: tanh, null)")
    labels = list((config.id2label or {}).values())
    num_outputs = len(labels) if config.summary_proj_to_labels else config.emb_dim
    if not config.summary_use_proj:
        faults.append("summary_use_proj: false, so that there is no layer to the labels")
    elif num_outputs != len(labels):
        faults.append(f"summary_proj_to_labels: false, so that {num_outputs} outputs stand for {len(labels)} labels")
    return [*faults, *find_label_faults(list(map(str, labels)), config.problem_type)]
