from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from xlmcli.model.classifier import Classifier
from xlmcli.model.classifier_config import ClassifierConfig
from xlmcli.model.transformer import XLMShape
from xlmcli.text.special import BOS_ID, EOS_ID, MASK_ID, PAD_ID
from xlmcli.train.classification.examples import MixedText
from xlmcli.train.classification.objective import (
    ClassificationObjective,
    ClassificationOptions,
    balanced_weights,
    blank_words,
    label_loss,
    make_tokens,
)
from xlmcli.train.data.corpus import Corpus, TextData
from xlmcli.train.data.sampling import BatchSampler, Share

CPU = torch.device("cpu")
OPTIONS = ClassificationOptions(multi_label=False, start_id=EOS_ID)
LABELS = np.eye(3, dtype=np.float32)


def test_sequences_stand_between_their_marks() -> None:
    tokens = make_tokens([[20, 21, 22], [30]], np.array([1, 0]), BOS_ID, CPU)
    assert tokens.ids.tolist() == [[BOS_ID, 20, 21, 22, EOS_ID], [BOS_ID, 30, EOS_ID, PAD_ID, PAD_ID]]
    assert tokens.mask is not None
    assert tokens.mask.sum(1).tolist() == [5, 3]
    assert tokens.langs is None
    tokens = make_tokens([[20], [30]], np.array([1, 0]), EOS_ID, CPU)
    assert (tokens.mask, tokens.langs is not None and tokens.langs.tolist()) == (None, [[1], [0]])


def test_words_are_masked_and_separators_stay() -> None:
    ids = [20, EOS_ID] * 2000
    blanked = blank_words(ids, 0.25, np.random.default_rng(1))
    assert blanked[1::2] == [EOS_ID] * 2000
    assert set(blanked[::2]) == {20, MASK_ID}
    assert 440 < blanked.count(MASK_ID) < 560
    assert blank_words(ids, 0.0, np.random.default_rng(1)) == ids


def test_one_label_excludes_the_others() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])
    wanted = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    losses = -logits.log_softmax(1)[[0, 1], [1, 0]]
    assert float(label_loss(logits, wanted, OPTIONS)) == pytest.approx(float(losses.mean()))
    weighted = replace(OPTIONS, weights=np.array([3, 1, 1], dtype=np.float32))
    expected = (losses[0] + 3 * losses[1]) / 4
    assert float(label_loss(logits, wanted, weighted)) == pytest.approx(float(expected))


def test_a_label_may_be_uncertain() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5]])
    wanted = torch.tensor([[0.5, 0.3, 0.2]])
    loss = float(torch.nn.CrossEntropyLoss()(logits, wanted))
    assert float(label_loss(logits, wanted, OPTIONS)) == pytest.approx(loss)
    certain = [float(label_loss(logits, row[None], OPTIONS)) for row in torch.eye(3)]
    weighted = replace(OPTIONS, weights=np.array([3, 1, 1], dtype=np.float32))
    expected = (1.5 * certain[0] + 0.3 * certain[1] + 0.2 * certain[2]) / 2
    assert float(label_loss(logits, wanted, weighted)) == pytest.approx(expected)


def test_each_of_many_labels_is_a_question() -> None:
    logits = torch.tensor([[1.0, -2.0]])
    wanted = torch.tensor([[1.0, 0.0]])
    losses = -torch.tensor([[1.0, 2.0]]).sigmoid().log()[0]
    options = replace(OPTIONS, multi_label=True)
    assert float(label_loss(logits, wanted, options)) == pytest.approx(float(losses.mean()))
    weighted = replace(options, weights=np.array([3, 1], dtype=np.float32))
    assert float(label_loss(logits, wanted, weighted)) == pytest.approx(float((3 * losses[0] + losses[1]) / 2))


def mixed(labels: np.ndarray, repeats: list[int] | None = None) -> MixedText:
    counts = np.ones(len(labels)) if repeats is None else np.array(repeats)
    text = TextData(("en",), (Corpus.from_sequences([[20]] * len(labels)),), counts.astype(np.float32), 0)
    return MixedText(text, labels, np.zeros(len(labels), dtype=np.int64))


def test_balanced_weights_make_labels_count_alike() -> None:
    text = mixed(LABELS[[0, 0, 0, 1, 0, 0, 1, 1]])
    weights = balanced_weights(text, multi_label=False)
    assert weights[:2] * [5, 3] == pytest.approx([8 / 3, 8 / 3])
    assert np.isfinite(weights).all()
    assert balanced_weights(text, multi_label=True)[:2] == pytest.approx([3 / 5, 5 / 3])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 50)), min_size=2, max_size=20), st.booleans())
def test_a_text_that_is_drawn_several_times_counts_so_often(rows: list[tuple[int, int]], multi_label: bool) -> None:
    labels, repeats = LABELS[[label for label, _ in rows]], [repeat for _, repeat in rows]
    written_out = mixed(np.repeat(labels, repeats, axis=0))
    share = written_out.labels.mean(0) * len(rows)
    assume(((share >= 1) & (share <= len(rows) - 1)).all())
    assert balanced_weights(mixed(labels, repeats), multi_label) == pytest.approx(
        balanced_weights(written_out, multi_label), rel=1e-4
    )


@pytest.mark.parametrize("multi_label", [True, False])
def test_a_label_of_all_texts_or_of_none_has_a_weight(multi_label: bool) -> None:
    labels = np.array([[1, 0, 1], [1, 0, 0]], dtype=np.float32)
    weights = balanced_weights(mixed(labels, [3, 1]), multi_label)
    assert (weights > 0).all()
    assert np.isfinite(weights).all()


def test_a_step_reads_a_batch_of_all_languages_with_their_labels(
    shape: XLMShape, randomise: Callable[[nn.Module, int], None]
) -> None:
    model = Classifier(replace(shape, dropout=0.0), ClassifierConfig(("a", "b", "c")))
    randomise(model, 0)
    ids = [[word, word + 1][: 1 + row % 2] for row, word in enumerate([20, 21, 22, 40, 41, 42])]
    labels, lang_ids = np.concatenate([LABELS, LABELS[::-1]]), np.array([0, 0, 0, 1, 1, 1])
    text = TextData(("en",), (Corpus.from_sequences(ids),), np.ones(6, dtype=np.float32), 0)
    sampler = BatchSampler(text.sides[0].lens, text.repeats, 1000, (0,), Share(), max_sentences=4)
    objective = ClassificationObjective(MixedText(text, labels, lang_ids), sampler, OPTIONS)
    num_mixed = 0
    for step in range(8):
        place = replace(sampler.position)
        loss = objective.draw(np.random.default_rng(step)).loss(model, CPU)
        after, sampler.position = sampler.position, place
        rows = sampler.next()
        assert sampler.position == after
        # One at a time, each text in its own language.
        logits = torch.cat([model(make_tokens([ids[row]], lang_ids[[row]], EOS_ID, CPU)) for row in rows])
        expected = float(label_loss(logits, torch.as_tensor(labels[rows]), OPTIONS).detach())
        assert float(loss.mean.detach()) == pytest.approx(expected, abs=1e-5)
        assert loss.num_tokens == sum(len(ids[row]) + 2 for row in rows)
        num_mixed += len(set(lang_ids[rows])) == 2
    assert num_mixed > 0
