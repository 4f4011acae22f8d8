"""Bundles as checkpoints: the weights are those that were converted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("ctranslate2")

from safetensors.torch import load_file  # noqa: E402

from xlmcli.bundle.finding import embedded_models  # noqa: E402
from xlmcli.bundle.manifest import Quantization  # noqa: E402
from xlmcli.checkpoint.bundled import read_bundled_config, read_bundled_weights  # noqa: E402
from xlmcli.checkpoint.config import load_config, save_config  # noqa: E402
from xlmcli.checkpoint.pretrained import open_pretrained  # noqa: E402
from xlmcli.checkpoint.weights import save_weights, saved_state  # noqa: E402
from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.xlm.encoder import open_encoder  # noqa: E402
from xlmcli.convert.xlm.translator import open_checkpoint  # noqa: E402
from xlmcli.model.seq2seq import Seq2Seq  # noqa: E402

TRANSLATORS: dict[str, dict[str, Any]] = {
    "two languages": {},
    "three languages, ReLU": {"langs": ("de", "en", "fr"), "directions": ("en-de", "fr-de"), "gelu": False},
    "no language embeddings": {"tells_languages": False},
    "sinusoidal positions, a shallow decoder": {"sinusoidal": True, "decoder_layers": 1},
}


def bundle_of(checkpoint: Path, path: Path, quantization: Quantization) -> Path:
    write_bundle(open_checkpoint(checkpoint), path, BundleOptions(quantization=quantization))
    return path


@pytest.mark.parametrize("sizes", TRANSLATORS.values(), ids=TRANSLATORS)
def test_a_translator_comes_back(
    make_checkpoint: Callable[..., Path], model_sizes: Callable[..., Any], tmp_path: Path, sizes: dict[str, Any]
) -> None:
    checkpoint = make_checkpoint(model_sizes(**sizes), 5)
    bundle = bundle_of(checkpoint, tmp_path / "bundle", "float32")
    found = read_bundled_config(bundle)
    state = read_bundled_weights(bundle, found)
    wanted = load_file(checkpoint / "model.safetensors")
    assert state.keys() == wanted.keys()
    assert all(torch.equal(state[name], weight) for name, weight in wanted.items())
    config = load_config(checkpoint)
    assert (found.langs, found.directions) == (config.langs, config.directions)
    kept = ("num_words", "num_langs", "dim", "num_layers", "num_heads", "max_positions", "gelu", "tied_output")
    assert [getattr(found.shape, name) for name in kept] == [getattr(config.shape, name) for name in kept]
    assert found.shape.layer_norm_eps == pytest.approx(config.shape.layer_norm_eps)


def test_an_output_layer_of_its_own_comes_back(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "untied"))
    config = load_config(folder)
    config = replace(config, shape=replace(config.shape, tied_output=False))
    torch.manual_seed(3)
    save_config(config, folder)
    save_weights(saved_state(Seq2Seq(config.shape, config.decoder_shape)), folder / "model.safetensors")
    bundle = bundle_of(folder, tmp_path / "bundle", "float32")
    decoder = open_pretrained(bundle).decoder().state_dict()
    assert torch.equal(
        decoder["pred_layer.proj.weight"], load_file(folder / "model.safetensors")["decoder.pred_layer.proj.weight"]
    )


@pytest.mark.parametrize("quantization", ["int8", "int16", "float16", "bfloat16"])
def test_weights_come_back_as_they_were_rounded(
    tiny_checkpoint: Path, tmp_path: Path, quantization: Quantization
) -> None:
    bundle = bundle_of(tiny_checkpoint, tmp_path / "bundle", quantization)
    found = read_bundled_weights(bundle, read_bundled_config(bundle))
    share = {"int8": 1 / 254, "int16": 1 / 2**11, "float16": 1 / 2**11, "bfloat16": 1 / 2**8}[quantization]
    wanted = load_file(tiny_checkpoint / "model.safetensors")
    whole = torch.stack([weight.abs().max() for weight in wanted.values()]).max()
    for name, weight in wanted.items():
        # In int16 there is one scale for a whole matrix, and for those that were joined to it.
        largest = whole if quantization == "int16" else weight.abs().amax(dim=-1, keepdim=True)
        assert ((found[name] - weight).abs() <= 1.001 * share * largest).all(), name


@pytest.mark.parametrize("head", ["classifier", "encoder"])
def test_an_encoder_comes_back(request: pytest.FixtureRequest, tmp_path: Path, head: str) -> None:
    bundle = request.getfixturevalue(f"tiny_{head}")
    found = open_pretrained(bundle)
    model = found.classifier() or found.language_model()
    assert (found.classifier() is None) == (head == "encoder")
    save_config(found.config, tmp_path)
    save_weights(saved_state(model), tmp_path / "model.safetensors")
    found.tokenizer().save(tmp_path)
    again = tmp_path / "again"
    write_bundle(open_encoder(tmp_path), again, BundleOptions(quantization="float32"))
    for name in ("model.bin", *(("classifier.safetensors",) if head == "classifier" else ())):
        assert (again / name).read_bytes() == (bundle / name).read_bytes()
    first, second = (json.loads((path / "xlm.json").read_text()) for path in (bundle, again))
    assert all(first[key] == second[key] for key in first.keys() - {"provenance", "files"})


def test_embedded_models_come_back() -> None:
    for path in embedded_models().values():
        found = open_pretrained(path)
        embeddings = found.encoder().embeddings.weight.detach()
        assert 0.01 < float(embeddings.std()) < 1
        decoder = found.decoder()
        assert float(decoder.state_dict()["pred_layer.proj.weight"].abs().max()) < 10
