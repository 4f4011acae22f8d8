"""``xlm translate --terms`` and ``--translate-memory``, with a model that carries no marks and with one that may."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xlmcli.bundle import find_model, open_bundle, seal
from xlmcli.errors import ExitCode

pytest.importorskip("ctranslate2")

Run = Callable[..., Any]


@pytest.fixture
def terms(tmp_path: Path) -> Path:
    path = tmp_path / "terms.tsv"
    path.write_text("station\tstation-service\tnot a gare\ncar\tbagnole\nred car\tbolide\n", encoding="utf-8")
    return path


@pytest.fixture
def translate(xlm: Run) -> Run:
    def run(*options: object, stdin: str, code: ExitCode = ExitCode.OK) -> Any:
        done = xlm("translate", "--src", "en", "--tgt", "fr", *options, stdin=stdin)
        assert done.code == code, done.err
        return done

    return run


@pytest.fixture
def marking_bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A random model that says that it carries marks, and loses them."""
    return saying_of_spans(tiny_bundle, tmp_path / "marking", protects_spans=True)


def saying_of_spans(bundle: Path, folder: Path, *, protects_spans: bool) -> Path:
    """A copy of a bundle that says whether it carries marks."""
    manifest = open_bundle(bundle).manifest
    folder.mkdir()
    for path in bundle.iterdir():
        if path.name != "xlm.json":
            (folder / path.name).symlink_to(path)
    assert manifest.translation is not None
    seal(folder, replace(manifest, translation=replace(manifest.translation, protects_spans=protects_spans)))
    return folder


TEXT = "The car is at the station.\n\nIt rains.\nThe red car and {car}.\n"


def test_terms_stand_in_place_of_the_words_aligned_with_them(translate: Run, terms: Path) -> None:
    plain = translate(stdin=TEXT).out.splitlines()
    done = translate("--terms", terms, stdin=TEXT)
    lines = done.out.splitlines()
    assert lines[0] == "La bagnole est à la station-service."
    assert lines[1:3] == plain[1:3]
    assert lines[3].startswith("Le bolide" if plain[3].startswith("Le") else "La bolide")
    assert done.err == ""
    with_links = translate("--terms", terms, "--alignment", stdin=TEXT).out.splitlines()
    assert [line.partition(" ||| ")[0] for line in with_links] == lines
    assert with_links[0].endswith(" ||| 0-0 1-1 2-2 3-3 4-4 5-5 6-6")


@pytest.mark.parametrize("options", [[], ["--no-protect"], ["--beam-size", "1"]])
def test_a_model_that_loses_marks_keeps_terms(
    translate: Run, terms: Path, marking_bundle: Path, options: list[str]
) -> None:
    out = translate("-m", marking_bundle, "--terms", terms, *options, stdin=TEXT + "Car!\n").out
    lines = out.splitlines()
    assert lines[0].count("bagnole") == lines[0].count("station-service") == 1
    assert lines[3].count("bolide") == 1
    assert lines[4] == "bagnole!"


def test_every_format_and_every_translation_has_the_terms(translate: Run, terms: Path) -> None:
    options = ["--terms", terms, "--n-best", "3"]
    assert translate(*options, stdin="The car.\n").out.count("bagnole") == 3
    rows = translate(*options, "--format", "csv", "--column", "2", stdin='1,"The car."\n').out
    assert rows.count('"La bagnole."') >= 1
    answer = json.loads(translate(*options, "--format", "jsonl", stdin='{"text": "The car."}\n').out)
    assert all("bagnole" in item["text"] for item in answer["nbest"])
    assert set(answer) == {"text", "nbest"}


NOT_LINKED = json.dumps({"text": "A man is looking at something up close."}) + "\n"


@pytest.fixture
def not_linked(tmp_path: Path) -> Path:
    """A term to which the model links no word."""
    path = tmp_path / "not-linked.tsv"
    path.write_text("up\ten haut\n", encoding="utf-8")
    return path


def test_a_line_is_parted_at_a_term_that_has_no_place(translate: Run, not_linked: Path, tmp_path: Path) -> None:
    options = ["--terms", not_linked, "--format", "jsonl"]
    assert "en haut" in translate(*options, stdin=NOT_LINKED).out  # This model carries it, marked.
    other = saying_of_spans(find_model("en-fr"), tmp_path / "other", protects_spans=False)
    done = translate("-m", other, *options, stdin=NOT_LINKED)
    answer = json.loads(done.out)
    assert "en haut" in answer["text"]
    assert answer["warnings"] == ["parted"]
    assert "1 line where the text around protected spans was translated in parts" in done.err


