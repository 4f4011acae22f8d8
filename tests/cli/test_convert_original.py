"""``xlm convert`` of a .pth file, and ``xlm translate`` and ``xlm encode`` with what it writes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmcli.errors import ExitCode

torch = pytest.importorskip("torch")


@pytest.fixture
def save(original_content: Callable[..., dict[str, Any]], original_codes: str, tmp_path: Path) -> Callable[..., Path]:
    def write(**changes: Any) -> Path:
        torch.save(original_content(**changes), tmp_path / "model.pth")
        (tmp_path / "codes").write_text(original_codes, encoding="utf-8")
        return tmp_path / "model.pth"

    return write


def test_a_translator_is_converted_verified_and_runs(
    xlm: Callable[..., tuple[int, str, str]], save: Callable[..., Path], tmp_path: Path
) -> None:
    bundle, text = tmp_path / "bundle", tmp_path / "text"
    code, out, err = xlm("convert", save(), bundle, "--quantization", "float32", "--verify")
    assert (code, err) == (ExitCode.OK, f"wrote {bundle}\n")
    assert [line.split(": ")[0] for line in out.splitlines()] == ["en-fr", "fr-en"]
    text.write_text("The thing on the table.\n\nThe other thing.\n", encoding="utf-8")
    code, out, err = xlm("translate", "-m", bundle, "--src", "en", "--tgt", "fr", text)
    assert code == ExitCode.OK, err
    assert len(out.split("\n")) == 4
    assert [bool(line) for line in out.split("\n")] == [True, False, True, False]


def test_a_pretrained_model_is_converted_and_encodes(
    xlm: Callable[..., tuple[int, str, str]], save: Callable[..., Path], tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    code, out, err = xlm("convert", save(has_decoder=False), bundle, "--quantization", "float32", "--verify")
    assert (code, err) == (ExitCode.OK, f"wrote {bundle}\n")
    assert out.startswith("en: states of ")
    text = tmp_path / "text"
    text.write_text("the thing\n", encoding="utf-8")
    code, out, err = xlm("encode", "-m", bundle, text)
    assert code == ExitCode.OK, err
    assert len(out.split()) == 32


def test_codes_and_vocabulary_are_taken_from_where_they_are_said_to_be(
    xlm: Callable[..., tuple[int, str, str]], save: Callable[..., Path], tmp_path: Path
) -> None:
    path = save()
    (tmp_path / "codes").rename(tmp_path / "bpe")
    code, _, err = xlm("convert", path, tmp_path / "bundle")
    assert (code, "no BPE codes" in err, "--codes" in err) == (ExitCode.MODEL, True, True)
    assert xlm("convert", path, tmp_path / "bundle", "--codes", tmp_path / "bpe")[0] == ExitCode.OK
    (tmp_path / "vocab").write_text("strange 3\n", encoding="utf-8")
    options = ["--codes", tmp_path / "bpe", "--vocab", tmp_path / "vocab", "--force"]
    code, _, err = xlm("convert", path, tmp_path / "bundle", *options)
    assert (code, "vocab:1: found 'strange'" in err) == (ExitCode.MODEL, True)


@pytest.mark.parametrize("command", ["convert", "pretrain", "translate", "classify"])
def test_no_command_runs_what_a_hostile_file_says(
    command: str, xlm: Callable[..., tuple[int, str, str]], tmp_path: Path, pairs: Path
) -> None:
    marker, path = tmp_path / "marker", tmp_path / "model.pth"

    class Attack:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.system, (f"echo run > {marker}",)

    torch.save({"model": {}, "params": Attack()}, path)
    run = ["--max-steps", "1", tmp_path / "run"]
    lines = {
        "convert": ["convert", path, tmp_path / "run"],
        "pretrain": ["pretrain", "--init", path, "--parallel", f"en-fr={pairs}", "--valid", f"en-fr={pairs}", *run],
        "translate": ["train", "translate", "--init", path, "--parallel", f"en-fr={pairs}", "--valid",
                      f"en-fr={pairs}", *run],
        "classify": ["train", "classify", "--init", path, "--train", f"en={pairs}", "--valid", f"en={pairs}", *run],
    }  # fmt: skip
    code, out, err = xlm(*lines[command])
    assert (code, out) == (ExitCode.MODEL, "")
    assert err.startswith(f"error: {path}: refused, its pickle tries to load {os.system.__module__}.system\n\nhint: ")
    assert not marker.exists()
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_file_that_is_not_there_is_named(xlm: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    code, _, err = xlm("convert", tmp_path / "model.pth", tmp_path / "bundle")
    assert (code, err) == (
        ExitCode.MODEL,
        f"error: no such file: {tmp_path / 'model.pth'}\n",
    )
