"""A pretrained checkpoint is what ``transformers`` opens: the same states and logits from the same weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import XLMModel, XLMWithLMHeadModel
from transformers.models.xlm.modeling_xlm import create_sinusoidal_embeddings

from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME
from xlmcli.checkpoint.config import CheckpointConfig, save_config
from xlmcli.checkpoint.weights import save_weights, saved_state
from xlmcli.model.transformer import Tokens, XLMLanguageModel, XLMShape
from xlmcli.text.special import EOS_ID, PAD_ID

LANGS = ("de", "en", "fr")
TOLERANCE = {"atol": 1e-5, "rtol": 1e-5}
CHANGES: dict[str, dict[str, Any]] = {
    "plain": {},
    "ReLU": {"gelu": False},
    "sinusoidal": {"sinusoidal": True},
    "three languages": {"num_langs": 3},
    "one language": {"num_langs": 1},
    "ReLU, sinusoidal, one language, one layer": {"gelu": False, "sinusoidal": True, "num_langs": 1, "num_layers": 1},
}


@pytest.fixture(params=list(CHANGES))
def model(request: pytest.FixtureRequest, shape: XLMShape, randomise: Callable[[nn.Module, int], None]) -> Any:
    model = XLMLanguageModel(replace(shape, **CHANGES[request.param]))
    randomise(model, 1)
    return model.eval()


@pytest.fixture
def folder(model: XLMLanguageModel, tmp_path: Path) -> Path:
    save_config(CheckpointConfig(LANGS[: model.transformer.shape.num_langs], model.transformer.shape), tmp_path)
    save_weights(saved_state(model), tmp_path / CHECKPOINT_WEIGHTS_NAME)
    return tmp_path


@pytest.fixture
def batch(model: XLMLanguageModel) -> Tokens:
    """Sequences of many lengths, a language a position, positions that start again in the middle as TLM's do."""
    generator = torch.Generator().manual_seed(2)
    shape = model.transformer.shape
    lens = torch.tensor([2, 7, 16, 24])
    ids = torch.randint(shape.num_words, (4, 24), generator=generator)
    ids[:, 0] = EOS_ID
    mask = torch.arange(24) < lens[:, None]
    ids[~mask] = PAD_ID
    langs = torch.randint(shape.num_langs, (4, 24), generator=generator)
    middles = (lens // 2)[:, None]
    positions = torch.arange(24)[None] - middles * (torch.arange(24)[None] >= middles)
    return Tokens(ids, mask, langs, positions)


def theirs(batch: Tokens) -> dict[str, Tensor | None]:
    """The batch as their models take it."""
    assert batch.mask is not None
    return {
        "input_ids": batch.ids,
        "attention_mask": batch.mask.long(),
        "langs": batch.langs,
        "position_ids": batch.positions,
    }


@torch.no_grad()
def test_the_states_are_theirs(model: XLMLanguageModel, folder: Path, batch: Tokens) -> None:
    opened = XLMModel.from_pretrained(folder).eval()
    expected = opened(**theirs(batch)).last_hidden_state
    states = model.transformer(batch)
    torch.testing.assert_close(states, expected, **TOLERANCE)
    assert states.std() > 0.1


@torch.no_grad()
def test_the_logits_are_theirs(model: XLMLanguageModel, folder: Path, batch: Tokens) -> None:
    assert batch.mask is not None
    opened = XLMWithLMHeadModel.from_pretrained(folder).eval()
    expected = opened(**theirs(batch)).logits[batch.mask]
    logits = model(batch, batch.mask)
    torch.testing.assert_close(logits, expected, **TOLERANCE)
    assert logits.std() > 0.1


@torch.no_grad()
def test_positions_count_from_zero(model: XLMLanguageModel, folder: Path, batch: Tokens) -> None:
    counted = replace(batch, positions=None)
    opened = XLMModel.from_pretrained(folder).eval()
    expected = opened(**theirs(counted)).last_hidden_state
    torch.testing.assert_close(model.transformer(counted), expected, **TOLERANCE)


def test_no_weight_is_missing_or_left_over(folder: Path) -> None:
    opened, report = XLMWithLMHeadModel.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values())
    assert opened.pred_layer.proj.weight is opened.transformer.embeddings.weight


def test_what_they_save_opens(model: XLMLanguageModel, folder: Path, batch: Tokens, tmp_path: Path) -> None:
    from xlmcli.checkpoint.pretrained import open_pretrained

    XLMWithLMHeadModel.from_pretrained(folder).save_pretrained(tmp_path / "theirs")
    opened, config = open_pretrained(tmp_path / "theirs").language_model(), open_pretrained(tmp_path / "theirs").config
    assert config.langs == LANGS[: model.transformer.shape.num_langs]
    with torch.no_grad():
        torch.testing.assert_close(opened.eval().transformer(batch), model.transformer(batch), **TOLERANCE)


def test_sinusoids_are_theirs(shape: XLMShape) -> None:
    table = XLMLanguageModel(replace(shape, sinusoidal=True)).transformer.position_embeddings.weight
    expected = create_sinusoidal_embeddings(shape.max_positions, shape.dim, torch.empty_like(table))
    torch.testing.assert_close(table.detach(), expected, atol=1e-6, rtol=0)
    assert not table.requires_grad
