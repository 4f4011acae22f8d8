"""What others wrote, in errors, notes and reports: nothing that a terminal acts on, and not without end."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from xlmcli.bundle import open_bundle
from xlmcli.bundle.description import format_bundle_text

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
