"""What config.json says of a classifier, in the words of ``transformers.XLMForSequenceClassification``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from xlmcli.errors import ModelError
from xlmcli.text.special import BOS_ID, EOS_ID

Pooling = Literal["first", "mean", "last"]
Activation = Literal["tanh"]

CLASSIFIER = "XLMForSequenceClassification"
# transformers takes the last state for "cls_index" where nobody says which, and its classifier never does.
_POOLINGS: dict[str, Pooling] = {**{pooling: pooling for pooling in get_args(Pooling)}, "cls_index": "last"}
_PROBLEMS = {False: "single_label_classification", True: "multi_label_classification"}
_NUM_DEFAULT_LABELS = 2  # transformers leaves the labels of two unnamed classes out


@dataclass(frozen=True, slots=True)
class ClassifierConfig:
    """A classifier on top of an encoder.

    Attributes:
        labels: Names, in the order of their ids.
        multi_label: Whether a text may have any number of labels, each with a probability of its own.
        pooling: The vector of a text: its first state, the mean of its states, or its last state.
        activation: What the logits go through; None leaves them as they are.
        temperature: What logits are divided by before they become probabilities; 1 when not calibrated.
        train_langs: Languages of the labelled text that it was trained on; others are zero-shot.
        start_id: What a sequence starts with: ``</s>``, or ``<s>`` in what was trained with Hugging Face's tokenizer.
    """

    labels: tuple[str, ...]
    multi_label: bool = False
    pooling: Pooling = "first"
    activation: Activation | None = None
    temperature: float = 1.0
    train_langs: tuple[str, ...] = ()
    start_id: int = EOS_ID

    def to_json(self, dropout: float) -> dict[str, Any]:
        """The fields of ``transformers.XLMConfig`` that make its classifier, and ours.

        Args:
            dropout: Probability of dropping an element of a text's vector, in training.
        """
        return {
            "architectures": [CLASSIFIER],
            "num_labels": len(self.labels),
            "id2label": {str(index): label for index, label in enumerate(self.labels)},
            "label2id": {label: index for index, label in enumerate(self.labels)},
            "problem_type": _PROBLEMS[self.multi_label],
            "summary_type": self.pooling,
            "summary_use_proj": True,
            "summary_proj_to_labels": True,
            "summary_activation": self.activation,
            "summary_first_dropout": dropout,
            "xlm_temperature": self.temperature,
            "xlm_train_langs": list(self.train_langs),
            "xlm_start_id": self.start_id,
        }

    @classmethod
    def from_json(cls, config: dict[str, Any]) -> ClassifierConfig:
        """Reads what ``to_json`` or ``transformers`` wrote; where a field is missing, its default there holds.

        Raises:
            ModelError: The classifier is of a kind that is not supported.
        """
        pooling, activation = config.get("summary_type", "first"), config.get("summary_activation") or None
        if pooling not in _POOLINGS:
            known = ", ".join(_POOLINGS)
            raise ModelError(f"a classifier with summary_type {pooling!r}, which is not supported", hint=f"{known} are")
        if activation not in (None, *get_args(Activation)):
            raise ModelError(
                f"a classifier with summary_activation {activation!r}, which is not supported", hint="tanh and null are"
            )
        if not (config.get("summary_use_proj", True) and config.get("summary_proj_to_labels", True)):
            raise ModelError("a classifier without a layer to its labels (summary_use_proj, summary_proj_to_labels)")
        if config.get("problem_type") not in (None, *_PROBLEMS.values()):
            raise ModelError(f"a model for {config['problem_type']}, where a classifier is needed")
        return cls(
            labels=_labels(config),
            multi_label=config.get("problem_type") == _PROBLEMS[True],
            pooling=_POOLINGS[pooling],
            activation=activation,
            temperature=float(config.get("xlm_temperature", 1.0)),
            train_langs=tuple(config.get("xlm_train_langs", ())),
            start_id=config.get("xlm_start_id", BOS_ID),
        )


def _labels(config: dict[str, Any]) -> tuple[str, ...]:
    names = cast("dict[str, str] | None", config.get("id2label"))
    if not names:
        return tuple(f"LABEL_{index}" for index in range(config.get("num_labels", _NUM_DEFAULT_LABELS)))
    return tuple(names[str(index)] for index in range(len(names)))
