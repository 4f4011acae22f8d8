from __future__ import annotations

import contextlib
import json
import os
import resource
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from xlmcli.bundle.fields import Fields
from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME, CONFIG_NAME
from xlmcli.checkpoint import weights
from xlmcli.checkpoint.config import CheckpointConfig, load_config, save_config
from xlmcli.checkpoint.pretrained import open_pretrained
from xlmcli.checkpoint.training_state import load_training_state, save_training_state
from xlmcli.checkpoint.weights import load_seq2seq, load_weights, save_weights, saved_state
from xlmcli.errors import ModelError
from xlmcli.model.classifier_config import ClassifierConfig
from xlmcli.model.seq2seq import Seq2Seq
from xlmcli.model.transformer import XLMLanguageModel, XLMShape
from xlmcli.records import Direction

LANGS = ("en", "fr")
DIRECTIONS = (Direction("en", "fr"), Direction("fr", "en"))
Randomise = Callable[[nn.Module, int], None]


@pytest.fixture
def pretrained(shape: XLMShape, randomise: Randomise, tmp_path: Path) -> tuple[XLMLanguageModel, Path]:
    """A model and the folder that it is saved in."""
    model = XLMLanguageModel(shape)
    randomise(model, 0)
    save_config(CheckpointConfig(LANGS, shape), tmp_path)
    save_weights(saved_state(model), tmp_path / CHECKPOINT_WEIGHTS_NAME)
    return model, tmp_path


def configs(shape: XLMShape) -> list[CheckpointConfig]:
    odd = replace(shape, gelu=False, sinusoidal=True, dropout=0.25, attention_dropout=0.5, num_langs=3)
    return [
        CheckpointConfig(LANGS, shape),
        CheckpointConfig(("de", "en", "fr"), odd),
        CheckpointConfig(LANGS, shape, 1, DIRECTIONS),
        CheckpointConfig(LANGS, shape, 1, DIRECTIONS, protects_spans=True),
    ]


def test_config_comes_back(shape: XLMShape, tmp_path: Path) -> None:
    for config in configs(shape):
        save_config(config, tmp_path)
        assert load_config(tmp_path) == config


def test_config_of_the_decoder(shape: XLMShape) -> None:
    config = CheckpointConfig(LANGS, shape, 1, DIRECTIONS)
    assert config.decoder_shape == replace(shape, num_layers=1)
    assert config.lang2id == {"en": 0, "fr": 1}
    assert config.to_json()["xlm_directions"] == ["en-fr", "fr-en"]
    assert "xlm_protects_spans" not in config.to_json()


def test_language_model_comes_back(pretrained: tuple[XLMLanguageModel, Path], shape: XLMShape) -> None:
    model, folder = pretrained
    opened = open_pretrained(folder).language_model()
    assert open_pretrained(folder).config == CheckpointConfig(LANGS, shape)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in opened.state_dict().items())
    with pytest.raises(ModelError, match="without a decoder"):
        load_seq2seq(folder)


def test_seq2seq_comes_back(shape: XLMShape, randomise: Randomise, tmp_path: Path) -> None:
    config = CheckpointConfig(LANGS, shape, 1, DIRECTIONS)
    model = Seq2Seq(shape, config.decoder_shape)
    randomise(model, 0)
    save_config(config, tmp_path)
    save_weights(saved_state(model), tmp_path / CHECKPOINT_WEIGHTS_NAME)
    names = set(load_file(tmp_path / CHECKPOINT_WEIGHTS_NAME))
    assert {"encoder.embeddings.weight", "decoder.embeddings.weight", "decoder.layer_norm15.0.weight"} <= names
    assert {"decoder.encoder_attn.0.k_lin.bias", "decoder.pred_layer.proj.bias"} <= names
    opened, opened_config = load_seq2seq(tmp_path)
    assert opened_config == config
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in opened.state_dict().items())


