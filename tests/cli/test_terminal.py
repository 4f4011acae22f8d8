"""What others wrote, in errors, notes and reports: nothing that a terminal acts on, and not without end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from xlmcli.bundle import open_bundle
from xlmcli.bundle.description import format_bundle_text
from xlmcli.errors import ModelError
from xlmcli.text.pieces import open_sentencepiece

RunXlm = Callable[..., tuple[int, str, str]]

HOSTILE = "x\x1b]0;owned\x07\r\nerror: forged\u202e\x9b2J"
LONG = "label " * 100_000


def check_harmless(text: str) -> None:
    odd = {character for character in text if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")}
    assert odd <= {"\n", "\t"}
    assert "\u202e" not in text


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some files with hostile content, in the working folder."""
    contents = {
        "lines": "Hello.\n",
        "labels": "positive\n",
        "odd.jsonl": json.dumps({HOSTILE: "x"}) + "\n",
        "odd.csv": f'"{HOSTILE}",label\na,b\n',
        "odd.txt": f"{HOSTILE.replace(chr(10), '')}\n",
        "long.txt": f"{LONG}\n",
        "odd.toml": f"[translate]\n{json.dumps(HOSTILE)} = 1\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content.encode())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", [HOSTILE, os.fsdecode(b"\xff\n")], ids=["control characters", "no UTF-8"])
@pytest.mark.parametrize(
    "command",
    [
        ("translate", "--src", "en", "--tgt", "fr", ...),
        ("translate", "--src", "en", "--tgt", "fr", "lines", "-o", f"missing{os.sep}", ...),
        ("translate", "--src", ..., "lines"),
        ("translate", "-m", ..., "lines"),
        ("classify", "--only", ..., "lines"),
        ("eval", "translate", "--ref", "lines", "lines", "--baseline", ...),
        ("eval", "classify", "--gold", ..., "labels"),
        ("eval", "translate", "--ref", "lines", "lines", "--fail-under", ...),
        ("tokenizer", "encode", "-m", ...),
        ("tokenizer", "train", "--lang", ..., "out"),
        ("info", ...),
        ("models", "show", ...),
        (...,),
    ],
    ids=lambda command: " ".join("X" if word is ... else word for word in command),
)
def test_names_forge_no_error_and_move_no_cursor(xlm: RunXlm, command: tuple[object, ...], name: str) -> None:
    code, out, err = xlm(*(name if word is ... else word for word in command))
    assert code not in (0, 70)
    assert out == ""
    check_harmless(err)
    assert [line.split(" ")[0] for line in err.splitlines() if line] in (["error:"], ["error:", "hint:"])


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "command",
    [
        ("translate", "--src", "en", "--tgt", "fr", "--format", "jsonl", "odd.jsonl"),
        ("translate", "--src", "en", "--tgt", "fr", "--format", "csv", "--column", "z", "odd.csv"),
        ("eval", "classify", "--gold", "odd.txt", "labels"),
        ("eval", "classify", "--gold", "labels", "odd.txt"),
        ("eval", "classify", "--gold", "odd.csv", "--gold-column", "z", "labels"),
        ("eval", "classify", "--gold", "labels", "long.txt"),
        ("tokenizer", "train", "--config", "odd.toml", "out"),
        ("translate", "--config", "odd.toml", "lines"),
    ],
    ids=" ".join,
)
def test_content_forges_no_error_and_is_cut(xlm: RunXlm, command: tuple[str, ...]) -> None:
    code, _, err = xlm(*command)
    assert code not in (0, 70)
    check_harmless(err)
    assert len(err) < 6000
    assert [line.split(" ")[0] for line in err.splitlines() if line] in (["error:"], ["error:", "hint:"])
    assert ("characters more" in err) == ("long.txt" in command)


def test_reports_of_bundles_are_harmless(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    provenance = replace(bundle.manifest.provenance, licence=HOSTILE, trained_on=(HOSTILE,), source=HOSTILE)
    manifest = replace(bundle.manifest, provenance=provenance, languages=(HOSTILE,), tokenizer=HOSTILE)
    text = format_bundle_text(replace(bundle, manifest=manifest))
    check_harmless(text)
    assert not any(line.startswith("error:") for line in text.splitlines())


def test_gold_whose_columns_are_swapped_is_not_listed(xlm: RunXlm, folder: Path) -> None:
    (folder / "gold.tsv").write_text("".join(f"Sentence {number} of a long list.\tgood\n" for number in range(500)))
    (folder / "predicted").write_text("good\n" * 500)
    _, _, err = xlm("eval", "classify", "--gold", "gold.tsv", "predicted")
    assert "hint: gold.tsv has 500 different labels: are the columns swapped?" in err
    assert len(err) < 300


@pytest.mark.parametrize("output_format", ["text", "json"])
def test_a_model_by_a_stranger_tells_the_terminal_nothing(
    xlm: RunXlm, tiny_bundle: Path, tmp_path: Path, output_format: str
) -> None:
    folder = shutil.copytree(tiny_bundle, tmp_path / "b")
    manifest = json.loads((folder / "xlm.json").read_text(encoding="utf-8"))
    manifest["provenance"] |= {"licence": HOSTILE, "trained_on": [HOSTILE], "source": HOSTILE}
    (folder / "xlm.json").write_text(json.dumps(manifest), encoding="utf-8")
    code, out, err = xlm("info", folder, "--format", output_format)
    assert (code, err) == (0, "")
    check_harmless(out)
    if output_format == "json":
        assert json.loads(out)["provenance"]["licence"] == HOSTILE


def test_a_traceback_is_harmless(xlm: RunXlm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLM_DEBUG", "1")
    code, _, err = xlm("info", HOSTILE)
    assert (code, "Traceback" in err) == (4, True)
    check_harmless(err)


@pytest.mark.parametrize(("key", "value"), [("num_labels", 5), ("use_return_dict", HOSTILE)])
def test_only_our_messages_appear(published_classifier: Path, tmp_path: Path, key: str, value: object) -> None:
    """transformers warns of the first, and writes all settings to stderr at the second."""
    folder = shutil.copytree(published_classifier, tmp_path / "c")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, key: value}), encoding="utf-8")
    command = [sys.executable, "-m", "xlmcli", "convert", str(folder), str(tmp_path / "b")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert [line.split(" ")[0] for line in done.stderr.splitlines()] == ["error:"]


@pytest.mark.parametrize("model", [b"", b"\n\0"])
def test_sentencepiece_says_nothing_itself(tmp_path: Path, capfd: pytest.CaptureFixture[str], model: bytes) -> None:
    with pytest.raises(ModelError, match="not a SentencePiece model"):
        open_sentencepiece(model, tmp_path)
    assert capfd.readouterr() == ("", "")
