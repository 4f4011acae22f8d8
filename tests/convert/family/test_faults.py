"""Folders of other families that cannot be converted: all that is wrong is listed, and nothing is written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmcli.errors import ModelError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")
from safetensors.torch import load_file, save_file  # noqa: E402

from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.opening import check_settings, open_convertible  # noqa: E402

FAMILIES = ["Marian", "M2M-100", "NLLB", "mBART-50", "XLM-R"]


@pytest.fixture(scope="module", params=FAMILIES)
def template(request: pytest.FixtureRequest, published: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template")
    published.make(request.param, path)
    return path


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "model"))


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def change_weights(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    state = load_file(folder / "model.safetensors")
    change(state)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def test_all_faults_are_listed_at_once(folder: Path) -> None:
    lost = ""

    def damage(state: dict[str, Any]) -> None:
        nonlocal lost
        lost = next(name for name in state if name.endswith(("layers.1.fc1.weight", "1.output.dense.bias")))
        bias = next(name for name in state if name.endswith(("layers.0.fc1.bias", "0.output.dense.bias")))
        state["model.extra"] = state.pop(lost)
        state[bias] = torch.zeros(5)

    change_weights(folder, damage)
    for name in ("tokenizer.json", "vocab.json", "sentencepiece.bpe.model", "source.spm"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(ModelError) as caught:
        open_convertible(folder)
    message = caught.value.message
    assert f"{folder} cannot be converted: " in message
    assert f"{lost.removeprefix('roberta.')}: missing" in message
    assert "model.extra: unexpected" in message
    assert "has shape (5,), expected (" in message
    assert "no tokenizer, neither" in message or "no vocab.json, no source.spm" in message


def test_weights_that_are_cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        open_convertible(folder)


def test_numbers_that_are_not_finite(folder: Path, tmp_path: Path) -> None:
    def spoil(state: dict[str, Any]) -> None:
        name = next(name for name in state if name.endswith(("layers.1.fc1.weight", "layer.1.output.dense.weight")))
        state[name][0, 0] = torch.nan

    change_weights(folder, spoil)
    with pytest.raises(ModelError, match=r"1\.(fc1|output\.dense)\.weight has numbers that are not finite"):
        write_bundle(open_convertible(folder), tmp_path / "b", BundleOptions())
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_no_weights_at_all(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    check_settings(folder)
    with pytest.raises(ModelError, match=r"no weights, neither model\.safetensors nor pytorch_model\.bin"):
        open_convertible(folder)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"architectures": ["XForCausalLM"]}, r"architectures: XForCausalLM \(can be: "),
        ({"architectures": "X"}, "architectures should be a list"),
        ({"activation_function": "mish", "hidden_act": "mish"}, r"(activation_function|hidden_act): mish \(can be: "),
        ({"d_model": 15, "hidden_size": 15}, "contradict each other|has shape"),
        ({"vocab_size": "many"}, "not the settings of a "),
        ({"pad_token_id": 10**9}, "pad_token_id should be a whole number from 0 to "),
        ({"dtype": None, "torch_dtype": "float99"}, "float99"),
        ({"encoder_layers": 3, "num_hidden_layers": 3}, r"layers?\.2\..*: missing"),
    ],
    ids=["architecture", "no list", "activation", "heads", "no number", "no id", "no type", "too many layers"],
)  # fmt: skip
def test_settings(folder: Path, values: dict[str, Any], message: str) -> None:
    change(folder / "config.json", **values)
    with pytest.raises(ModelError, match=message):
        open_convertible(folder)


def test_settings_of_a_classifier(published: Any, tmp_path: Path) -> None:
    published.xlm_roberta(tmp_path, "XLMRobertaForSequenceClassification")
    change(tmp_path / "config.json", id2label={"0": "only\x1b"}, problem_type="regression")
    faults = "id2label: 1 label.*; problem_type: regression; id2label: a label has control characters"
    with pytest.raises(ModelError, match=rf"{faults}.*has shape \(2,.*, expected \(1,"):
        open_convertible(tmp_path)
    change(tmp_path / "config.json", id2label={"0": "one", "2": "other"}, problem_type=None)
    with pytest.raises(ModelError, match="id2label: its ids are not 0, 1, 2"):
        open_convertible(tmp_path)


def test_marians_files(published: Any, tmp_path: Path) -> None:
    published.marian(tmp_path)
    with pytest.raises(ModelError, match="nothing says which languages") as caught:
        open_convertible(tmp_path)
    assert "source_lang" in str(caught.value.hint)
    change(tmp_path / "tokenizer_config.json", source_lang="en\x1b[1m", target_lang="fr")
    with pytest.raises(ModelError, match="source_lang should be a name without control characters"):
        open_convertible(tmp_path)
    vocab = json.loads((tmp_path / "vocab.json").read_text())
    (tmp_path / "vocab.json").write_text(json.dumps(dict(list(vocab.items())[:-1])))
    with pytest.raises(ModelError, match=rf"vocab\.json: {len(vocab) - 1} pieces, where the model has {len(vocab)}"):
        open_convertible(tmp_path)
    for content in (json.dumps([*vocab]), '{"a": 0, "b": "1"}', '{"a": 0, "b": 1.0}'):
        (tmp_path / "vocab.json").write_text(content)
        with pytest.raises(ModelError, match="expected an object of pieces"):
            open_convertible(tmp_path)
    (tmp_path / "vocab.json").write_text("[" * 100_000)
    with pytest.raises(ModelError, match="not JSON"):
        open_convertible(tmp_path)


def test_older_mbarts(published: Any, tmp_path: Path) -> None:
    published.mbart(tmp_path)
    change(tmp_path / "config.json", decoder_start_token_id=7)
    with pytest.raises(ModelError, match=r"decoder_start_token_id: 7, .*mBART-50 can be converted"):
        open_convertible(tmp_path)
    change(tmp_path / "tokenizer_config.json", tokenizer_class="MBartTokenizer")
    with pytest.raises(ModelError, match="tokenizer_class: MBartTokenizer"):
        open_convertible(tmp_path)
