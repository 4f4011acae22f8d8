from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from xlmcli.bundle import ClassifierPart, Limits, SpecialTokens, open_bundle
from xlmcli.bundle.manifest import Quantization
from xlmcli.errors import ModelError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

from safetensors.numpy import load_file  # noqa: E402

from xlmcli.checkpoint.config import CheckpointConfig, save_config  # noqa: E402
from xlmcli.checkpoint.weights import save_weights, saved_state  # noqa: E402
from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.opening import open_convertible  # noqa: E402
from xlmcli.convert.xlm.encoder import EncoderCheckpoint, open_encoder  # noqa: E402
from xlmcli.convert.xlm.translator import Checkpoint  # noqa: E402
from xlmcli.infer.engine import EncoderEngine, EngineOptions  # noqa: E402
from xlmcli.model.classifier import Classifier  # noqa: E402
from xlmcli.model.classifier_config import ClassifierConfig  # noqa: E402
from xlmcli.model.transformer import Tokens, XLMLanguageModel, XLMShape  # noqa: E402

SHAPE = XLMShape(num_words=420, num_langs=2, dim=32, num_layers=2, num_heads=4, max_positions=48)
TEXT = [300, 310, 320, 330]


@pytest.fixture
def damaged(published_classifier: Path, tmp_path: Path) -> Path:
    """A classifier that a test may damage."""
    return Path(shutil.copytree(published_classifier, tmp_path / "checkpoint"))


def change_config(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def states_of(checkpoint: EncoderCheckpoint, path: Path, lang: int) -> Any:
    bundle = write_bundle(checkpoint, path, BundleOptions(quantization="float32"))
    manifest = open_bundle(path).manifest
    engine = EncoderEngine(
        bundle.read_files(),
        checkpoint.tokenizer.vocab,
        manifest.tokens,
        manifest.limits,
        EngineOptions("cpu"),
        tells_languages=True,
    )
    return engine.submit([TEXT], [lang]).wait()[0]


def test_a_pretrained_xlm_of_ours_becomes_an_encoder(tiny_tokenizer: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = XLMLanguageModel(SHAPE).eval()
    save_config(CheckpointConfig(("en", "fr"), SHAPE), tmp_path)
    save_weights(saved_state(model), tmp_path / "model.safetensors")
    shutil.copy(tiny_tokenizer / "tokenizer.model", tmp_path)
    checkpoint = open_convertible(tmp_path)
    assert isinstance(checkpoint, EncoderCheckpoint)
    found = states_of(checkpoint, tmp_path / "b", 1)
    with torch.no_grad():
        wanted = model.transformer(Tokens(torch.tensor([[1, *TEXT, 1]]), None, torch.tensor([[1]])))[0]
    assert np.abs(found - wanted.numpy()).max() < 1e-4
    manifest = open_bundle(tmp_path / "b").manifest
    assert (manifest.task, manifest.languages, manifest.classifier) == ("encode", {"en": 0, "fr": 1}, None)
    assert manifest.tokens == SpecialTokens(bos="</s>")
    assert manifest.limits == Limits(max_source_tokens=46, max_source_positions=48)
    num_encoder = sum(parameter.numel() for parameter in model.transformer.parameters())
    assert manifest.architecture.num_parameters == num_encoder


def test_a_classifier_of_ours_keeps_all_that_it_was_trained_with(tiny_tokenizer: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    head = ClassifierConfig(("no", "yes", "perhaps"), True, "mean", None, temperature=1.75, train_langs=("en",))
    model = Classifier(SHAPE, head).eval()
    save_config(CheckpointConfig(("en", "fr"), SHAPE, max_len=20, classifier=head), tmp_path)
    save_weights(saved_state(model), tmp_path / "model.safetensors")
    shutil.copy(tiny_tokenizer / "tokenizer.model", tmp_path)
    checkpoint = open_convertible(tmp_path)
    assert isinstance(checkpoint, EncoderCheckpoint)
    write_bundle(checkpoint, tmp_path / "b", BundleOptions())
    manifest = open_bundle(tmp_path / "b").manifest
    assert manifest.task == "classify"
    assert manifest.classifier == ClassifierPart(("no", "yes", "perhaps"), "mean", None, True, 1.75, ("en",))
    assert manifest.tokens.bos == "</s>"
    assert manifest.limits.max_source_tokens == 20
    arrays = load_file(tmp_path / "b" / "classifier.safetensors")
    assert np.array_equal(arrays["weight"], model.sequence_summary.summary.weight.detach())
    assert np.array_equal(arrays["bias"], model.sequence_summary.summary.bias.detach())
    assert set(manifest.files) == {
        "classifier.safetensors", "config.json", "model.bin", "tokenizer.model", "vocabulary.json"
    }  # fmt: skip


def test_what_huggingface_fine_tuned_starts_as_its_tokenizer_does(published_classifier: Path) -> None:
    assert open_encoder(published_classifier).tokens == SpecialTokens(bos="<s>")


def test_an_encoder_decoder_stays_one(tiny_checkpoint: Path) -> None:
    assert isinstance(open_convertible(tiny_checkpoint), Checkpoint)


@pytest.mark.parametrize("quantization", get_args(Quantization))
def test_every_quantization_runs(published_classifier: Path, tmp_path: Path, quantization: Quantization) -> None:
    checkpoint = open_encoder(published_classifier)
    before = {name: weight.clone() for name, weight in checkpoint.state.items()}
    bundle = write_bundle(checkpoint, tmp_path / "b", BundleOptions(quantization=quantization))
    manifest = bundle.manifest
    options = EngineOptions("cpu", "auto", num_workers=1)
    engine = EncoderEngine(
        bundle.read_files(), checkpoint.tokenizer.vocab, manifest.tokens, manifest.limits, options, tells_languages=True
    )
    plain, told = engine.submit([TEXT, TEXT], [None, 1]).wait()
    assert plain.dtype == told.dtype == np.float32
    assert np.isfinite(plain).all()
    assert np.abs(plain - told).max() > 0.1
    assert all(torch.equal(weight, before[name]) for name, weight in checkpoint.state.items()), "conversion changed it"


def test_everything_that_cannot_be_converted_is_listed_at_once(damaged: Path) -> None:
    change_config(
        damaged,
        architectures=["XLMForSequenceClassification", "XLMForQuestionAnswering"],
        causal=True,
        is_encoder=False,
        n_heads=5,
        pruned_heads={"0": [1]},
        summary_type="attn",
        summary_activation="relu",
        problem_type="regression",
        n_layers=1,
        vocab_size=421,
    )
    with pytest.raises(ModelError) as caught:
        open_encoder(damaged)
    for fault in (
        "architectures: XLMForQuestionAnswering (can be: XLMModel, XLMWithLMHeadModel, XLMForSequenceClassification)",
        "causal: true",
        "is_encoder: false",
        "n_heads: 5, which does not divide emb_dim 32",
        "pruned_heads",
        "summary_type: attn (can be: first, mean, last, cls_index)",
        "summary_activation: relu (can be: tanh, null)",
        "problem_type: regression",
        "unexpected attentions.1.q_lin.weight",
        "embeddings.weight is (420, 32), expected (421, 32)",
    ):
        assert fault in caught.value.message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"summary_use_proj": False}, "summary_use_proj: false"),
        ({"summary_proj_to_labels": False}, "summary_proj_to_labels: false, so that 32 outputs stand for 3 labels"),
        ({"id2label": {"0": "one"}, "label2id": {"one": 0}}, "id2label: 1 label, which is a regression"),
        ({"id2label": {"0": "a", "1": "a", "2": "b"}}, "id2label: should give every label a name of its own"),
        ({"lang2id": {"en": 0, "fr": 0}}, "lang2id: should give every language a number of its own"),
        ({"lang2id": {"en": 0, "fr": 2}}, "lang2id: goes up to 2, with n_langs 2"),
        ({"use_lang_emb": False}, "unexpected lang_embeddings.weight"),
        ({"n_langs": 3}, r"lang_embeddings.weight is \(2, 32\), expected \(3, 32\)"),
        ({"model_type": "bert"}, "model_type is 'bert', where xlm is needed"),
        ({"n_layers": "two"}, "not the settings of an XLM"),
        ({"xlm_temperature": "hot"}, "config.json: xlm_temperature should be a number, found 'hot'"),
    ],
)
def test_settings_that_cannot_be_converted_are_named(damaged: Path, changes: dict[str, Any], message: str) -> None:
    change_config(damaged, **changes)
    with pytest.raises(ModelError, match=message):
        open_encoder(damaged)