def test_all_faults_are_listed_at_once(pretrained: tuple[XLMLanguageModel, Path], shape: XLMShape) -> None:
    model, folder = pretrained
    state = saved_state(model)
    del state["transformer.layer_norm1.0.bias"], state["transformer.ffns.1.lin1.weight"]
    state["transformer.extra"] = torch.zeros(1)
    state["transformer.embeddings.weight"] = torch.zeros(59, 16)
    save_weights(state, folder / CHECKPOINT_WEIGHTS_NAME)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ModelError) as caught:
        load_weights(model, folder / CHECKPOINT_WEIGHTS_NAME)
    for fault in (
        "missing transformer.layer_norm1.0.bias",
        "missing transformer.ffns.1.lin1.weight",
        "unexpected transformer.extra",
        "transformer.embeddings.weight is (59, 16), expected (60, 16)",
    ):
        assert fault in caught.value.message
    assert str(folder / CHECKPOINT_WEIGHTS_NAME) in caught.value.message
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("damage", [b"", b"not safetensors", None])
def test_damaged_weights_are_a_model_error(pretrained: tuple[XLMLanguageModel, Path], damage: bytes | None) -> None:
    _, folder = pretrained
    path = folder / CHECKPOINT_WEIGHTS_NAME
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    with pytest.raises(ModelError, match=r"model\.safetensors: "):
        open_pretrained(folder).encoder()


def test_missing_weights_are_a_model_error(pretrained: tuple[XLMLanguageModel, Path]) -> None:
    _, folder = pretrained
    (folder / CHECKPOINT_WEIGHTS_NAME).unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        open_pretrained(folder).encoder()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "config.json: "),
        ("[]", "config.json: expected a JSON object, found a list"),
        ("{}", "config.json: n_langs is missing"),
        ("null", "config.json: expected a JSON object, found null"),
    ],
)
def test_damaged_configs_are_model_errors(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / CONFIG_NAME).write_text(text)
    with pytest.raises(ModelError, match=message):
        load_config(tmp_path)


def test_a_missing_field_is_named(pretrained: tuple[XLMLanguageModel, Path]) -> None:
    _, folder = pretrained
    config = json.loads((folder / CONFIG_NAME).read_text())
    del config["n_heads"]
    (folder / CONFIG_NAME).write_text(json.dumps(config))
    with pytest.raises(ModelError, match="n_heads is missing"):
        load_config(folder)


FIELDS = CheckpointConfig(
    LANGS, XLMShape(60, 2, 16, 2, 4), 1, DIRECTIONS, classifier=ClassifierConfig(("a", "b"))
).to_json()
HOSTILE = (None, -1, 0, 0.5, 10**9, 2**64, 10**400, "x", "\ud800", [], {}, {"en": 0, "fr": 0}, {"en": 0, "fr": 12})


@pytest.mark.parametrize("field", FIELDS)
def test_no_value_of_a_config_brings_more_than_an_error(field: str, pretrained: tuple[XLMLanguageModel, Path]) -> None:
    model, folder = pretrained
    config = json.loads((folder / CONFIG_NAME).read_text())
    for value in HOSTILE:
        (folder / CONFIG_NAME).write_text(json.dumps(config | {field: value}))
        with contextlib.suppress(ModelError):
            load_config(folder)
        with contextlib.suppress(ModelError):
            # Whatever it is taken for, it has the file's weights.
            assert saved_state(open_pretrained(folder).language_model()).keys() == saved_state(model).keys()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"emb_dim": 10**9}, "emb_dim should be a whole number from 1 to 65536, found 1000000000"),
        ({"n_layers": 0}, "n_layers should be a whole number from 1 to 1000, found 0"),
        ({"n_heads": 3}, "n_heads is 3, which does not divide emb_dim 16"),
        ({"dropout": None}, "dropout should be a number, found null"),
        ({"lang2id": {"en": 0, "fr": 12}}, "lang2id: should give every language a number of its own, below n_langs"),
        ({"xlm_directions": ["en-xx"]}, "xlm_directions: en-xx names a language that is not in lang2id"),
        ({"layer_norm_eps": 2.0}, "layer_norm_eps should be a number from 0 to 0.1, found 2"),
    ],
)
def test_wrong_fields_are_named(
    change: dict[str, Any], message: str, pretrained: tuple[XLMLanguageModel, Path]
) -> None:
    _, folder = pretrained
    config = json.loads((folder / CONFIG_NAME).read_text())
    (folder / CONFIG_NAME).write_text(json.dumps(config | change))
    with pytest.raises(ModelError, match=message):
        load_config(folder)


