from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from xlmcli.model.transformer import Tokens, XLMLanguageModel, XLMShape, XLMTransformer
from xlmcli.text.special import PAD_ID

LANGS = torch.zeros(1, 1, dtype=torch.int64)


@pytest.fixture
def model(shape: XLMShape, randomise: Callable[[nn.Module, int], None]) -> XLMTransformer:
    model = XLMTransformer(shape)
    randomise(model, 0)
    return model.eval()


def random_ids(shape: XLMShape, num_rows: int = 3, length: int = 10) -> torch.Tensor:
    return torch.randint(14, shape.num_words, (num_rows, length), generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_causal_states_see_no_later_word(model: XLMTransformer) -> None:
    ids = random_ids(model.shape)
    changed = ids.clone()
    changed[:, 6:] = 14 + (changed[:, 6:] - 13) % (model.shape.num_words - 14)
    states, others = (model(Tokens(words, None, LANGS), causal=True) for words in (ids, changed))
    assert torch.equal(states[:, :6], others[:, :6])
    assert (states[:, 6:] - others[:, 6:]).abs().amax(-1).min() > 1e-3
    states, others = (model(Tokens(words, None, LANGS)) for words in (ids, changed))
    assert (states[:, :6] - others[:, :6]).abs().amax(-1).min() > 1e-4


@torch.no_grad()
def test_languages_differ(model: XLMTransformer) -> None:
    ids = random_ids(model.shape)
    assert not torch.allclose(model(Tokens(ids, None, LANGS)), model(Tokens(ids, None, LANGS + 1)), atol=0.1)


@torch.no_grad()
def test_states_are_zero_at_padding(model: XLMTransformer) -> None:
    ids = random_ids(model.shape)
    mask = torch.arange(10)[None] < torch.tensor([[10], [4], [1]])
    ids[~mask] = PAD_ID
    states = model(Tokens(ids, mask, LANGS))
    assert (states[~mask] == 0).all()
    assert (states[mask].abs().sum(-1) > 0).all()


@torch.no_grad()
def test_half_precision_is_close(model: XLMTransformer) -> None:
    tokens = Tokens(random_ids(model.shape), None, LANGS)
    expected = model(tokens)
    with torch.autocast("cpu", torch.bfloat16):
        states = model(tokens)
    assert states.dtype == torch.bfloat16
    assert (states.float() - expected).abs().mean() < 0.05 * expected.abs().mean()


@pytest.mark.parametrize("probability", [0.001, 0.1, 0.5, 0.999])
def test_dropout_drops_its_share_and_keeps_the_mean(shape: XLMShape, probability: float) -> None:
    # Without layers, and with a LayerNorm that makes everything 1, the states are what dropout leaves of ones.
    model = XLMTransformer(replace(shape, dim=64, num_layers=0, dropout=probability)).train()
    nn.init.zeros_(model.layer_norm_emb.weight)
    nn.init.ones_(model.layer_norm_emb.bias)
    torch.manual_seed(0)
    states = model(Tokens(random_ids(shape, 800, 20), None, LANGS)).detach()
    assert float((states == 0).float().mean()) == pytest.approx(probability, abs=0.0008)
    kept = states[states != 0]
    assert kept.unique().numel() == 1
    assert float(states.mean()) == pytest.approx(1, abs=0.1)
    assert torch.equal(model.eval()(Tokens(random_ids(shape), None, LANGS)), torch.ones(3, 10, 64))


def test_words_start_as_the_originals(shape: XLMShape) -> None:
    model = XLMLanguageModel(replace(shape, num_words=4000, dim=64)).transformer
    assert float(model.embeddings.weight.detach().std()) == pytest.approx(64**-0.5, rel=0.02)
    assert (model.embeddings.weight[PAD_ID] == 0).all()


@pytest.mark.parametrize("dim", [64, 63])
def test_positions_start_as_sinusoids_as_long_as_words(shape: XLMShape, dim: int) -> None:
    model = XLMLanguageModel(replace(shape, dim=dim, num_heads=1)).transformer
    positions = model.position_embeddings.weight
    assert positions.requires_grad
    torch.testing.assert_close(positions.detach().norm(dim=-1), torch.ones(shape.max_positions), atol=0.02, rtol=0)
    # Equally far apart is equally alike, but for a column that an odd width leaves alone; neighbours are most alike.
    alike = (positions @ positions.T).detach()
    for distance in range(1, 5):
        values = alike.diagonal(distance)
        assert values.max() - values.min() < 0.08
        assert values.mean() < alike.diagonal(distance - 1).mean()


def test_only_predicted_positions_are_scored(shape: XLMShape, randomise: Callable[[nn.Module, int], None]) -> None:
    model = XLMLanguageModel(shape).eval()
    randomise(model, 0)
    tokens = Tokens(random_ids(shape), None, LANGS)
    predicted = torch.zeros(3, 10, dtype=torch.bool)
    predicted[0, 2] = predicted[0, 7] = predicted[2, 1] = True
    everywhere = model(tokens, torch.ones_like(predicted)).unflatten(0, (3, 10))
    expected = torch.stack([everywhere[0, 2], everywhere[0, 7], everywhere[2, 1]])
    torch.testing.assert_close(model(tokens, predicted), expected)
