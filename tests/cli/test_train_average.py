"""`xlm train average`: one classifier out of two, and what its errors look like."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from xlmcli.errors import ExitCode

Xlm = Callable[..., tuple[int, str]]
SIZES = ("--dim", 16, "--layers", 1, "--heads", 2, "--max-positions", 48)
RUN = ("--batch-size", 8, "--warmup", 2, "--max-steps", 2, "--device", "cpu", "--quiet")


@pytest.fixture
def classifiers(sentences: dict[str, list[str]], tiny_tokenizer: Path, silent_xlm: Xlm, tmp_path: Path) -> list[Path]:
    """Two classifiers of questions, of two seeds."""
    text = tmp_path / "en.tsv"
    text.write_text("".join(f"{line.endswith('?')}\t{line}\n" for line in sentences["en"]), encoding="utf-8")
    options = ("--tokenizer", tiny_tokenizer, "--train", f"en={text}", "--valid", f"en={text}", *SIZES, *RUN)
    folders = [tmp_path / "first", tmp_path / "second"]
    for seed, folder in enumerate(folders):
        assert silent_xlm("train", "classify", *options, "--seed", seed, folder) == (0, "")
    return folders


def test_the_mean_is_a_checkpoint(classifiers: list[Path], silent_xlm: Xlm, tmp_path: Path) -> None:
    assert silent_xlm("train", "average", *classifiers, tmp_path / "mean") == (0, "")
    names = {path.name for path in (tmp_path / "mean").iterdir()}
    assert names == {"config.json", "model.safetensors", "tokenizer.model"}
    assert json.loads((tmp_path / "mean" / "config.json").read_text())["id2label"] == {"0": "False", "1": "True"}
    assert silent_xlm("convert", tmp_path / "mean", tmp_path / "bundle")[0] == 0


def test_a_classifier_is_calibrated_on_held_out_text(classifiers: list[Path], silent_xlm: Xlm, tmp_path: Path) -> None:
    valid = ("--valid", f"en={tmp_path / 'en.tsv'}")
    temperatures = []
    for name, options in {"mean": (), "fitted": valid}.items():
        assert silent_xlm("train", "average", *options, *classifiers, tmp_path / name) == (0, "")
        temperatures.append(json.loads((tmp_path / name / "config.json").read_text())["xlm_temperature"])
    assert temperatures[0] != temperatures[1]
    # The fitted one is what training on from the mean, so slowly that it stays where it is, finds.
    train = ("--train", f"en={tmp_path / 'en.tsv'}", *valid, "--encoder-lr", 1e-20, "--head-lr", 1e-20)
    assert silent_xlm("train", "classify", "--init", tmp_path / "mean", *train, *RUN, tmp_path / "same") == (0, "")
    config = json.loads((tmp_path / "same" / "config.json").read_text())
    assert temperatures[1] == pytest.approx(config["xlm_temperature"], rel=0.02)
    exit_code, stderr = silent_xlm(
        "train", "average", "--valid", f"de={tmp_path / 'en.tsv'}", *classifiers, tmp_path / "no"
    )
    assert exit_code == ExitCode.USAGE
    assert stderr.startswith("error: --valid: the models do not know de")
    assert not (tmp_path / "no").exists()


def test_errors_name_the_way_out(classifiers: list[Path], silent_xlm: Xlm, tmp_path: Path) -> None:
    exit_code, stderr = silent_xlm("train", "average", classifiers[0], tmp_path / "mean")
    assert exit_code == ExitCode.USAGE
    assert stderr.startswith("error: one checkpoint has no mean")
    exit_code, stderr = silent_xlm("train", "average", *classifiers)
    assert exit_code == ExitCode.USAGE
    exit_code, stderr = silent_xlm("train", "average", tmp_path, classifiers[0], tmp_path / "mean")
    assert exit_code == ExitCode.MODEL
    assert stderr.startswith(f"error: {tmp_path}: not a checkpoint")
    text = tmp_path / "en.tsv"
    exit_code, stderr = silent_xlm("train", "average", text, classifiers[0], tmp_path / "mean")
    assert exit_code == ExitCode.MODEL
    assert stderr.startswith(f"error: {text}: not a checkpoint")
    exit_code, stderr = silent_xlm("train", "average", *classifiers, classifiers[0])
    assert exit_code == ExitCode.USAGE
    assert "has a model already" in stderr