def test_terms_that_have_no_place_are_marked_and_counted(
    translate: Run, tmp_path: Path, terms: Path, not_linked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xlmcli.infer.translation.Translation.ask_again", lambda *_: [])
    done = translate("--terms", not_linked, "--format", "jsonl", stdin=NOT_LINKED)
    assert json.loads(done.out)["warnings"] == ["terms"]
    assert "1 line with a term that has no place in the translation" in done.err
    out = tmp_path / "out.jsonl"
    options = ["--terms", not_linked, "--format", "jsonl", "--terms-missing", "error", "-o", out]
    done = translate(*options, stdin=NOT_LINKED, code=ExitCode.GATE_FAILED)
    assert done.err.startswith("error: lines with a term that has no place in the translation: 1\n\nhint: ")
    assert not out.exists()
    texts = tmp_path / "in.txt"
    texts.write_text(NOT_LINKED, encoding="utf-8")
    options = ["--terms", not_linked, "-o", out, "--format", "jsonl", "--resume", texts, "--terms-missing"]
    translate(*options, "error", stdin="", code=ExitCode.GATE_FAILED)
    assert not out.exists()
    translate(*options, "warn", stdin="")
    assert len(out.read_text(encoding="utf-8").splitlines()) == 1
    assert translate("--terms", terms, "--terms-missing", "error", stdin="The car.\n").out == "La bagnole.\n"


def test_a_list_with_a_fault_is_an_error_before_anything_is_written(translate: Run, terms: Path) -> None:
    with terms.open("a") as file:
        file.write("car\tauto\n")
    done = translate("--terms", terms, stdin="The car.\n", code=ExitCode.DATA)
    assert (done.out, done.err) == ("", f"error: {terms}:4: 'car' is 'auto' here, and 'bagnole' at {terms}:2\n")
    done = translate("--terms", "missing.tsv", stdin="The car.\n", code=ExitCode.DATA)
    assert done.err == "error: no such file: missing.tsv\n"


def test_terms_need_marks_or_a_head_that_aligns(xlm: Run, tiny_bundle: Path, terms: Path) -> None:
    done = xlm("translate", "-m", tiny_bundle, "--src", "en", "--tgt", "fr", "--terms", terms, stdin="The car.\n")
    if open_bundle(tiny_bundle).translation.alignment_head is None:
        assert (done.code, done.out) == (ExitCode.MODEL, "")
        assert "aligns words" in done.err
    else:
        assert done.code == ExitCode.OK


def test_texts_in_the_memory_are_answered_from_there(translate: Run, tmp_path: Path, terms: Path) -> None:
    memory = tmp_path / "memory.tsv"
    memory.write_text("The red car.\tAuto rouge !\nIt is Mr. X.\tM. X.\n", encoding="utf-8")
    options = ["--translate-memory", memory, "--terms", terms]
    content = " The red car.\t\nIt rains. The red car.\nthe red car.\n"
    done = translate(*options, stdin=content)
    rain = translate(stdin="It rains.\n").out.strip()
    assert done.out.splitlines()[:2] == [" Auto rouge !\t", f"{rain} Auto rouge !"]
    assert done.out.splitlines()[2] != "Auto rouge !"
    assert done.err == "note: 2 lines answered from the translation memory\n"
    objects = "".join(json.dumps({"text": text}) + "\n" for text in content.splitlines())
    answers = list(
        map(json.loads, translate(*options, "--format", "jsonl", "--alignment", stdin=objects).out.splitlines())
    )
    assert [answer["memory"] for answer in answers] == [True, True, False]
    assert ["warnings" in answer for answer in answers] == [False, False, False]
    assert (answers[0]["text"], answers[0]["alignment"]) == (" Auto rouge !\t", [])
    done = translate(*options, "--format", "jsonl", stdin='{"text": "a", "memory": 1}\n', code=ExitCode.DATA)
    assert "'memory'" in done.err


def test_a_memory_that_cannot_be_read_is_an_error(translate: Run, tmp_path: Path) -> None:
    memory = tmp_path / "memory.tmx"
    memory.write_text('<!DOCTYPE tmx [<!ENTITY a "b">]><tmx/>', encoding="utf-8")
    done = translate("--translate-memory", memory, stdin="The car.\n", code=ExitCode.DATA)
    assert (done.out, done.err) == ("", f"error: {memory}:1: the entity 'a', and TMX needs none of its own\n")
