"""What a kind of checkpoint makes of the options of a conversion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Say = Callable[[str], None]
"""Takes a line of what a comparison found."""


@dataclass(frozen=True, slots=True)
class VerificationOptions:
    """How a new model is compared with its checkpoint before it is written.

    Attributes:
        sentences: What to compare on, by language; built-in ones where there are none.
        min_share: Share of translations or labels that must be equal, 0-1.
        max_difference: How far the states of an encoder may be apart; None is any distance.
    """

    sentences: Mapping[str, Sequence[str]]
    min_share: float
    max_difference: float | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an option says nothing about a checkpoint, and the way out."""

    message: str
    hint: str = "leave it out"


Refusals = Mapping[str, Refusal]
"""Options, by the names of the command's parameters, that say nothing about a checkpoint; the first given is told."""

REFUSED_BY_TRANSLATORS: Refusals = {
    "max_difference": Refusal("--max-difference is for encoders and classifiers", "--min-agreement for translations")
}


def refused_by_encoders(name: str, *, has_labels: bool) -> Refusals:
    """What says nothing about an encoder or a classifier."""
    refused = {
        option: Refusal(f"--{option.replace('_', '-')} is for models that translate, and {name} does not")
        for option in ("direction", "beam_size", "length_penalty")
    }
    if not has_labels:
        refused["min_agreement"] = Refusal(
            "--min-agreement compares labels, and an encoder has none", "--max-difference compares states"
        )
    return refused


def refused_by_engine_models(name: str) -> Refusals:
    """What says nothing about a model that stays as it is."""
    compared = Refusal(
        f"--verify has nothing to compare with: {name} is CTranslate2's already, and its weights stay",
        "leave out --verify, --verify-file, --min-agreement and --max-difference",
    )
    return {
        "direction": no_folding(name),
        **dict.fromkeys(("verify", "verify_file", "min_agreement", "max_difference"), compared),
        "quantization": Refusal(f"--quantization is for weights in full, and those of {name} stay as they are"),
    }


def no_folding(name: str) -> Refusal:
    """Why there is no folder for one direction of a model that is no XLM."""
    return Refusal(
        f"--direction is for XLM, and {name} is none",
        "model.bin of the bundle needs no folding: CTranslate2 opens the bundle as it is",
    )
