"""``xlm convert`` of models that are CTranslate2's already, and ``xlm translate`` with what it wrote."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest

from xlmcli import cli
from xlmcli.bundle import open_bundle
from xlmcli.errors import ExitCode

pytest.importorskip("torch")
pytest.importorskip("ctranslate2")


def run(capsys: pytest.CaptureFixture[str], *args: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.run([*map(str, args)])
    captured = capsys.readouterr()
    assert isinstance(caught.value.code, int)
    return caught.value.code, captured.out, captured.err


@pytest.fixture
def package(capsys: pytest.CaptureFixture[str], tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """An unpacked package of Argos Translate, from English to French."""
    folder = tmp_path / "package"
    assert run(capsys, "convert", tiny_checkpoint, folder / "model", "--direction", "en-fr")[0] == ExitCode.OK
    shutil.move(folder / "model" / "tokenizer.model", folder / "sentencepiece.model")
    (folder / "metadata.json").write_text(json.dumps({"from_code": "en", "to_code": "fr"}))
    return folder


def test_a_package_translates(
    capsys: pytest.CaptureFixture[str], package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b"
    assert run(capsys, "convert", package, path, "--licence", "MIT") == (ExitCode.OK, "", f"wrote {path}\n")
    manifest = open_bundle(path).manifest
    assert (manifest.quantization, manifest.provenance.licence) == ("int8", "MIT")
    text = "Good morning.\n\nHow are you today?\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    code, out, _ = run(capsys, "translate", "-m", path, "--src", "en", "--tgt", "fr")
    lines = out.split("\n")
    assert (code, len(lines), lines[1]) == (ExitCode.OK, 4, "")
    assert lines[0] != lines[2]
    assert "▁" not in out
    code, out, _ = run(capsys, "info", path)
    assert code == ExitCode.OK
    assert "directions  en-fr" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--quantization", "int8"], "--quantization is for weights in full"),
        (["--verify"], "--verify has nothing to compare with"),
        (["--direction", "en-fr"], "--direction is for XLM"),
        (["--codes", "x"], "--codes is for .pth files"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_options_that_say_nothing_here_are_usage_errors(
    capsys: pytest.CaptureFixture[str], package: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    code, out, err = run(capsys, "convert", package, tmp_path / "b", *options)
    assert (code, out) == (ExitCode.USAGE, "")
    assert message in err
    assert not (tmp_path / "b").exists()


def test_what_is_said_to_be_such_a_model_must_be_one(
    capsys: pytest.CaptureFixture[str], tiny_checkpoint: Path, tmp_path: Path
) -> None:
    code, out, err = run(capsys, "convert", tiny_checkpoint, tmp_path / "b", "--from", "ctranslate2")
    assert (code, out) == (ExitCode.MODEL, "")
    assert "is no model of CTranslate2 with its tokenizer: it has no model.bin" in err
