"""What config.json says of a classifier, in the words of ``transformers.XLMForSequenceClassification``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from xlmcli.bundle.fields import Fields
from xlmcli.bundle.manifest import MAX_LABELS, MAX_TEMPERATURE, MIN_TEMPERATURE, Activation, Pooling
from xlmcli.errors import ModelError
from xlmcli.text.special import BOS_ID, EOS_ID

CLASSIFIER = "XLMForSequenceClassification"
# transformers takes the last state for "cls_index" where nobody says which, and its classifier never does.
POOLINGS: dict[str, Pooling] = {**{pooling: pooling for pooling in get_args(Pooling)}, "cls_index": "last"}
PROBLEMS = {False: "single_label_classification", True: "multi_label_classification"}


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
            "problem_type": PROBLEMS[self.multi_label],
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
    def from_json(cls, config: Fields) -> ClassifierConfig:
        """Reads what ``to_json`` wrote, or settings of ``transformers`` with its defaults filled in.

        Raises:
            ModelError: A field is missing or wrong, or the classifier is of a kind that is not supported.
        """
        given = {key for key, value in config.values.items() if value is not None}
        names = config.child("id2label")
        ids = sorted(names.keys, key=_label_id)
        if ids != [str(index) for index in range(len(ids))]:
            raise ModelError(f"{config.place}: id2label: its ids are not 0, 1, 2, …")
        labels = tuple(names.name(index) for index in ids)
        if not 2 <= len(set(labels)) == len(labels) <= MAX_LABELS:
            raise ModelError(f"{config.place}: id2label: should be 2 to {MAX_LABELS:,} different labels")
        return cls(
            labels=labels,
            multi_label="problem_type" in given and config.text("problem_type") == PROBLEMS[True],
            pooling=POOLINGS[config.choice("summary_type", tuple(POOLINGS))],
            activation=config.choice("summary_activation", get_args(Activation))
            if config.values.get("summary_activation")
            else None,
            temperature=config.number("xlm_temperature", MIN_TEMPERATURE, MAX_TEMPERATURE)
            if "xlm_temperature" in given
            else 1.0,
            train_langs=config.texts("xlm_train_langs") if "xlm_train_langs" in given else (),
            start_id=config.whole("xlm_start_id", BOS_ID, EOS_ID) if "xlm_start_id" in given else BOS_ID,
        )


def find_label_faults(labels: Sequence[str], problem: str | None) -> list[str]:
    """Lists what is wrong with the labels and the ``problem_type`` of settings of transformers."""
    faults = []
    if len(labels) < 2:
        faults.append(f"id2label: {len(labels)} label, which is a regression and no classification")
    if len(set(labels)) < len(labels):
        faults.append("id2label: should give every label a name of its own")
    if problem not in (None, *PROBLEMS.values()):
        faults.append(f"problem_type: {problem}")
    return faults


def _label_id(key: str) -> tuple[int, str]:
    """Orders keys, which are numbers, as numbers."""
    return len(key), key
