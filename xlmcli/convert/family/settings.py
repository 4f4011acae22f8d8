"""What config.json says of a model of another family, and what of it cannot be converted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from xlmcli.bundle import ClassifierPart
from xlmcli.bundle.fields import Fields
from xlmcli.bundle.names import CONFIG_NAME
from xlmcli.checkpoint.config import check_told
from xlmcli.convert.family.architectures import ARCHITECTURES
from xlmcli.convert.family.languages import Family, read_tokenizer_config
from xlmcli.convert.family.specs import ACTIVATIONS, POSITION_OFFSET
from xlmcli.errors import ModelError
from xlmcli.facts import has_controls
from xlmcli.lines import read_model_file
from xlmcli.model.classifier_config import PROBLEMS, find_label_faults
from xlmcli.text.special import EOS_PIECE

_FAMILIES: tuple[Family, ...] = get_args(Family)
_CLASSIFIER = "XLMRobertaForSequenceClassification"
_OLD_MBART = "MBartTokenizer"


@dataclass(frozen=True, slots=True)
class FamilySettings:
    """What config.json says.

    Attributes:
        family: What the model is.
        config: transformers' settings, with its defaults.
        sizes: Rows of the encoder's table and of the decoder's.
        num_positions: Longest sequence, special tokens counted, on either side.
        forced_bos: Id of the only piece that translations begin with; None where any may.
        classifier: What a classifier tells apart; None without one.
    """

    family: Family
    config: Any
    sizes: tuple[int, int]
    num_positions: int
    forced_bos: int | None
    classifier: ClassifierPart | None


def is_family(folder: Path) -> bool:
    """Tells whether a folder's config.json is that of such a model."""
    path = folder / CONFIG_NAME
    return path.is_file() and Fields.parse(read_model_file(path), str(path)).values.get("model_type") in _FAMILIES


def read_family_settings(folder: Path) -> tuple[FamilySettings, list[str]]:
    """Reads config.json.

    Returns:
        The settings, and all that they say that cannot be converted.

    Raises:
        ModelError: It is missing, damaged, or not what transformers reads.
    """
    path = folder / CONFIG_NAME
    fields = Fields.parse(read_model_file(path), str(path))
    family = fields.choice("model_type", _FAMILIES)
    names = fields.texts("architectures") if fields.values.get("architectures") is not None else ()
    config = _read_config(family, fields)
    faults = _architecture_faults(family, config, names)
    classifier = None
    if _CLASSIFIER in names:
        ids = sorted(config.id2label)
        labels = tuple(str(config.id2label[index]) for index in ids)
        if ids != list(range(len(ids))):
            faults.append("id2label: its ids are not 0, 1, 2, …")
        faults += find_label_faults(labels, config.problem_type)
        if any(map(has_controls, labels)):
            faults.append("id2label: a label has control characters")
        classifier = ClassifierPart(labels=labels, multi_label=config.problem_type == PROBLEMS[True])
    if family == "mbart":
        faults += _old_mbart_faults(folder, fields, config)
    sizes = (config.vocab_size, config.vocab_size)
    if family == "marian" and not config.share_encoder_decoder_embeddings:
        sizes = (config.vocab_size, config.decoder_vocab_size)
    check_told(fields, max(sizes))
    num_positions = config.max_position_embeddings - (POSITION_OFFSET if family == "xlm-roberta" else 0)
    return FamilySettings(family, config, sizes, num_positions, _forced_bos(folder, fields), classifier), faults


def _read_config(family: Family, fields: Fields) -> Any:
    import transformers

    classes: dict[Family, Any] = {
        "marian": transformers.MarianConfig,
        "m2m_100": transformers.M2M100Config,
        "mbart": transformers.MBartConfig,
        "xlm-roberta": transformers.XLMRobertaConfig,
    }
    try:
        return classes[family].from_dict(fields.values)
    except Exception as error:  # transformers checks with classes of its own, and with whatever Python raises
        raise ModelError(f"{fields.place}: not the settings of a {family} ({' '.join(str(error).split())})") from None


def _architecture_faults(family: Family, config: Any, names: Sequence[str]) -> list[str]:
    possible = ARCHITECTURES[family]
    faults = [f"architectures: {name} (can be: {', '.join(possible)})" for name in names if name not in possible]
    key = "hidden_act" if family == "xlm-roberta" else "activation_function"
    if (activation := getattr(config, key)) not in ACTIVATIONS:
        faults.append(f"{key}: {activation} (can be: {', '.join(ACTIVATIONS)})")
    kind = getattr(config, "position_embedding_type", None)
    if kind not in (None, "absolute"):
        faults.append(f"position_embedding_type: {kind}")
    return faults


def _old_mbart_faults(folder: Path, fields: Fields, config: Any) -> list[str]:
    """mBART-25 starts translations from the token of their language, and does not say between which it translates."""
    classes = [part.optional_text("tokenizer_class") or "" for part in (read_tokenizer_config(folder), fields)]
    advice = "of mBARTs, mBART-50 can be converted"
    if any(name.startswith(_OLD_MBART) for name in classes):
        return [f"tokenizer_class: {_OLD_MBART} ({advice})"]
    if config.decoder_start_token_id != config.eos_token_id:
        return [f"decoder_start_token_id: {config.decoder_start_token_id}, which is not that of {EOS_PIECE} ({advice})"]
    return []


def _forced_bos(folder: Path, config: Fields) -> int | None:
    path = folder / "generation_config.json"
    for fields in (Fields.parse(read_model_file(path), str(path)) if path.is_file() else None, config):
        if fields is not None and fields.values.get("forced_bos_token_id") is not None:
            return fields.whole("forced_bos_token_id")
    return None
