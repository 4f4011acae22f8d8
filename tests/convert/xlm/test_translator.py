from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from xlmcli.bundle import Bundle, DecodingDefaults, Limits, MeasuredScore, open_bundle
from xlmcli.bundle.manifest import Quantization
from xlmcli.errors import DataError, GateError, ModelError, UsageError
from xlmcli.records import Direction

torch = pytest.importorskip("torch")
ctranslate2 = pytest.importorskip("ctranslate2")

from safetensors.torch import load_file, save_file  # noqa: E402

from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.xlm.translator import Checkpoint, open_checkpoint, write_folded  # noqa: E402

EN_FR = Direction("en", "fr")
TABLE_TYPES = {"float16": "float16", "int8_float16": "float16", "bfloat16": "bfloat16", "int8_bfloat16": "bfloat16"}


@pytest.fixture(scope="module")
def checkpoint(tiny_checkpoint: Path) -> Checkpoint:
    return open_checkpoint(tiny_checkpoint)


@pytest.fixture
def damaged(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint that a test may damage."""
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint"))


@pytest.mark.parametrize("quantization", get_args(Quantization))
def test_every_quantization_records_its_tables_and_translates(
    checkpoint: Checkpoint, tmp_path: Path, quantization: Quantization
) -> None:
    before = {name: value.clone() for name, value in checkpoint.model.state_dict().items()}
    write_bundle(checkpoint, tmp_path / "b", BundleOptions(quantization=quantization))
    bundle = open_bundle(tmp_path / "b")
    assert bundle.manifest.quantization == quantization
    model = (tmp_path / "b" / "model.bin").read_bytes()
    for side in ("encoder", "decoder"):
        table = getattr(bundle.translation.position_tables, side)
        assert (table.rows, table.dim, table.dtype) == (48, 32, TABLE_TYPES.get(quantization, "float32"))
        dtype = getattr(torch, table.dtype)
        stored = torch.frombuffer(bytearray(model), dtype=dtype, count=48 * 32, offset=table.offset).reshape(48, 32)
        assert torch.equal(stored, before[f"{side}.position_embeddings.weight"].to(dtype))
    translator = ctranslate2.Translator("m", device="cpu", files=bundle.folded_files(EN_FR), compute_type="auto")
    (result,) = translator.translate_batch([["</s>", "▁", "a", "</s>"]], beam_size=2, max_decoding_length=40)
    assert result.hypotheses[0]
    after = checkpoint.model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items()), "conversion changed the model"


def test_the_engine_normalises_as_the_model_does(checkpoint: Checkpoint, tiny_bundle: Path) -> None:
    epsilons = {module.eps for module in checkpoint.model.modules() if isinstance(module, torch.nn.LayerNorm)}
    assert epsilons == {json.loads((tiny_bundle / "config.json").read_text())["layer_norm_epsilon"]}


def test_int8_is_smaller(tiny_bundle: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    write_bundle(checkpoint, tmp_path / "b", BundleOptions(quantization="int8"))
    assert (tmp_path / "b/model.bin").stat().st_size < 0.4 * (tiny_bundle / "model.bin").stat().st_size


def test_equal_position_tables_are_folded_apart(
    make_checkpoint: Callable[[Any, int], Path], model_sizes: type, tmp_path: Path
) -> None:
    """CTranslate2 would store two equal tables once, and a direction could then not have two languages."""
    write_bundle(open_checkpoint(make_checkpoint(model_sizes(sinusoidal=True), 2)), tmp_path / "b", BundleOptions())
    tables = open_bundle(tmp_path / "b").translation.position_tables
    assert abs(tables.encoder.offset - tables.decoder.offset) >= 48 * 32 * 4


def test_the_manifest_tells_what_was_given(checkpoint: Checkpoint, tmp_path: Path) -> None:
    card, recipe = tmp_path / "card", tmp_path / "recipe"
    card.write_text("# A model")
    recipe.write_text("[pretrain]")
    options = BundleOptions(
        quantization="int8",
        decoding=DecodingDefaults(6, 0.5),
        licence="MIT",
        trained_on=("this", "that"),
        scores=(MeasuredScore(EN_FR, "news", "BLEU", 12.5, "v:1"),),
        card=card,
        recipe=recipe,
    )
    written = write_bundle(checkpoint, tmp_path / "b", options)
    manifest = open_bundle(tmp_path / "b").manifest
    assert manifest == written.manifest
    assert manifest.translation is not None
    assert manifest.translation.decoding == options.decoding
    assert (manifest.provenance.licence, manifest.provenance.trained_on) == ("MIT", ("this", "that"))
    assert manifest.provenance.scores == options.scores
    assert manifest.provenance.source == checkpoint.name
    assert str(tmp_path) not in (tmp_path / "b" / "xlm.json").read_text()
    assert manifest.limits == Limits(max_source_tokens=46, max_source_positions=48)
    assert manifest.translation.max_target_positions == 48
    parameters = sum(parameter.numel() for parameter in checkpoint.model.parameters())
    assert manifest.architecture.num_parameters == parameters
    assert (tmp_path / "b" / "MODEL_CARD.md").read_text() == "# A model"
    assert (tmp_path / "b" / "recipe.toml").read_text() == "[pretrain]"
    assert {"MODEL_CARD.md", "recipe.toml", "tokenizer.model", "model.bin"} < set(manifest.files)


@pytest.mark.parametrize(("max_len", "max_source_tokens"), [(20, 20), (46, 46), (47, 46), (None, 46)])
def test_longer_text_than_the_model_was_trained_on_is_to_be_split(
    checkpoint: Checkpoint, tmp_path: Path, max_len: int | None, max_source_tokens: int
) -> None:
    trained = replace(checkpoint, config=replace(checkpoint.config, max_len=max_len))
    assert write_bundle(trained, tmp_path / "b", BundleOptions()).manifest.limits.max_source_tokens == max_source_tokens


def test_conversion_is_reproducible(checkpoint: Checkpoint, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_bundle(checkpoint, tmp_path / name, BundleOptions())
    assert (tmp_path / "one" / "xlm.json").read_bytes() == (tmp_path / "two" / "xlm.json").read_bytes()


def test_a_taken_path_is_refused_and_replaced_with_force(checkpoint: Checkpoint, tmp_path: Path) -> None:
    write_bundle(checkpoint, tmp_path / "b", BundleOptions(licence="old"))
    with pytest.raises(UsageError, match="exists already"):
        write_bundle(checkpoint, tmp_path / "b", BundleOptions(licence="new"))
    assert open_bundle(tmp_path / "b").manifest.provenance.licence == "old"
    write_bundle(checkpoint, tmp_path / "b", BundleOptions(licence="new", force=True))
    assert open_bundle(tmp_path / "b").manifest.provenance.licence == "new"


def test_everything_that_conversion_writes_may_be_replaced(checkpoint: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("x")
    options = BundleOptions(card=tmp_path / "text", recipe=tmp_path / "text", force=True)
    for _ in range(2):
        write_bundle(checkpoint, tmp_path / "b", options)
        write_folded(checkpoint, tmp_path / "b", EN_FR, options)
    assert not (tmp_path / "b" / "xlm.json").exists()


def test_a_check_sees_the_finished_bundle_before_it_has_its_name(checkpoint: Checkpoint, tmp_path: Path) -> None:
    write_bundle(checkpoint, tmp_path / "b", BundleOptions(licence="old"))

    def refuse(new: Bundle) -> None:
        assert open_bundle(new.path).manifest == new.manifest
        assert open_bundle(tmp_path / "b").manifest.provenance.licence == "old"
        raise GateError("not good enough")

    with pytest.raises(GateError):
        write_bundle(checkpoint, tmp_path / "b", BundleOptions(licence="new", force=True), check=refuse)
    assert open_bundle(tmp_path / "b").manifest.provenance.licence == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["b"]


def test_a_failing_conversion_leaves_nothing(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: cannot be copied"):
        write_bundle(checkpoint, tmp_path / "b", BundleOptions(card=tmp_path / "none"))
    with pytest.raises(ModelError, match=f"^{checkpoint.name} does not translate from 'fr' to 'de'"):
        write_folded(checkpoint, tmp_path / "b", Direction("fr", "de"), BundleOptions())
    assert list(tmp_path.iterdir()) == []


def test_all_wrong_weights_are_listed_at_once(damaged: Path) -> None:
    state = load_file(damaged / "model.safetensors")
    del state["decoder.layer_norm15.1.weight"], state["encoder.attentions.0.q_lin.bias"]
    state["encoder.ffns.0.lin3.weight"] = torch.zeros(2, 2)
    state["encoder.ffns.1.lin1.weight"] = torch.zeros(127, 32)
    save_file(state, damaged / "model.safetensors")
    with pytest.raises(ModelError) as caught:
        open_checkpoint(damaged)
    for text in (
        "missing decoder.layer_norm15.1.weight",
        "missing encoder.attentions.0.q_lin.bias",
        "unexpected encoder.ffns.0.lin3.weight",
        "encoder.ffns.1.lin1.weight is (127, 32), expected (128, 32)",
    ):
        assert text in caught.value.message


def test_a_tokenizer_of_another_size_is_an_error(checkpoint: Checkpoint, damaged: Path) -> None:
    config = json.loads((damaged / "config.json").read_text())
    (damaged / "config.json").write_text(json.dumps(config | {"vocab_size": 419}))
    state = load_file(damaged / "model.safetensors")
    state = {name: value[:419].clone() if value.shape[0] == 420 else value for name, value in state.items()}
    save_file(state, damaged / "model.safetensors")
    with pytest.raises(ModelError, match="the tokenizer has 420 pieces, the model 419 words"):
        open_checkpoint(damaged)


def test_a_checkpoint_without_directions_is_an_error(damaged: Path) -> None:
    config = json.loads((damaged / "config.json").read_text())
    (damaged / "config.json").write_text(json.dumps(config | {"xlm_directions": []}))
    with pytest.raises(ModelError, match="names no directions"):
        open_checkpoint(damaged)


def test_a_checkpoint_with_an_impossible_direction_is_an_error(damaged: Path) -> None:
    config = json.loads((damaged / "config.json").read_text())
    (damaged / "config.json").write_text(json.dumps(config | {"xlm_directions": ["enfr"]}))
    with pytest.raises(ModelError, match=r"xlm_directions: not a direction: 'enfr'"):
        open_checkpoint(damaged)


def test_a_checkpoint_without_tokenizer_is_an_error(damaged: Path) -> None:
    (damaged / "tokenizer.model").unlink()
    with pytest.raises(ModelError, match=r"no tokenizer\.model"):
        open_checkpoint(damaged)


def test_a_replaced_bundle_keeps_nothing_of_the_old(checkpoint: Checkpoint, tmp_path: Path) -> None:
    card = tmp_path / "card"
    card.write_text("old")
    write_bundle(checkpoint, tmp_path / "b", BundleOptions(card=card))
    write_folded(checkpoint, tmp_path / "b", EN_FR, BundleOptions(force=True))
    assert not {"MODEL_CARD.md", "xlm.json", "languages.safetensors"} & {p.name for p in (tmp_path / "b").iterdir()}
