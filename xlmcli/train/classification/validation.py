"""Scores of a classifier on held-out text: macro-F1 and accuracy a language, trained on or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from xlmcli.metrics.labels.answers import Counts
from xlmcli.model.classifier import Classifier
from xlmcli.model.classifier_config import ClassifierConfig
from xlmcli.train.classification.calibration import cross_entropy
from xlmcli.train.classification.examples import LabelledText
from xlmcli.train.classification.objective import make_tokens
from xlmcli.train.core.differences import describe_lines
from xlmcli.train.core.validation import Scores

_TEXTS_PER_BATCH = 128


@dataclass(frozen=True, slots=True)
class DevSet:
    """Held-out text of one language.

    Attributes:
        data: The text and its labels.
        lang_id: The language's id.
        is_zero_shot: Whether the model is trained on no labels in this language.
        is_selecting: Whether its score helps to decide which model is best.
    """

    data: LabelledText
    lang_id: int
    is_zero_shot: bool
    is_selecting: bool

    @property
    def gold(self) -> NDArray[np.bool_]:
        """True where a text has a label, bool (texts, labels)."""
        gold: NDArray[np.bool_] = self.data.labels == 1
        return gold

    @property
    def name(self) -> str:
        """``fr``, or ``fr zero-shot``."""
        return f"{self.data.lang} zero-shot" if self.is_zero_shot else self.data.lang


class ClassificationValidator:
    """Macro-F1 and accuracy of each language; the best model has the highest mean macro-F1 over the selecting ones."""

    def __init__(
        self, model: Classifier, dev_sets: Sequence[DevSet], config: ClassifierConfig, device: torch.device
    ) -> None:
        self._model, self._dev_sets, self._config, self._device = model, dev_sets, config, device

    @property
    def text(self) -> Mapping[str, str]:
        selecting = [dev.data.lang for dev in self._dev_sets if dev.is_selecting]
        described = {"languages that choose the best model": ", ".join(selecting)}
        for dev in self._dev_sets:
            data = dev.data
            described |= describe_lines(f"held-out text in {data.lang}", data.text.epoch_size, data.beginning)
        return described

    @torch.no_grad()
    def __call__(self) -> Scores:
        values: dict[str, float] = {}
        scores, losses, at_chance = [], [], []
        for dev in self._dev_sets:
            logits, gold = self._logits(dev), dev.gold
            predicted = decide(logits, multi_label=self._config.multi_label)
            macro_f1, accuracy = score(gold, predicted)
            values[f"{dev.name} f1"], values[f"{dev.name} acc"] = 100 * macro_f1, 100 * accuracy
            if dev.is_selecting:
                scores.append(values[f"{dev.name} f1"])
                losses.append(cross_entropy(logits, gold, multi_label=self._config.multi_label))
            if accuracy <= majority_share(gold) and not dev.is_zero_shot:
                at_chance.append(dev.data.lang)
        if len(scores) > 1:
            values["mean f1"] = sum(scores) / len(scores)
        # The loss decides between models that answer alike.
        rank = (sum(scores) / len(scores), -sum(losses) / len(losses))
        return Scores(values, rank, (_warn_of_chance(at_chance),) if at_chance else ())

    @torch.no_grad()
    def selecting_logits(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Logits and labels of all selecting text, each (texts, labels)."""
        selecting = [dev for dev in self._dev_sets if dev.is_selecting]
        logits = np.concatenate([self._logits(dev) for dev in selecting])
        return logits, np.concatenate([dev.gold for dev in selecting])

    def _logits(self, dev: DevSet) -> NDArray[np.float32]:
        (corpus,) = dev.data.text.sides
        order = np.argsort(corpus.lens, kind="stable")
        logits = np.empty(dev.data.labels.shape, dtype=np.float32)
        for start in range(0, len(order), _TEXTS_PER_BATCH):
            rows = order[start : start + _TEXTS_PER_BATCH]
            ids = [corpus[row] for row in rows.tolist()]
            tokens = make_tokens(ids, np.full(len(ids), dev.lang_id), self._config.start_id, self._device)
            logits[rows] = self._model(tokens).cpu().numpy()
        return logits


def decide(logits: NDArray[np.float32], *, multi_label: bool) -> NDArray[np.bool_]:
    """The labels that a classifier gives: the likeliest, or with ``multi_label`` all above one half."""
    likeliest = logits.argmax(axis=1)[:, None]
    chosen: NDArray[np.bool_] = logits > 0 if multi_label else np.arange(logits.shape[1]) == likeliest
    return chosen


def score(gold: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> tuple[float, float]:
    """Macro-F1 over the labels in either, and accuracy, 0-1; both arguments are bool (texts, labels)."""
    counts = Counts(
        exact=(predicted == gold).all(axis=1).sum(dtype=np.float64),
        true=(gold & predicted).sum(axis=0, dtype=np.float64),
        predicted=predicted.sum(axis=0, dtype=np.float64),
        gold=gold.sum(axis=0, dtype=np.float64),
    )
    scores = counts.scores(len(gold))
    return float(scores["macro_f1"]), float(scores["accuracy"])


def majority_share(labels: NDArray[np.bool_]) -> float:
    """The accuracy of always giving the most frequent answer; labels are bool (texts, labels)."""
    _, counts = np.unique(labels, axis=0, return_counts=True)
    return float(counts.max() / len(labels))


def _warn_of_chance(langs: Sequence[str]) -> str:
    return (
        f"accuracy in {', '.join(langs)} is at chance, no better than always giving the most frequent label; "
        "if it stays there, lower --encoder-lr or train longer"
    )
