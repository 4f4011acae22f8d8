"""Parquet in and out."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.errors import ExitCode

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

Xlm = Callable[..., Any]
TEXTS = ["Good morning.", None, "The cat sleeps.", "", "I forgot my keys\non the bus."]
TRANSLATE = ["--device", "cpu", "--threads", 1, "--src", "en", "--tgt", "fr"]


@pytest.fixture
def table() -> Any:
    columns = {
        "id": pa.array(range(5), pa.int16()),
        "text": pa.array(TEXTS, pa.large_string()),
        "tags": pa.array([["a"], [], None, ["b", "c"], []]),
        "when": pa.array([datetime(2020, 1, day) for day in range(1, 6)], pa.timestamp("ms")),
        "kind": pa.array(["x", "y", "x", "y", "x"]).dictionary_encode(),
    }
    return pa.table(columns).replace_schema_metadata({"made by": "us"})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: Any) -> Path:
    monkeypatch.chdir(tmp_path)
    parquet.write_table(table, tmp_path / "in.parquet", row_group_size=2)
    return tmp_path


def test_the_other_columns_keep_their_types_and_values(xlm: Xlm, tiny_bundle: Path, folder: Path, table: Any) -> None:
    arguments = ["translate", "-m", tiny_bundle, *TRANSLATE]
    done = xlm(*arguments, "in.parquet", "in.parquet", "--column", "text", "--with-scores", "-o", "out.parquet")
    assert (done.code, done.out) == (0, "")
    result = parquet.read_table(folder / "out.parquet")
    schema = parquet.read_schema(folder / "in.parquet")
    assert result.schema.names == [*schema.names, "score", "warnings"]
    assert pa.schema(list(result.schema)[: len(schema)], result.schema.metadata).equals(schema, check_metadata=True)
    assert result.schema.field("score").type == pa.float64()
    for name in ("id", "tags", "when", "kind"):
        assert result[name].to_pylist() == table[name].to_pylist() * 2
    (folder / "in.jsonl").write_text("".join(f"{json.dumps({'text': text or ''})}\n" for text in TEXTS))
    lines = xlm(*arguments, "in.jsonl", "--format", "jsonl", "--with-scores").out.splitlines()
    objects = [json.loads(line) for line in lines] * 2
    assert result["text"].to_pylist()[:5] == [
        None if text is None else item["text"] for text, item in zip(TEXTS, objects, strict=False)
    ]
    assert result["score"].to_pylist() == [item["score"] for item in objects]


def test_labels(xlm: Xlm, tiny_classifier: Path, folder: Path, table: Any) -> None:
    arguments = ["classify", "-m", tiny_classifier, "--lang", "en", "in.parquet", "--column", "text"]
    assert xlm(*arguments, "--all", "-o", "out.parquet").code == 0
    result = parquet.read_table(folder / "out.parquet")
    assert result.select(table.schema.names).equals(table)
    for row in result.to_pylist():
        labels = json.loads(row["labels"])
        assert len(labels) == (3 if row["text"] else 0)
        assert row["label"] == (labels[0]["label"] if labels else None)
        assert row["probability"] == (labels[0]["probability"] if labels else None)


@pytest.mark.parametrize("option", ["--only", "--not"])
def test_rows_with_a_label_come_as_they_were(
    xlm: Xlm, tiny_classifier: Path, folder: Path, table: Any, option: str
) -> None:
    arguments = ["classify", "-m", tiny_classifier, "--lang", "en", "in.parquet", "--column", "text"]
    xlm(*arguments, "-o", "labels.parquet")
    labels = parquet.read_table(folder / "labels.parquet")["label"].to_pylist()
    assert xlm(*arguments, option, labels[0], "-o", "out.parquet").code == 0
    expected = [(label == labels[0]) == (option == "--only") for label in labels]
    assert parquet.read_table(folder / "out.parquet").equals(table.filter(pa.array(expected)))


def test_columns_that_objects_have_fields_for(xlm: Xlm, tiny_bundle: Path, folder: Path) -> None:
    texts = ["Good morning.", "the cat sleeps " * 60]
    parquet.write_table(pa.table({"text": texts}), folder / "long.parquet")
    (folder / "long.jsonl").write_text("".join(f"{json.dumps({'text': text})}\n" for text in texts))
    arguments = ["translate", "-m", tiny_bundle, "--device", "cpu", "--threads", 1, "--src", "auto", "--tgt", "fr"]
    objects = [json.loads(line) for line in xlm(*arguments, "long.jsonl").out.splitlines()]
    assert xlm(*arguments, "long.parquet", "--column", "text", "-o", "out.parquet").code == 0
    rows = parquet.read_table(folder / "out.parquet").to_pylist()
    assert objects[1]["warnings"]
    assert [row["language"] for row in rows] == [item["language"] for item in objects]
    assert [json.loads(row["warnings"] or "null") for row in rows] == [item.get("warnings") for item in objects]


def test_warnings_are_added_to_those_there(xlm: Xlm, tiny_bundle: Path, folder: Path) -> None:
    texts = ["the cat sleeps " * 60] * 4 + ["Good morning."]
    known = ["old", '["a"]', None, "1", "kept"]
    parquet.write_table(pa.table({"warnings": known, "text": texts}), folder / "long.parquet")
    arguments = ["translate", "-m", tiny_bundle, *TRANSLATE, "--column", "text", "-o", "out.parquet"]
    assert xlm(*arguments, "long.parquet").code == 0
    cells = parquet.read_table(folder / "out.parquet")["warnings"].to_pylist()
    assert cells.pop() == "kept"
    for cell, old in zip(cells, ([["old"], ["a"], [], [1]]), strict=True):
        assert json.loads(cell)[: len(old)] == old
        assert "cut" in json.loads(cell)[len(old) :]
    parquet.write_table(pa.table({"warnings": [1], "text": ["a"]}), folder / "numbers.parquet")
    done = xlm(*arguments, "numbers.parquet")
    assert done.code == 3
    assert "a column 'warnings' of int64" in done.err


def test_large_rows_come_in_groups_of_few(xlm: Xlm, tiny_bundle: Path, folder: Path) -> None:
    rows = {"blob": [b"\0" * 100_000] * 2000, "text": [""] * 2000}
    parquet.write_table(pa.table(rows), folder / "large.parquet")
    arguments = ["translate", "-m", tiny_bundle, *TRANSLATE, "--column", "text", "-o", "out.parquet"]
    assert xlm(*arguments, "large.parquet").code == 0
    file = parquet.ParquetFile(folder / "out.parquet")
    assert (file.metadata.num_rows, file.num_row_groups > 1) == (2000, True)


def test_vectors(xlm: Xlm, tiny_encoder: Path, folder: Path) -> None:
    arguments = ["encode", "-m", tiny_encoder, "--lang", "en", "in.parquet", "--column", "text"]
    assert xlm(*arguments, "-o", "out.parquet").code == 0
    assert xlm(*arguments, "-o", "out.npy").code == 0
    result = parquet.read_table(folder / "out.parquet")
    assert result.schema.field("vector").type == pa.list_(pa.float32())
    for vector, row, text in zip(result["vector"].to_pylist(), np.load(folder / "out.npy"), TEXTS, strict=True):
        assert (vector is None) == (not text)
        if vector is not None:
            np.testing.assert_allclose(vector, row, rtol=1e-5)


def test_similarity_and_neighbours(xlm: Xlm, tiny_encoder: Path, folder: Path) -> None:
    pairs = pa.table({"one": ["Good morning.", None], "other": ["Good morning.", "Hello."]})
    parquet.write_table(pairs, folder / "pairs.parquet")
    arguments = ["encode", "-m", tiny_encoder, "--lang", "en", "pairs.parquet", "--column", "one", "-o", "out.parquet"]
    assert xlm(*arguments, "--similarity", "--pair-column", "other", "--pair-lang", "en").code == 0
    assert parquet.read_table(folder / "out.parquet")["similarity"].to_pylist() == [1.0, None]
    (folder / "lines.txt").write_text("Bonjour.\nGood morning.\n")
    assert xlm(*arguments, "--nearest", "lines.txt", "--pair-lang", "en").code == 0
    nearest = map(json.loads, parquet.read_table(folder / "out.parquet")["nearest"].to_pylist())
    assert list(nearest) == [[{"score": 1.0, "number": 2, "text": "Good morning."}], []]


def test_another_format_is_not_written(xlm: Xlm, tiny_bundle: Path, folder: Path) -> None:
    done = xlm("translate", "-m", tiny_bundle, *TRANSLATE, "in.parquet", "--column", "text", "-o", "out.csv")
    assert (done.code, "out.csv: .csv is a format that is not written from parquet" in done.err) == (
        ExitCode.USAGE,
        True,
    )
    assert not (folder / "out.csv").exists()


def test_many_rows_come_in_groups(xlm: Xlm, tiny_bundle: Path, folder: Path) -> None:
    num_rows = 40_000
    numbers = list(range(num_rows))
    parquet.write_table(pa.table({"id": numbers, "text": [""] * num_rows}), folder / "many.parquet")
    assert (
        xlm("translate", "-m", tiny_bundle, *TRANSLATE, "many.parquet", "--column", "text", "-o", "out.parquet").code
        == 0
    )
    file = parquet.ParquetFile(folder / "out.parquet")
    assert file.read()["id"].to_pylist() == numbers
    assert 2 <= file.num_row_groups <= 3


def test_no_rows_keep_the_columns(xlm: Xlm, tiny_bundle: Path, folder: Path, table: Any) -> None:
    parquet.write_table(table.slice(0, 0), folder / "in.parquet")
    assert (
        xlm("translate", "-m", tiny_bundle, *TRANSLATE, "in.parquet", "--column", "text", "-o", "out.parquet").code == 0
    )
    result = parquet.read_table(folder / "out.parquet")
    assert result.schema.names == [*table.schema.names, "warnings"]
    assert result.select(table.schema.names).equals(table.slice(0, 0))


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("in.parquet", ExitCode.USAGE, "--format parquet needs --column"),
        ("in.parquet --column none", ExitCode.DATA, "in.parquet: there is no column 'none'"),
        ("in.parquet --column id", ExitCode.DATA, "in.parquet: column 'id' is int16, not text"),
        (
            "in.parquet --column text --resume -o out",
            ExitCode.USAGE,
            "--resume cannot go on in the middle of parquet",
        ),
        (
            "scored.parquet --column text --with-scores",
            ExitCode.DATA,
            "scored.parquet: there is a column 'score' already",
        ),
        ("in.parquet scored.parquet --column text", ExitCode.DATA, "scored.parquet: its columns differ from the first"),
        ("text.parquet --column text", ExitCode.DATA, "cannot read text.parquet: "),
        ("cut.parquet --column text", ExitCode.DATA, "cannot read cut.parquet: "),
        ("in.parquet --format text", ExitCode.DATA, "in.parquet:"),
    ],
)
def test_what_cannot_be_read_is_said(
    xlm: Xlm, tiny_bundle: Path, folder: Path, table: Any, line: str, code: ExitCode, message: str
) -> None:
    parquet.write_table(table.append_column("score", pa.array([1.0] * 5)), folder / "scored.parquet")
    (folder / "text.parquet").write_text("Hello.\n")
    (folder / "cut.parquet").write_bytes((folder / "in.parquet").read_bytes()[:-20])
    arguments = line.split()
    done = xlm("translate", "-m", tiny_bundle, *TRANSLATE, *arguments, *([] if "-o" in arguments else ["-o", "out"]))
    assert done.code == code
    assert done.err.startswith(f"error: {message}")
    assert not list(folder.glob("out*"))


def test_a_full_disk_is_named(xlm: Xlm, tiny_bundle: Path) -> None:
    done = xlm("translate", "-m", tiny_bundle, *TRANSLATE, "in.parquet", "--column", "text", "-o", "/dev/full")
    assert (done.code, done.err) == (ExitCode.DATA, "error: cannot write /dev/full: no space left on device\n")


def test_a_missing_extra_is_named(xlm: Xlm, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyarrow" else find_spec(name))
    done = xlm("translate", *TRANSLATE, "in.parquet", "--column", "text")
    assert done.code == ExitCode.MISSING_EXTRA
    assert "hint: pip install 'xlmcli[parquet]'" in done.err
