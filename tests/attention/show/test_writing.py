from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from xlmcli.attention.maps import AttentionMap
from xlmcli.attention.show.writing import find_kind, write_attention
from xlmcli.errors import DataError, UsageError

MakeMap = Callable[..., AttentionMap]


@pytest.mark.parametrize(
    ("name", "format_name", "kind"),
    [
        (None, None, "text"),
        (None, "json", "json"),
        ("-", "tsv", "tsv"),
        ("out", None, "text"),
        ("out", "json", "json"),
        ("out.txt", "tsv", "tsv"),
        ("out.JSON", None, "json"),
        ("out.tsv", "tsv", "tsv"),
        ("out.html", None, "html"),
        ("out.htm", None, "html"),
        ("out.png", None, "picture"),
        ("out.svg", None, "picture"),
        ("out.pdf", None, "picture"),
        ("out.log", "text", "text"),
    ],
)
def test_the_format_or_the_ending_says_what_is_written(name: str | None, format_name: None, kind: str) -> None:
    assert find_kind(name and Path(name), format_name, is_entropy=False) == kind


@pytest.mark.parametrize(
    ("name", "format_name", "message"),
    [
        ("out.jpg", None, "cannot tell the format"),
        ("out.html", "json", "no file of --format json"),
        ("out.json", "tsv", "no file of --format tsv"),
        ("out.png", "text", "no file of --format text"),
    ],
)
def test_what_contradicts_itself_is_refused(name: str, format_name: None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_kind(Path(name), format_name, is_entropy=False)


def test_entropies_are_no_page_and_no_picture() -> None:
    assert find_kind(Path("out.tsv"), None, is_entropy=True) == "tsv"
    for name in ("out.html", "out.png"):
        with pytest.raises(UsageError, match="--entropy is a table"):
            find_kind(Path(name), None, is_entropy=True)


@pytest.mark.parametrize(
    ("name", "is_entropy"),
    [
        *((f"out.{ending}", False) for ending in ("txt", "json", "tsv", "html", "svg")),
        *((f"out.{ending}", True) for ending in ("txt", "json", "tsv")),
    ],
)
def test_files_appear_once_complete(make_map: MakeMap, tmp_path: Path, name: str, is_entropy: bool) -> None:
    path = tmp_path / name
    if name == "out.svg":
        pytest.importorskip("matplotlib")
    write_attention(make_map(), path, find_kind(path, None, is_entropy=is_entropy), is_entropy=is_entropy)
    assert list(tmp_path.iterdir()) == [path]
    text = path.read_text(encoding="utf-8")
    start = {"out.json": "{", "out.tsv": "layer\thead\t", "out.html": "<!DOCTYPE html>", "out.svg": "<?xml"}
    assert text.startswith(start.get(name, "entropy in bits" if is_entropy else "layer 1, head 1"))
    assert ("entropy" in text) == is_entropy


def test_a_file_that_cannot_be_written_is_an_error(make_map: MakeMap, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot write"):
        write_attention(make_map(), tmp_path / "none" / "out.html", "html", is_entropy=False)


def test_stdout_gets_what_no_file_gets(make_map: MakeMap, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    for path in (None, Path("-")):
        write_attention(make_map(), path, "json", is_entropy=False)
        shown = capsysbinary.readouterr().out.decode("utf-8")
        assert json.loads(shown)["keys"][1] == "▁My"
    write_attention(make_map(), None, "text", is_entropy=False)
    shown = capsysbinary.readouterr().out.decode("utf-8")
    assert re.match(r"layer 1, head 1.*\nfrom ░░", shown)
