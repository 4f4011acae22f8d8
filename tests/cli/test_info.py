from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmcli.bundle import MeasuredScore, open_bundle
from xlmcli.bundle.reading import hash_file
from xlmcli.errors import ExitCode
from xlmcli.facts import format_bytes
from xlmcli.records import Direction

Xlm = Callable[..., Any]


@pytest.fixture
def told_bundle(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A bundle whose manifest tells everything."""
    from xlmcli.convert.bundling import BundleOptions, write_bundle
    from xlmcli.convert.xlm.translator import open_checkpoint

    scores = (
        MeasuredScore(Direction("en", "fr"), "news", "BLEU", 31.25, "nrefs:1"),
        MeasuredScore(Direction("fr", "en"), "x", "chrF", 50),
    )
    options = BundleOptions(licence="CC-BY 4.0", trained_on=("first text", "second text"), scores=scores)
    write_bundle(open_checkpoint(tiny_checkpoint), tmp_path / "b", options)
    return tmp_path / "b"


def test_a_bundle_as_text(xlm: Xlm, told_bundle: Path) -> None:
    code, out, err = xlm("info", told_bundle)
    assert (code, err) == (ExitCode.OK, "")
    manifest = open_bundle(told_bundle).manifest
    num_bytes = sum((told_bundle / name).stat().st_size for name in manifest.files)
    assert manifest.translation is not None
    head = manifest.translation.alignment_head
    assert head is not None
    assert (
        out
        == f"""\
{told_bundle}: bundle, translate
  directions  en-fr, fr-en
  languages   en, fr
  size        {format_bytes(num_bytes)} (int8)
  model       32 wide, 2 encoder and 2 decoder layers, 4 heads
  vocabulary  420 pieces (sentencepiece)
  parameters  {manifest.architecture.num_parameters:,}
  splits at   46 tokens
  positions   48 source, 48 target
  decoding    beam 4, length penalty 1
  alignment   layer {head.layer}, head {head.head} of the decoder
  licence     CC-BY 4.0
  trained on  first text
              second text
  scores                    BLEU  chrF
              news  en-fr  31.25
              x     fr-en           50
  made from   {manifest.provenance.source}, by {manifest.provenance.converter}
  files       5, as xlm.json lists them (sha256)
  xlm.json    sha256 {hash_file(told_bundle / "xlm.json")}, to compare with what its maker says
"""
    )


def test_a_classifier_as_text(xlm: Xlm, published_classifier: Path, tmp_path: Path) -> None:
    from xlmcli.convert.bundling import BundleOptions, write_bundle
    from xlmcli.convert.xlm.encoder import open_encoder

    scores = (MeasuredScore(None, "reviews", "macro-F1", 0.75, lang="fr"), MeasuredScore(None, "all", "accuracy", 0.8))
    write_bundle(open_encoder(published_classifier), tmp_path / "b", BundleOptions(scores=scores))
    code, out, _ = xlm("info", tmp_path / "b")
    manifest = open_bundle(tmp_path / "b").manifest
    num_bytes = sum((tmp_path / "b" / name).stat().st_size for name in manifest.files)
    assert code == ExitCode.OK
    assert (
        out
        == f"""\
{tmp_path / "b"}: bundle, classify
  labels        bad, fair, good (one a text)
  pooling       first
  temperature   1
  languages     en, fr
  size          {format_bytes(num_bytes)} (int8)
  model         32 wide, 2 layers, 4 heads
  vocabulary    420 pieces (sentencepiece)
  parameters    {manifest.architecture.num_parameters:,}
  longest text  46 tokens
  positions     48
  licence       not said
  trained on    not said
  scores                     macro-F1  accuracy
                reviews  fr      0.75
                all                         0.8
  made from     {manifest.provenance.source}, by {manifest.provenance.converter}
  files         5, as xlm.json lists them (sha256)
  xlm.json      sha256 {hash_file(tmp_path / "b/xlm.json")}, to compare with what its maker says
"""
    )
    _, out, _ = xlm("info", tmp_path / "b", "--format", "json")
    assert json.loads(out)["classifier"]["labels"] == ["bad", "fair", "good"]


def test_a_published_classifier_as_text(xlm: Xlm, published_classifier: Path, tmp_path: Path) -> None:
    _, out, _ = xlm("info", published_classifier)
    assert out.startswith(f"{published_classifier}: checkpoint, classify\n  labels      bad, fair, good\n")
    old = Path(shutil.copytree(published_classifier, tmp_path / "old"))
    (old / "model.safetensors").rename(old / "pytorch_model.bin")
    code, out, _ = xlm("info", old)
    assert code == ExitCode.OK
    assert "kB (pytorch_model.bin)\n" in out
    assert "parameters" not in out


def test_what_nobody_said_is_said_to_be_so(xlm: Xlm, tiny_bundle: Path) -> None:
    _, out, _ = xlm("info", tiny_bundle)
    assert "  licence     not said\n  trained on  not said\n  scores      none\n" in out


def test_a_bundle_as_json(xlm: Xlm, told_bundle: Path) -> None:
    code, out, _ = xlm("info", told_bundle, "--format", "json")
    document = json.loads(out)
    assert code == ExitCode.OK
    assert document["manifest_sha256"] == hash_file(told_bundle / "xlm.json")
    assert (document["kind"], document["hashes_ok"], document["path"]) == ("bundle", True, str(told_bundle))
    assert document["translation"]["directions"] == ["en-fr", "fr-en"]
    assert document["provenance"]["licence"] == "CC-BY 4.0"
    assert document["num_bytes"] == sum((told_bundle / name).stat().st_size for name in document["files"])


def test_a_checkpoint_as_text(xlm: Xlm, tiny_checkpoint: Path) -> None:
    code, out, _ = xlm("info", tiny_checkpoint)
    size = (tiny_checkpoint / "model.safetensors").stat().st_size
    parameters = count_parameters(tiny_checkpoint)
    assert code == ExitCode.OK
    assert (
        out
        == f"""\
{tiny_checkpoint}: checkpoint, translate
  directions  en-fr, fr-en
  languages   en, fr
  size        {format_bytes(size)} (f32)
  model       32 wide, 2 encoder and 2 decoder layers, 4 heads
  vocabulary  420 pieces
  parameters  {parameters:,}
  positions   48
"""
    )


def test_a_checkpoint_as_json(xlm: Xlm, tiny_checkpoint: Path) -> None:
    code, out, _ = xlm("info", tiny_checkpoint, "--format", "json")
    document = json.loads(out)
    assert code == ExitCode.OK
    assert (document["kind"], document["task"], document["dim"]) == ("checkpoint", "translate", 32)
    assert document["languages"] == {"en": 0, "fr": 1}
    assert document["num_parameters"] == count_parameters(tiny_checkpoint)


def test_a_pretrained_checkpoint(xlm: Xlm, tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "pretrained"))
    config = json.loads((folder / "config.json").read_text())
    del config["decoder_layers"], config["xlm_directions"]
    (folder / "config.json").write_text(json.dumps(config))
    code, out, _ = xlm("info", folder)
    assert code == ExitCode.OK
    assert out.startswith(f"{folder}: checkpoint, pretrained\n  languages   en, fr\n")
    assert "\n  model       32 wide, 2 layers, 4 heads\n" in out


def test_an_altered_bundle_is_an_error(xlm: Xlm, tiny_bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))
    (copy / "config.json").write_text("{}")
    code, out, err = xlm("info", copy)
    assert (code, out) == (ExitCode.MODEL, "")
    assert "config.json was altered" in err


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors"])
def test_a_damaged_checkpoint_is_an_error(xlm: Xlm, tiny_checkpoint: Path, tmp_path: Path, damage: str) -> None:
    copy = Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))
    (copy / damage).write_bytes((copy / damage).read_bytes()[:50])
    code, _, err = xlm("info", copy)
    assert code == ExitCode.MODEL
    assert f"{copy / damage}: not" in err


def test_an_unknown_name_lists_what_there_is(xlm: Xlm) -> None:
    code, _, err = xlm("info", "no-such-model")
    assert code == ExitCode.MODEL
    assert "no model named 'no-such-model'" in err
    assert "hint: " in err


@pytest.mark.parametrize("kind", ["tiny_bundle", "tiny_checkpoint"])
def test_info_needs_no_torch_and_no_engine(request: pytest.FixtureRequest, kind: str) -> None:
    program = (
        "import sys; from xlmcli.cli import main\n"
        "main.main(['info', sys.argv[1]], standalone_mode=False)\n"
        "print(sorted({'torch', 'transformers', 'ctranslate2', 'xlmcli.convert'} & set(sys.modules)))"
    )
    path = request.getfixturevalue(kind)
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def count_parameters(folder: Path) -> int:
    """Parameters of a checkpoint, counted in the torch model."""
    from xlmcli.checkpoint.weights import load_seq2seq

    return sum(parameter.numel() for parameter in load_seq2seq(folder)[0].parameters())
