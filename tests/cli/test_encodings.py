"""One rule for byte-order marks, line ends of Windows and other encodings, wherever text is read."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from xlmcli.bundle.reading import hash_file
from xlmcli.errors import ExitCode

RunXlm = Callable[..., tuple[int, str, str]]
Read = Callable[[bytes], tuple[int, str, str]]

TRANSLATE = ("translate", "--src", "en", "--tgt", "fr", "--beam-size", 1, "-m")
LEARN = ("tokenizer", "train", "--force")
LINES = "Good morning.\nThe cat sleeps.\nThank you very much.\n"
LABELS = "positive\nnegative\nneutral\n"
TABLE = "label,text\npositive,Good morning.\nnegative,The cat sleeps.\n"
OBJECTS = '{"text": "Good morning.", "label": "positive"}\n{"text": "The cat sleeps.", "label": "negative"}\n'
SETTINGS = '[tokenizer.train]\nlang = ["en=corpus"]\nvocab-size = 298\n'

PLACES = {
    "translate, stdin": LINES,
    "translate, file": LINES,
    "translate, CSV": TABLE,
    "translate, JSON lines": OBJECTS,
    "classify, stdin": LINES,
    "encode, nearest": LINES,
    "eval translate, stdin": LINES,
    "eval translate, reference": LINES,
    "eval classify, stdin": LABELS,
    "eval classify, gold": LABELS,
    "eval classify, gold in a table": TABLE,
    "eval classify, gold in JSON lines": OBJECTS,
    "tokenizer encode": LINES,
    "tokenizer decode": "▁ t h e\n▁ t h e\n",
    "tokenizer train": LINES,
    "config": SETTINGS,
}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def read(
    place: str,
    xlm: RunXlm,
    tiny_bundle: Path,
    tiny_classifier: Path,
    tiny_encoder: Path,
    tiny_tokenizer: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Read:
    """Has a command read this content in the place of the test."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lines").write_text(LINES, encoding="utf-8")
    (tmp_path / "labels").write_text(LABELS, encoding="utf-8")
    (tmp_path / "two").write_text("positive\nnegative\n", encoding="utf-8")
    letters = "a b c d e f g h i j k l m n o p q r s t u v w x y z"
    (tmp_path / "corpus").write_text(f"{letters}\n" * 20, encoding="utf-8")
    commands: dict[str, tuple[object, ...]] = {
        "translate, stdin": (*TRANSLATE, tiny_bundle),
        "translate, file": (*TRANSLATE, tiny_bundle, "input"),
        "translate, CSV": (*TRANSLATE, tiny_bundle, "--format", "csv", "--column", "text", "input"),
        "translate, JSON lines": (*TRANSLATE, tiny_bundle, "--format", "jsonl", "input"),
        "classify, stdin": ("classify", "-m", tiny_classifier),
        "encode, nearest": ("encode", "-m", tiny_encoder, "--nearest", "input", "lines"),
        "eval translate, stdin": ("eval", "translate", "--ref", "lines"),
        "eval translate, reference": ("eval", "translate", "--ref", "input", "lines"),
        "eval classify, stdin": ("eval", "classify", "--gold", "labels"),
        "eval classify, gold": ("eval", "classify", "--gold", "input", "labels"),
        "eval classify, gold in a table": ("eval", "classify", "--gold", "input.csv", "two"),
        "eval classify, gold in JSON lines": ("eval", "classify", "--gold", "input.jsonl", "two"),
        "tokenizer encode": ("tokenizer", "encode", "-m", tiny_tokenizer),
        "tokenizer decode": ("tokenizer", "decode", "-m", tiny_tokenizer),
        "tokenizer train": (*LEARN, "--lang", "en=corpus", "--lang", "fr=input", "--vocab-size", 300, "out"),
        "config": (*LEARN, "--config", "input", "out"),
    }  # fmt: skip

    def run(content: bytes) -> tuple[int, str, str]:
        for name in ("input", "input.csv", "input.jsonl"):
            (tmp_path / name).write_bytes(content)
        with (tmp_path / "input").open(encoding="utf-8") as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            return xlm(*commands[place])

    return run


def test_marks_and_line_ends_of_windows_are_no_text(read: Read, place: str) -> None:
    plain = read(PLACES[place].encode())
    assert plain[0] == 0, plain[2]
    windows = "\ufeff" + PLACES[place].replace("\n", "\r\n")
    code, out, err = read(windows.encode())
    # A table that Excel is to read as UTF-8 keeps its mark.
    mark = "\ufeff" if place == "translate, CSV" else ""
    assert (code, out.replace("\r\n", "\n"), err) == (plain[0], mark + plain[1], plain[2])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_known_by_mark_or_nuls(read: Read, place: str, encoding: str) -> None:
    code, out, err = read(PLACES[place].encode(encoding))
    assert code == ExitCode.DATA
    assert out == ""
    assert f"iconv -f {encoding.replace('-le', 'le').replace('-be', 'be')} -t utf-8" in err


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("options", [(), ("--format", "csv", "--column", "text"), ("--format", "jsonl")], ids=" ".join)
def test_other_encodings_are_no_invalid_bytes(
    xlm: RunXlm, tiny_bundle: Path, tmp_path: Path, encoding: str, options: tuple[str, ...]
) -> None:
    (tmp_path / "input").write_bytes((OBJECTS if "jsonl" in options else TABLE).encode(encoding))
    code, out, err = xlm(*TRANSLATE, tiny_bundle, "--errors", "replace", *options, tmp_path / "input")
    assert (code, out) == (ExitCode.DATA, "")
    assert f"iconv -f {encoding.replace('-be', 'be')} -t utf-8" in err


def test_bytes_that_are_no_text_are_replaced_wherever_they_stand(
    xlm: RunXlm, tiny_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "input").write_bytes(b"id\xff,text\n1\xff,\n2,Good\xff morning.\n")
    given = ("--errors", "replace", "--format", "csv", "--column", "text")
    code, out, err = xlm(*TRANSLATE, tiny_bundle, *given, tmp_path / "input")
    assert code == 0
    assert out.startswith("id\ufffd,text\n1\ufffd,\n2,")
    assert "3 lines" in err


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("name", ["config.json", "xlm.json"])
def test_settings_are_utf8(xlm: RunXlm, tiny_bundle: Path, tmp_path: Path, name: str, encoding: str) -> None:
    folder = shutil.copytree(tiny_bundle, tmp_path / "b")
    (folder / name).write_bytes((folder / name).read_text(encoding="utf-8").encode(encoding))
    if name == "config.json":
        document = json.loads((folder / "xlm.json").read_text(encoding="utf-8"))
        document["files"][name] = hash_file(folder / name)
        (folder / "xlm.json").write_text(json.dumps(document), encoding="utf-8")
    code, out, err = xlm(*TRANSLATE, folder, "--text", "Good morning.")
    assert (code, out) == (ExitCode.MODEL, "")
    assert f"{name}: {encoding.upper().replace('-LE', 'LE')}, and only UTF-8 is read\n" in err
    assert f"iconv -f {encoding.replace('-le', 'le')} -t utf-8" in err
