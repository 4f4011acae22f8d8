from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from xlmcli.model.classifier import Classifier
from xlmcli.model.classifier_config import ClassifierConfig
from xlmcli.model.transformer import XLMShape
from xlmcli.text.special import EOS_ID
from xlmcli.train.classification.calibration import cross_entropy
from xlmcli.train.classification.examples import LabelledText
from xlmcli.train.classification.objective import make_tokens
from xlmcli.train.classification.validation import ClassificationValidator, DevSet, decide, majority_share, score
from xlmcli.train.data.corpus import Corpus, TextData

CPU = torch.device("cpu")
CONFIG = ClassifierConfig(("a", "b", "c"))
IDS = [[20 + (7 * row * place) % 30 for place in range(1 + (5 * row) % 9)] for row in range(40)]


@pytest.fixture
def model(shape: XLMShape, randomise: Callable[[nn.Module, int], None]) -> Classifier:
    model = Classifier(shape, CONFIG)
    randomise(model, 0)
    return model.eval()


def dev_set(lang: str, labels: NDArray[np.bool_], *, is_zero_shot: bool = False, is_selecting: bool = True) -> DevSet:
    text = TextData((lang,), (Corpus.from_sequences(IDS),), np.ones(len(IDS), dtype=np.float32), 0)
    return DevSet(LabelledText(text, labels.astype(np.float32)), {"en": 0, "fr": 1}[lang], is_zero_shot, is_selecting)


def logits_of(model: Classifier, lang: int) -> NDArray[np.float32]:
    with torch.no_grad():
        return np.concatenate([model(make_tokens([ids], np.array([lang]), EOS_ID, CPU)).numpy() for ids in IDS])


def one_hot(answers: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.arange(3) == answers[:, None]


def test_answers_keep_the_order_of_the_texts(model: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xlmcli.train.classification.validation._TEXTS_PER_BATCH", 7)
    logits = {lang: logits_of(model, index) for index, lang in enumerate(("en", "fr"))}
    right = one_hot(logits["en"].argmax(1))
    wrong = one_hot((logits["fr"].argmax(1) + 1) % 3)
    parts = [dev_set("en", right), dev_set("fr", wrong, is_zero_shot=True, is_selecting=False)]
    validator = ClassificationValidator(model, parts, CONFIG, CPU)
    scores = validator()
    assert scores.values == pytest.approx({"en f1": 100, "en acc": 100, "fr zero-shot f1": 0, "fr zero-shot acc": 0})
    assert scores.rank == pytest.approx((100, -cross_entropy(logits["en"], right, multi_label=False)), rel=1e-4)
    found, labels = validator.selecting_logits()
    np.testing.assert_allclose(found, logits["en"], atol=1e-5)
    assert labels is not right
    assert (labels == right).all()


def test_the_mean_over_the_selecting_languages_decides(model: Classifier) -> None:
    right = one_hot(logits_of(model, 0).argmax(1))
    parts = [dev_set("en", right), dev_set("fr", one_hot(np.arange(40) % 3))]
    scores = ClassificationValidator(model, parts, CONFIG, CPU)()
    mean = (scores.values["en f1"] + scores.values["fr f1"]) / 2
    assert 50 < mean < 100
    assert (scores.values["mean f1"], scores.rank[0]) == (pytest.approx(mean), pytest.approx(mean))


def test_chance_is_told(model: Classifier) -> None:
    right = one_hot(logits_of(model, 0).argmax(1))
    with torch.no_grad():
        model.sequence_summary.summary.weight.zero_()
        model.sequence_summary.summary.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
    same = one_hot(np.where(np.arange(40) < 30, 0, 1))
    parts = [dev_set("en", same), dev_set("fr", right, is_zero_shot=True, is_selecting=False)]
    scores = ClassificationValidator(model, parts, CONFIG, CPU)()
    assert scores.values["en acc"] == pytest.approx(75)
    (warning,) = scores.warnings
    assert warning.startswith("accuracy in en is at chance, no better than always giving the most frequent label")
    better = one_hot(np.zeros(40, dtype=np.int64))
    better[:2] = [[False, True, False]] * 2
    scores = ClassificationValidator(model, [dev_set("en", better)], CONFIG, CPU)()
    assert scores.warnings  # 95 % right, and as much without reading


def test_no_warning_above_chance(model: Classifier) -> None:
    right = one_hot(logits_of(model, 0).argmax(1))
    assert len(np.unique(right, axis=0)) > 1
    assert ClassificationValidator(model, [dev_set("en", right)], CONFIG, CPU)().warnings == ()


def test_deciding() -> None:
    logits = np.array([[0.1, 2.0, -1.0], [-3.0, -1.0, -2.0]], dtype=np.float32)
    assert decide(logits, multi_label=False).tolist() == [[False, True, False], [False, True, False]]
    assert decide(logits, multi_label=True).tolist() == [[True, True, False], [False, False, False]]


def test_macro_f1_counts_the_labels_that_occur() -> None:
    gold = one_hot(np.array([0, 0, 1, 1]))
    predicted = one_hot(np.array([0, 1, 1, 1]))
    # Label a: precision 1, recall 1/2; label b: precision 2/3, recall 1; label c is nowhere.
    assert score(gold, predicted) == pytest.approx(((2 / 3 + 4 / 5) / 2, 3 / 4))
    assert majority_share(one_hot(np.array([0, 1, 1, 2]))) == 0.5