def test_a_size_that_the_weights_have_not_takes_no_memory(pretrained: tuple[XLMLanguageModel, Path]) -> None:
    _, folder = pretrained
    config = json.loads((folder / CONFIG_NAME).read_text())
    (folder / CONFIG_NAME).write_text(json.dumps(config | {"emb_dim": 65536, "n_layers": 200}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelError, match=r"missing transformer\.attentions\.2"):
        open_pretrained(folder).language_model()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_weights_of_another_kind_are_named(pretrained: tuple[XLMLanguageModel, Path]) -> None:
    model, folder = pretrained
    state = saved_state(model)
    name = "transformer.embeddings.weight"
    save_weights({**state, name: state[name].to(torch.int64)}, folder / CHECKPOINT_WEIGHTS_NAME)
    with pytest.raises(ModelError, match=r"embeddings\.weight is of torch\.int64"):
        open_pretrained(folder).language_model()


def test_no_checkpoint_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"not a checkpoint, nothing is there"):
        load_config(tmp_path / "nowhere")


def test_training_state_comes_back(tmp_path: Path) -> None:
    layer = nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    state = {
        "run": {"step": 3, "best": float("-inf")},
        "positions": [{"en-fr": (1, 2)}],
        "optimizer": optimizer.state_dict(),
    }
    save_training_state(state, tmp_path / "state.pt")
    opened = load_training_state(tmp_path / "state.pt")
    assert (opened["run"], opened["positions"]) == (state["run"], state["positions"])
    exp_avg = opened["optimizer"]["state"][0]["exp_avg"]
    assert torch.equal(exp_avg, optimizer.state_dict()["state"][0]["exp_avg"])


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self._path}",)


def test_training_state_runs_no_code(tmp_path: Path) -> None:
    torch.save({"run": Hostile(tmp_path / "hacked")}, tmp_path / "state.pt")
    with pytest.raises(ModelError, match="damaged training state"):
        load_training_state(tmp_path / "state.pt")
    assert not (tmp_path / "hacked").exists()


def test_missing_training_state(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no training state to resume from"):
        load_training_state(tmp_path / "state.pt")


def test_files_have_normal_permissions_and_nothing_is_left_beside(tmp_path: Path, shape: XLMShape) -> None:
    previous = os.umask(0o022)
    try:
        save_config(CheckpointConfig(LANGS, shape), tmp_path)
        save_weights({"a": torch.zeros(1)}, tmp_path / CHECKPOINT_WEIGHTS_NAME)
        save_training_state({}, tmp_path / "state.pt")
    finally:
        os.umask(previous)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {CONFIG_NAME: 0o644, CHECKPOINT_WEIGHTS_NAME: 0o644, "state.pt": 0o644}


def test_settings_may_leave_out_their_architecture(shape: XLMShape) -> None:
    config = CheckpointConfig(("en", "fr"), shape)
    assert CheckpointConfig.from_json(Fields(config.to_json() | {"architectures": None}, "config.json")) == config


@pytest.mark.parametrize("number", [1, 2, 5])
def test_the_mean_of_files_is_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    states = [{"a": torch.randn(3, 2), "b": torch.randn(4)} for _ in range(number)]
    paths = [tmp_path / f"{index}.safetensors" for index in range(number)]
    for state, path in zip(states, paths, strict=True):
        save_weights(state, path)
    held: list[weakref.ref[torch.Tensor]] = []
    read = weights.read_weights

    def count(path: Path) -> dict[str, torch.Tensor]:
        assert sum(reference() is not None for reference in held) <= 2  # the sum, and what was added last
        found = read(path)
        held.append(weakref.ref(found["a"]))
        return found

    monkeypatch.setattr(weights, "read_weights", count)
    mean = weights.mean_of(paths)
    for name in ("a", "b"):
        torch.testing.assert_close(mean[name], torch.stack([state[name] for state in states]).mean(0))


def test_other_weights_have_no_mean(tmp_path: Path) -> None:
    for name, weight in (("first", torch.ones(2)), ("second", torch.ones(3))):
        save_weights({"a": weight}, tmp_path / name)
    with pytest.raises(ModelError, match=r"second: a is \(3,\), expected \(2,\)"):
        weights.mean_of([tmp_path / "first", tmp_path / "second"])
