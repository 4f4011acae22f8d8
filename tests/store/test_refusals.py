"""What cannot be converted is refused before its weights are downloaded."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmcli.errors import ExitCode

pytest.importorskip("torch")

Run = Callable[..., tuple[int, str, str]]
NAME = "team/XLM-mt"
GPT2 = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}


@pytest.fixture
def files(hub: Any, repository: Any, tiny_checkpoint: Path) -> dict[str, bytes]:
    """The files of ``NAME``, a checkpoint that can be converted."""
    hub.repositories[NAME] = repository({path.name: path.read_bytes() for path in tiny_checkpoint.iterdir()})
    files: dict[str, bytes] = hub.repositories[NAME].files
    return files


def asked(hub: Any) -> list[str]:
    """Names of the files that were downloaded."""
    return [request.path.rpartition("/")[2] for request in hub.requests if "/resolve/" in request.path]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (GPT2, f"{NAME} cannot be converted: it is a GPT2LMHeadModel"),
        ({"model_type": "t5"}, f"{NAME} cannot be converted: it is a model of type t5"),
        ({"hidden_size": 8}, f"{NAME} cannot be converted: its config.json does not say what it is"),
        ({"model_type": "marian", "architectures": ["MarianModel"]}, "it is a MarianModel"),
        ({"model_type": "xlm", "architectures": ["XLMForQuestionAnswering"]}, "it is a XLMForQuestionAnswering"),
    ],
    ids=["class", "type", "neither", "marian", "xlm"],
)
@pytest.mark.parametrize("has_torch", [True, False])
def test_another_architecture_is_named_after_a_look_at_its_settings(
    xlm: Run, hub: Any, files: Any, home: Path, monkeypatch: pytest.MonkeyPatch, config: Any, told: str, has_torch: bool
) -> None:
    if not has_torch:
        hide_torch(monkeypatch)
    files["config.json"] = json.dumps(config).encode()
    code, out, err = xlm("models", "pull", NAME)
    assert (code, out) == (ExitCode.MODEL, "")
    assert told in err
    assert "hint: xlm converts XLMModel, XLMWithLMHeadModel, XLMForSequenceClassification, XLMRoberta" in err
    assert asked(hub) == ["config.json"]
    assert not list((home / "models").iterdir())


def test_convert_refuses_it_too(
    xlm: Run, hub: Any, files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files["config.json"] = json.dumps(GPT2).encode()
    monkeypatch.chdir(tmp_path)
    code, _, err = xlm("convert", NAME, "bundle")
    assert code == ExitCode.MODEL
    assert "it is a GPT2LMHeadModel" in err
    assert asked(hub) == ["config.json"]


def test_a_folder_of_another_kind_gets_the_same_answer(xlm: Run, tmp_path: Path) -> None:
    folder = tmp_path / "gpt2"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(GPT2))
    (folder / "model.safetensors").touch()
    code, _, err = xlm("convert", folder, tmp_path / "bundle")
    assert code == ExitCode.MODEL
    assert f"{folder} cannot be converted: it is a GPT2LMHeadModel" in err
    assert "xlm converts XLMModel" in err


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("config.json", b"{", "team/XLM-mt: config.json: not valid JSON"),
        ("tokenizer.model", b"no tokenizer", "not a SentencePiece model"),
        ("tokenizer.model", None, "tokenizer"),
    ],
)
def test_settings_that_are_wrong_are_found_first(
    xlm: Run, hub: Any, files: Any, name: str, content: bytes | None, told: str
) -> None:
    if content is None:
        del files[name]
    else:
        files[name] = content
    code, _, err = xlm("models", "pull", NAME)
    assert code == ExitCode.MODEL
    assert told in err
    assert "model.safetensors" not in asked(hub)


def test_faults_of_settings_are_listed_by_the_name_of_the_repository(xlm: Run, hub: Any, files: Any) -> None:
    config = json.loads(files["config.json"])
    del config["decoder_layers"]
    config |= {"architectures": ["XLMModel"], "causal": True, "is_encoder": False}
    files["config.json"] = json.dumps(config).encode()
    code, _, err = xlm("models", "pull", NAME)
    assert code == ExitCode.MODEL
    assert f"{NAME} cannot be converted: causal: true; is_encoder: false" in err
    assert "its weights were not downloaded" in err
    assert "model.safetensors" not in asked(hub)


def test_without_torch_no_weights_are_downloaded(
    xlm: Run, hub: Any, files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_torch(monkeypatch)
    code, _, err = xlm("models", "pull", NAME)
    assert code == ExitCode.MISSING_EXTRA
    assert f"{NAME} is a checkpoint, and converting one needs torch" in err
    assert "pip install 'xlmcli[train]'" in err
    assert asked(hub) == ["config.json"]


def test_a_model_of_speech_in_the_format_of_ctranslate2(xlm: Run, hub: Any, repository: Any) -> None:
    files = {"model.bin": b"x", "config.json": b"{}", "tokenizer.json": b"{}", "vocabulary.json": b"[]"}
    hub.repositories[NAME] = repository(files)
    code, _, err = xlm("models", "pull", NAME)
    assert code == ExitCode.MODEL
    assert "it has no shared_vocabulary.json, so that it does not translate" in err
    assert asked(hub) == []


def hide_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find_spec(name))
