"""``xlm convert`` of models that are CTranslate2's already, and ``xlm translate`` with what it wrote."""

from __future__ import annotations

import html
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from xlmcli.bundle import open_bundle
from xlmcli.errors import ExitCode
from xlmcli.text.special import FIRST_WORD_ID

pytest.importorskip("torch")
pytest.importorskip("ctranslate2")


@pytest.fixture
def package(xlm: Callable[..., tuple[int, str, str]], tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """An unpacked package of Argos Translate, from English to French."""
    folder = tmp_path / "package"
    assert xlm("convert", tiny_checkpoint, folder / "model", "--direction", "en-fr")[0] == ExitCode.OK
    shutil.move(folder / "model" / "tokenizer.model", folder / "sentencepiece.model")
    (folder / "metadata.json").write_text(json.dumps({"from_code": "en", "to_code": "fr"}))
    return folder


def test_a_package_translates(
    xlm: Callable[..., tuple[int, str, str]], package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b"
    assert xlm("convert", package, path, "--licence", "MIT") == (ExitCode.OK, "", f"wrote {path}\n")
    manifest = open_bundle(path).manifest
    assert (manifest.quantization, manifest.provenance.licence) == ("int8", "MIT")
    text = "Good morning.\n\nHow are you today?\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    code, out, _ = xlm("translate", "-m", path, "--src", "en", "--tgt", "fr")
    lines = out.split("\n")
    assert (code, len(lines), lines[1]) == (ExitCode.OK, 4, "")
    assert lines[0] != lines[2]
    assert "▁" not in out
    code, out, _ = xlm("info", path)
    assert code == ExitCode.OK
    assert "directions  en-fr" in out


@pytest.fixture
def bpe_package(package: Path) -> Path:
    """The same model, with pieces that are cut by codes."""
    (package / "sentencepiece.model").unlink()
    (package / "bpe.model").write_text("#version: 0.2\nw e\nwe l\nwel l</w>\n")
    path = package / "model" / "shared_vocabulary.json"
    pieces = json.loads(path.read_text(encoding="utf-8"))
    # What the model writes stands behind its bytes.
    special, written = pieces[:FIRST_WORD_ID], len(pieces) - FIRST_WORD_ID - 256
    letters = list("abcdefghijklmnopqrstuvwxyz.&;")
    texts = ["well", "wel@@", *letters, *(f"{letter}@@" for letter in letters), "&quot;", "&#91;", "&amp;"]
    others = [f"word{number}{'@@' if number % 2 else '&apos;'}" for number in range(written - len(texts))]
    unwritten = [f"<unused{number}>" for number in range(256)]
    path.write_text(json.dumps([*special, *unwritten, *texts, *others]), encoding="utf-8")
    return package


def test_a_package_with_bpe_codes_translates(
    xlm: Callable[..., tuple[int, str, str]], bpe_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ctranslate2

    path = tmp_path / "b"
    assert xlm("convert", bpe_package, path) == (ExitCode.OK, "", f"wrote {path}\n")
    lines = {
        "all's well, wells & co.": [
            *["a@@", "l@@", "l", "&@@", "a@@", "p@@", "o@@", "s@@", ";@@", "s", "well", "<unk>", "wel@@", "l@@", "s"],
            *["&@@", "a@@", "m@@", "p@@", ";", "c@@", "o", "."],
        ],
        "now then [x]": [
            *["n@@", "o@@", "w", "t@@", "h@@", "e@@", "n", "&@@", "<unk>", "<unk>", "<unk>", ";"],
            *["x", "&@@", "<unk>", "<unk>", "<unk>", ";"],
        ],
    }  # fmt: skip
    text = "\n\n".join(lines) + "\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    code, out, _ = xlm("translate", "-m", path, "--beam-size", "1")
    first, empty, second, after = out.split("\n")
    assert (code, empty, after) == (ExitCode.OK, "", "")
    translator = ctranslate2.Translator(str(path), intra_threads=1)
    for pieces, line in zip(lines.values(), (first, second), strict=True):
        (result,) = translator.translate_batch([pieces], beam_size=1, max_decoding_length=48)
        assert any("@@" in piece for piece in result.hypotheses[0])
        assert any("&apos;" in piece for piece in result.hypotheses[0])
        words = " ".join(result.hypotheses[0]).replace("@@ ", "").removesuffix("@@")
        assert line.replace(" ", "") == html.unescape(words).replace(" ", "")
    code, out, _ = xlm("info", path)
    assert "(moses_bpe)" in out


def test_a_package_with_old_bpe_codes_is_refused(
    xlm: Callable[..., tuple[int, str, str]], bpe_package: Path, tmp_path: Path
) -> None:
    (bpe_package / "bpe.model").write_text("w e\nwe l\n")
    code, out, err = xlm("convert", bpe_package, tmp_path / "b")
    assert (code, out) == (ExitCode.MODEL, "")
    assert f"{bpe_package}: bpe.model: codes of subword-nmt's version '0.1' are not read, only those of 0.2" in err
    assert not (tmp_path / "b").exists()


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
    xlm: Callable[..., tuple[int, str, str]], package: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    code, out, err = xlm("convert", package, tmp_path / "b", *options)
    assert (code, out) == (ExitCode.USAGE, "")
    assert message in err
    assert not (tmp_path / "b").exists()


def test_what_is_said_to_be_such_a_model_must_be_one(
    xlm: Callable[..., tuple[int, str, str]], tiny_checkpoint: Path, tmp_path: Path
) -> None:
    code, out, err = xlm("convert", tiny_checkpoint, tmp_path / "b", "--from", "ctranslate2")
    assert (code, out) == (ExitCode.MODEL, "")
    assert "is no model of CTranslate2 with its tokenizer: it has no model.bin" in err