def test_missing_weights_are_named(damaged: Path) -> None:
    from safetensors.torch import load_file, save_file

    state = load_file(damaged / "model.safetensors")
    del state["transformer.layer_norm1.0.bias"], state["sequence_summary.summary.bias"]
    save_file(state, damaged / "model.safetensors")
    with pytest.raises(ModelError, match=r"missing layer_norm1\.0\.bias; missing sequence_summary\.summary\.bias"):
        open_encoder(damaged)


class Hostile:
    """Runs a command when unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch hostile",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Hostile(), r"refused, its pickle tries to load \w+\.system"),
        ([1, 2], "not a table of weights"),
        ({5: torch.zeros(1)}, "not a table of weights"),
        (None, "not a table of weights"),
    ],
)
def test_a_pickle_that_is_no_table_of_weights_is_refused(
    damaged: Path, monkeypatch: pytest.MonkeyPatch, content: object, message: str
) -> None:
    monkeypatch.chdir(damaged)
    (damaged / "model.safetensors").unlink()
    torch.save(content, damaged / "pytorch_model.bin")
    with pytest.raises(ModelError, match=message):
        open_encoder(damaged)
    assert not (damaged / "hostile").exists()


def test_damaged_files_are_errors(damaged: Path) -> None:
    whole = (damaged / "model.safetensors").read_bytes()
    (damaged / "model.safetensors").write_bytes(whole[:1000])
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        open_encoder(damaged)
    (damaged / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no weights, neither model\.safetensors nor pytorch_model\.bin"):
        open_encoder(damaged)
    (damaged / "pytorch_model.bin").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin: .*damaged"):
        open_encoder(damaged)


def test_a_foreign_tokenizer_is_refused(make_published: Callable[..., Path]) -> None:
    with pytest.raises(ModelError, match="the tokenizer has 420 pieces, the model 500 words"):
        open_encoder(make_published("XLMModel", vocab_size=500))


def test_conversion_is_reproducible(published_classifier: Path, tmp_path: Path) -> None:
    checkpoint = open_encoder(published_classifier)
    one, two = (write_bundle(checkpoint, tmp_path / name, BundleOptions()).manifest for name in ("one", "two"))
    assert one == two
    assert replace(one, quantization="float32") != two
