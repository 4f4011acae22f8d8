"""``--verify`` and the other options of ``xlm convert`` for models of other families."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmcli.bundle import open_bundle
from xlmcli.errors import ExitCode, GateError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")
from safetensors.torch import load_file, save_file  # noqa: E402

from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.family.model import FamilyModel  # noqa: E402
from xlmcli.convert.opening import open_convertible  # noqa: E402
from xlmcli.convert.verify.family_translations import verify_family  # noqa: E402
from xlmcli.convert.verify.states import check_closeness, verify_encoder  # noqa: E402
from xlmcli.convert.verify.translations import check_agreements  # noqa: E402

DIRECTIONS = {"nllb": ["de-en", "en-es", "es-fr", "fr-it", "it-pt", "pt-de"], "marian_of_two_vocabularies": ["en-fr"]}


def open_folder(folder: Path) -> FamilyModel:
    opened = open_convertible(folder)
    assert isinstance(opened, FamilyModel)
    return opened


def change_a_weight(folder: Path, name: str) -> None:
    state = load_file(folder / "model.safetensors")
    state[name].neg_()
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("family", list(DIRECTIONS))
def test_translations(tmp_path: Path, published: Any, family: str) -> None:
    names = {"source_lang": "en", "target_lang": "fr"} if family.startswith("marian") else {}
    getattr(published, family)(tmp_path, **names)
    opened = open_folder(tmp_path)
    write_bundle(opened, tmp_path / "b", BundleOptions(quantization="float32"))
    bundle = open_bundle(tmp_path / "b")
    agreements = list(verify_family(opened, bundle, {}))
    assert [str(agreement.direction) for agreement in agreements] == DIRECTIONS[family]
    assert all(agreement.num_equal == agreement.num_sentences >= 5 for agreement in agreements)
    assert max(agreement.max_score_difference for agreement in agreements) < 1e-4
    change_a_weight(tmp_path, "model.decoder.layers.1.fc2.weight")
    agreements = list(verify_family(open_folder(tmp_path), bundle, {"en": ["Good morning.", "", "How are you?"]}))
    assert [agreement.num_sentences for agreement in agreements] == [2]
    assert agreements[0].max_score_difference > 1e-2
    with pytest.raises(GateError, match="of 2 greedy translations equal"):
        check_agreements(agreements, 1)


def test_states_and_labels(tmp_path: Path, published: Any) -> None:
    published.xlm_roberta(tmp_path, "XLMRobertaForSequenceClassification")
    opened = open_folder(tmp_path)
    write_bundle(opened, tmp_path / "b", BundleOptions(quantization="float32"))
    bundle = open_bundle(tmp_path / "b")
    (closeness,) = verify_encoder(opened, bundle, {})
    assert (closeness.lang, closeness.num_texts, closeness.num_equal) == ("en", 12, 12)
    assert closeness.max_difference < 1e-4
    change_a_weight(tmp_path, "roberta.encoder.layer.1.output.dense.weight")
    results = list(verify_encoder(open_folder(tmp_path), bundle, {"fr": ["Bonjour."]}))
    with pytest.raises(GateError, match="fr: states differ by"):
        check_closeness(results, 0, 1e-3)


def test_a_line_for_each_direction(tmp_path: Path, published: Any, xlm: Callable[..., tuple[int, str, str]]) -> None:
    folder, path = tmp_path / "model", tmp_path / "b"
    folder.mkdir()
    published.mbart(folder)
    (tmp_path / "ro.txt").write_text("the cat\n\n", encoding="utf-8")
    verify = ["--verify-file", f"ro={tmp_path / 'ro.txt'}"]
    code, out, err = xlm("convert", folder, path, "--quantization", "float32", *verify)
    assert (code, err) == (ExitCode.OK, f"wrote {path}\n")
    assert out.startswith("ro-de: 1 of 1 greedy translations equal, scores differ by at most ")
    change_a_weight(folder, "model.decoder.layers.1.fc2.weight")
    code, out, err = xlm("convert", folder, path, "--verify-file", f"xx={tmp_path / 'ro.txt'}", "--force")
    assert (code, out) == (ExitCode.USAGE, "")
    assert "--verify-file: the model has no language 'xx'" in err


@pytest.mark.parametrize(
    ("family", "options", "message"),
    [
        ("nllb", ["--direction", "en-fr"], "--direction is for XLM"),
        ("nllb", ["--max-difference", "1"], "--max-difference is for encoders"),
        ("nllb", ["--codes", "x"], "--codes is for .pth files"),
        ("xlm_roberta", ["--direction", "en-fr"], "--direction is for models that translate"),
        ("xlm_roberta", ["--beam-size", "2"], "--beam-size is for models that translate"),
        ("xlm_roberta", ["--min-agreement", "1"], "--min-agreement compares labels"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_options_that_say_nothing_here_are_usage_errors(
    tmp_path: Path,
    published: Any,
    xlm: Callable[..., tuple[int, str, str]],
    family: str,
    options: list[str],
    message: str,
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    names = ["XLMRobertaModel"] if family == "xlm_roberta" else []
    getattr(published, family)(folder, *names)
    code, out, err = xlm("convert", folder, tmp_path / "b", *options)
    assert (code, out) == (ExitCode.USAGE, "")
    assert message in err
    assert "hint: " in err
    assert not (tmp_path / "b").exists()
