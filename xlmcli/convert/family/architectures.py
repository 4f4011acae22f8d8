"""Which checkpoints can be converted, by what their config.json calls itself. Tells it without torch."""

from __future__ import annotations

from xlmcli.bundle.fields import Fields
from xlmcli.bundle.names import CONFIG_NAME
from xlmcli.errors import ModelError

XLM = "xlm"
ARCHITECTURES: dict[str, tuple[str, ...]] = {
    XLM: ("XLMModel", "XLMWithLMHeadModel", "XLMForSequenceClassification"),
    "xlm-roberta": ("XLMRobertaModel", "XLMRobertaForMaskedLM", "XLMRobertaForSequenceClassification"),
    "marian": ("MarianMTModel",),
    "m2m_100": ("M2M100ForConditionalGeneration",),
    "mbart": ("MBartForConditionalGeneration",),
}
"""The classes of transformers that can be converted, by ``model_type``."""

# What XLM's config.json had before there was a model_type.
_XLM_KEY = "emb_dim"


def check_family(config: Fields, name: str) -> None:
    """Checks that a checkpoint is of a family that can be converted.

    Args:
        config: Its config.json.
        name: What messages call it.

    Raises:
        ModelError: It is not; the hint lists what can be converted.
    """
    if _family(config) not in ARCHITECTURES:
        raise _refusal(config, name)


def check_architecture(config: Fields, name: str) -> None:
    """Checks that a checkpoint is of a class that can be converted; see ``check_family``."""
    check_family(config, name)
    has_decoder = "decoder_layers" in config.values and _family(config) == XLM  # It is ours.
    if not has_decoder and set(_classes(config)) - set(ARCHITECTURES[_family(config)]):
        raise _refusal(config, name)


def _family(config: Fields) -> str:
    return config.optional_text("model_type") or (XLM if _XLM_KEY in config.values else "")


def _classes(config: Fields) -> tuple[str, ...]:
    return config.texts("architectures") if config.values.get("architectures") is not None else ()


def _refusal(config: Fields, name: str) -> ModelError:
    family = _family(config)
    named = ", ".join(_classes(config)) or (f"model of type {family}" if family else "")
    reason = f"it is a {named}" if named else f"its {CONFIG_NAME} does not say what it is"
    known = ", ".join(item for classes in ARCHITECTURES.values() for item in classes)
    return ModelError(f"{name} cannot be converted: {reason}", hint=f"xlm converts {known}")
