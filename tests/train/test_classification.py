from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from xlmcli.text.special import BOS_ID, EOS_ID, MASK_ID, PAD_ID
from xlmcli.train.classification import (
    Classification,
    ClassificationOptions,
    balanced_weights,
    blank_words,
    label_loss,
    make_tokens,
)
from xlmcli.train.classifier import Classifier
from xlmcli.train.classifier_config import ClassifierConfig
from xlmcli.train.data import Corpus, TextData
from xlmcli.train.model import XLMShape
from xlmcli.train.sampling import Share
from xlmcli.train.setup import StreamMaker

CPU = torch.device("cpu")
OPTIONS = ClassificationOptions(alpha=0.5, multi_label=False, start_id=EOS_ID)
LABELS = np.eye(3, dtype=np.bool_)


def test_sequences_stand_between_their_marks() -> None:
    tokens = make_tokens([[20, 21, 22], [30]], 1, BOS_ID, CPU)
    assert tokens.ids.tolist() == [[BOS_ID, 20, 21, 22, EOS_ID], [BOS_ID, 30, EOS_ID, PAD_ID, PAD_ID]]
    assert tokens.mask is not None
    assert tokens.mask.sum(1).tolist() == [5, 3]
    assert tokens.langs.tolist() == [[1]]
    assert make_tokens([[20], [30]], 0, EOS_ID, CPU).mask is None


def test_words_are_masked_and_separators_stay() -> None:
    ids = [20, EOS_ID] * 2000
    blanked = blank_words(ids, 0.25, np.random.default_rng(1))
    assert blanked[1::2] == [EOS_ID] * 2000
    assert set(blanked[::2]) == {20, MASK_ID}
    assert 440 < blanked.count(MASK_ID) < 560
    assert blank_words(ids, 0.0, np.random.default_rng(1)) == ids


def test_one_label_excludes_the_others() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])
    wanted = torch.tensor([[False, True, False], [True, False, False]])
    losses = -logits.log_softmax(1)[[0, 1], [1, 0]]
    assert float(label_loss(logits, wanted, OPTIONS)) == pytest.approx(float(losses.mean()))
    weighted = replace(OPTIONS, weights=np.array([3, 1, 1], dtype=np.float32))
    expected = (losses[0] + 3 * losses[1]) / 4
    assert float(label_loss(logits, wanted, weighted)) == pytest.approx(float(expected))


def test_each_of_many_labels_is_a_question() -> None:
    logits = torch.tensor([[1.0, -2.0]])
    wanted = torch.tensor([[True, False]])
    losses = -torch.tensor([[1.0, 2.0]]).sigmoid().log()[0]
    options = replace(OPTIONS, multi_label=True)
    assert float(label_loss(logits, wanted, options)) == pytest.approx(float(losses.mean()))
    weighted = replace(options, weights=np.array([3, 1], dtype=np.float32))
    assert float(label_loss(logits, wanted, weighted)) == pytest.approx(float((3 * losses[0] + losses[1]) / 2))


def test_balanced_weights_make_labels_count_alike() -> None:
    english, french = LABELS[[0, 0, 0, 1]], LABELS[[0, 0, 1, 1]]
    weights = balanced_weights([english, french], multi_label=False)
    assert weights[:2] * [5, 3] == pytest.approx([8 / 3, 8 / 3])
    assert np.isfinite(weights).all()
    assert balanced_weights([english, french], multi_label=True)[:2] == pytest.approx([3 / 5, 5 / 3])


def test_a_step_reads_a_batch_of_one_language_with_its_labels(
    shape: XLMShape, randomise: Callable[[nn.Module, int], None]
) -> None:
    model = Classifier(replace(shape, dropout=0.0), ClassifierConfig(("a", "b", "c"), start_id=BOS_ID))
    randomise(model, 0)
    maker = StreamMaker(0, Share(), {"en": 0, "fr": 1}, 1000, batch_size=2)
    texts = {lang: [[word, word + 1][: 1 + row % 2] for row, word in enumerate(range(start, start + 3))]
             for lang, start in (("en", 20), ("fr", 40))}  # fmt: skip
    labels = {"en": LABELS, "fr": LABELS[::-1]}
    streams = [
        maker.sentences(TextData((lang,), (Corpus.from_sequences(ids),), np.ones(3, dtype=np.float32), 0))
        for lang, ids in texts.items()
    ]
    objective = Classification(streams, labels, replace(OPTIONS, start_id=BOS_ID))
    seen = set()
    for step in range(8):
        places = {stream.name: replace(stream.sampler.position) for stream in streams}
        loss = objective.loss(model, np.random.default_rng(step), CPU)
        (moved,) = [stream for stream in streams if stream.sampler.position != places[stream.name]]
        after, moved.sampler.position = moved.sampler.position, places[moved.name]
        rows = moved.sampler.next()
        assert len(rows) <= 2
        ids = [texts[moved.name][row] for row in rows]
        logits = model(make_tokens(ids, moved.langs[0], BOS_ID, CPU))
        wanted = torch.as_tensor(labels[moved.name][rows])
        expected = float(label_loss(logits, wanted, OPTIONS).detach())
        assert float(loss.mean.detach()) == pytest.approx(expected, abs=1e-6)
        assert loss.num_tokens == sum(len(words) + 2 for words in ids)
        assert moved.sampler.position == after
        seen.add(moved.name)
    assert seen == {"en", "fr"}
