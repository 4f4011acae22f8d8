"""What config.json says of an encoder or a classifier, ours or Hugging Face's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from xlmcli.bundle import ClassifierPart
from xlmcli.bundle.fields import Fields
from xlmcli.bundle.manifest import Activation, Pooling
from xlmcli.bundle.names import CONFIG_NAME
from xlmcli.errors import ModelError
from xlmcli.text.special import BOS_ID, EOS_ID
from xlmcli.train.model import XLMShape

if TYPE_CHECKING:
    from transformers import XLMConfig

CLASSIFIER = "XLMForSequenceClassification"
ENCODERS = ("XLMModel", "XLMWithLMHeadModel")

_SINGLE_LABEL, _MULTI_LABEL = "single_label_classification", "multi_label_classification"
# transformers takes the last position for "cls_index" where nobody says which, and pipelines never do.
_POOLINGS: dict[str, Pooling] = {**{pooling: pooling for pooling in get_args(Pooling)}, "cls_index": "last"}


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """What there is to know beside the weights.

    Attributes:
        shape: The encoder's sizes; more than one language only if it has language embeddings.
        layer_norm_eps: What every LayerNorm adds to the variance.
        languages: Code of every language and its id.
        has_head: Whether it is a classifier's.
        classifier: What stands on top of a classifier's encoder; None also where it cannot be converted.
        max_len: Longest text that a classifier was trained on, in tokens; None is unknown.
        start_id: What every sequence starts with.
        published: The settings as transformers holds them.
    """

    shape: XLMShape
    layer_norm_eps: float
    languages: Mapping[str, int]
    has_head: bool
    classifier: ClassifierPart | None
    max_len: int | None
    start_id: int
    published: XLMConfig


def read_encoder_config(folder: Path) -> tuple[EncoderConfig, list[str]]:
    """Reads config.json.

    Returns:
        The settings, and all that cannot be converted; nothing may be done with the former if there is any.

    Raises:
        ModelError: There is none, or it is not an XLM's.
    """
    path = folder / CONFIG_NAME
    try:
        fields = Fields.parse(path.read_bytes(), str(path))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from None
    if fields.values.get("model_type", "xlm") != "xlm":
        raise ModelError(f"{path}: model_type is {fields.values['model_type']!r}, and only xlm can be converted")
    config = _parse(fields)
    faults = _architecture_faults(config) + _language_faults(config)
    has_head = CLASSIFIER in (config.architectures or ())
    if has_head:
        faults += _head_faults(config)
    tells_languages = config.n_langs > 1 and config.use_lang_emb
    shape = XLMShape(
        num_words=config.vocab_size,
        num_langs=config.n_langs if tells_languages else 1,
        dim=config.emb_dim,
        num_layers=config.n_layers,
        num_heads=config.n_heads,
        max_positions=config.max_position_embeddings,
        gelu=config.gelu_activation,
        sinusoidal=config.sinusoidal_embeddings,
    )
    languages = _languages(config, tells_languages)
    classifier = _classifier(config, fields) if has_head and not faults else None
    max_len = fields.whole("xlm_max_len") if fields.values.get("xlm_max_len") is not None else None
    return (
        EncoderConfig(
            shape,
            config.layer_norm_eps,
            languages,
            has_head,
            classifier,
            max_len,
            _start_id(fields, has_head),
            config,
        ),
        faults,
    )


def label_names(config: XLMConfig) -> tuple[str, ...]:
    """The names of the labels, in the order of their ids, as transformers completes them."""
    names = cast("dict[int, str]", config.id2label)
    return tuple(names[index] for index in sorted(names))


def _parse(fields: Fields) -> XLMConfig:
    from transformers import XLMConfig

    try:
        return XLMConfig.from_dict(fields.values)
    except Exception as error:  # transformers checks with classes of its own, and with whatever Python raises
        raise ModelError(f"{fields.place}: not the settings of an XLM ({' '.join(str(error).split())})") from None


def _architecture_faults(config: XLMConfig) -> list[str]:
    """Names what changes the states in ways that the engine has not got. The output layer is not needed: asm may be."""
    possible = (*ENCODERS, CLASSIFIER)
    unknown = [name for name in config.architectures or () if name not in possible]
    faults = [f"architectures: {name} (can be: {', '.join(possible)})" for name in unknown]
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
    ids = list(lang2id.values())
    if not all(isinstance(index, int) and index >= 0 for index in ids) or len(set(ids)) < len(ids):
        return ["lang2id: should give every language a number of its own"]
    if config.n_langs > 1 and config.use_lang_emb and ids and max(ids) >= config.n_langs:
        return [f"lang2id: goes up to {max(ids)}, with n_langs {config.n_langs}"]
    return []


def _languages(config: XLMConfig, tells_languages: bool) -> dict[str, int]:
    """The languages by code; numbers where the model has language embeddings and nobody says whose."""
    lang2id = getattr(config, "lang2id", None) or {}
    if not lang2id and tells_languages:
        return {str(index): index for index in range(config.n_langs)}
    return dict(sorted(lang2id.items(), key=lambda item: item[1]))


def _head_faults(config: XLMConfig) -> list[str]:
    faults = []
    if config.summary_type not in _POOLINGS:
        faults.append(f"summary_type: {config.summary_type} (can be: {', '.join(_POOLINGS)})")
    if config.summary_activation and config.summary_activation not in get_args(Activation):
        faults.append(f"summary_activation: {config.summary_activation} (can be: tanh, null)")
    labels = label_names(config)
    num_outputs = len(labels) if config.summary_proj_to_labels else config.emb_dim
    if not config.summary_use_proj:
        faults.append("summary_use_proj: false, so that there is no layer to the labels")
    elif num_outputs != len(labels):
        faults.append(f"summary_proj_to_labels: false, so that {num_outputs} outputs stand for {len(labels)} labels")
    if config.problem_type not in (None, _SINGLE_LABEL, _MULTI_LABEL):
        faults.append(f"problem_type: {config.problem_type}")
    if len(labels) < 2:
        faults.append(f"num_labels: {len(labels)}, which is a regression and no classification")
    if len(set(labels)) < len(labels):
        faults.append("id2label: should give every label a name of its own")
    return faults


def _classifier(config: XLMConfig, fields: Fields) -> ClassifierPart:
    has_langs, has_temperature = "xlm_train_langs" in fields.values, "xlm_temperature" in fields.values
    return ClassifierPart(
        labels=label_names(config),
        pooling=_POOLINGS[config.summary_type],
        activation="tanh" if config.summary_activation else None,
        multi_label=config.problem_type == _MULTI_LABEL,
        temperature=fields.number("xlm_temperature") if has_temperature else 1.0,
        trained_langs=fields.texts("xlm_train_langs") if has_langs else (),
    )


def _start_id(fields: Fields, has_head: bool) -> int:
    """``</s>``, as in pretraining; but a classifier that is not ours saw the ``<s>`` of transformers' tokenizer."""
    if "xlm_start_id" in fields.values:
        return fields.whole("xlm_start_id")
    return BOS_ID if has_head else EOS_ID
