"""``xlm translate`` in directions that nobody named a model for: ``--pivot`` and ``--src auto``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xlmcli.bundle import open_bundle, seal
from xlmcli.bundle.manifest import AlignmentHead
from xlmcli.errors import ExitCode, ModelError
from xlmcli.infer.translation import Translation
from xlmcli.records import Direction

pytest.importorskip("torch")
pytest.importorskip("ctranslate2")

Run = Callable[..., Any]
SIX = Path(__file__).parents[2] / "xlmcli" / "pretrained" / "six"
MIXED = "Where is the station?\nOù est la gare ?\n\nThe red car is very fast.\nLa voiture rouge est très rapide.\n"


def test_two_models_follow_each_other(xlm: Run, home: Path) -> None:
    text = "Guten Morgen.\n\n  Wo ist der Bahnhof? \r\n" * 20
    first = xlm("translate", "--src", "nl", "--tgt", "en", stdin=text)
    second = xlm("translate", "--src", "en", "--tgt", "fr", stdin=first.out)
    both = xlm("translate", "--src", "nl", "--tgt", "fr", "--pivot", stdin=text)
    assert (first.code, second.code, both.code) == (ExitCode.OK,) * 3
    assert both.out == second.out
    assert "through English: by nl-en, then en-fr" in both.err
    done = xlm("translate", "--src", "nl", "--tgt", "fr", "--pivot", "--translate-memory", "x", stdin=text)
    assert done.code == ExitCode.USAGE
    assert "for one direction, not for two models" in done.err
    assert xlm("translate", "--src", "nl", "--tgt", "fr", stdin=text).code == ExitCode.MODEL


def test_formats_scores_and_links_through_a_pivot(xlm: Run, home: Path) -> None:
    options = ("translate", "--src", "nl", "--tgt", "fr", "--pivot", "-q")
    done = xlm(*options, "--format", "csv", "--column", "t", "--with-scores", stdin="i,t\n1,Guten Morgen.\n2,\n")
    rows = done.out.splitlines()
    assert (rows[0], len(rows), done.err) == ("i,t,score", 3, "")
    done = xlm(*options, "--alignment", "--n-best", "2", "--format", "jsonl", stdin='{"text": "Guten Morgen."}\n')
    assert done.code == ExitCode.OK, done.err
    answer = json.loads(done.out)
    assert [word["word"] for word in answer["source_words"]] == ["Guten", "Morgen", "."]
    assert len(answer["nbest"]) == 2
    num_words = len(answer["target_words"])
    assert all(0 <= source < 3 and 0 <= target < num_words for source, target in answer["alignment"])


def test_parquet_through_a_pivot(xlm: Run, home: Path) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({"t": ["Guten Morgen.", None, "Danke."]}), home / "in.parquet")
    options = ("translate", "--src", "nl", "--tgt", "fr", "--pivot", "-q")
    done = xlm(*options, home / "in.parquet", "--column", "t", "-o", home / "out.parquet")
    assert (done.code, done.err) == (ExitCode.OK, "")
    lines = xlm(*options, stdin="Guten Morgen.\n\nDanke.\n").out.splitlines()
    assert parquet.read_table(home / "out.parquet")["t"].to_pylist() == [lines[0], None, lines[2]]


@pytest.mark.parametrize("step", ["first", "second"])
def test_a_failure_of_either_model_ends_it(xlm: Run, home: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    finish, calls = Translation.finish, []

    def fail(self: Translation, *args: Any) -> Any:
        is_first = self.direction.src == "nl"
        calls.append(is_first)
        if is_first == (step == "first") and calls.count(is_first) > 40:
            raise ModelError("the engine failed")
        return finish(self, *args)

    monkeypatch.setattr(Translation, "finish", fail)
    done = xlm("translate", "--src", "nl", "--tgt", "fr", "--pivot", stdin="Guten Morgen.\n" * 3000)
    assert done.code == ExitCode.MODEL
    assert "the engine failed" in done.err
    assert done.out.count("\n") < 3000


def test_invalid_input_after_good_lines(xlm: Run, home: Path, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"Guten Morgen.\n\xff\n")
    done = xlm("translate", "--src", "nl", "--tgt", "fr", "--pivot", tmp_path / "in")
    assert (done.code, done.out.count("\n")) == (ExitCode.DATA, 1)
    assert "in:2: invalid UTF-8" in done.err


def test_languages_are_identified_line_by_line(xlm: Run) -> None:
    done = xlm("translate", "--src", "auto", "--tgt", "fr", stdin=MIXED)
    lines, given = done.out.splitlines(), MIXED.splitlines()
    assert (done.code, len(lines), lines[2]) == (ExitCode.OK, 5, "")
    assert (lines[1], lines[4]) == (given[1], given[4]), "what is French already passes through"
    plain = xlm("translate", "--src", "en", "--tgt", "fr", stdin=f"{given[0]}\n{given[3]}\n")
    assert [lines[0], lines[3]] == plain.out.splitlines()


def test_each_line_goes_to_the_model_that_its_language_has(xlm: Run, home: Path) -> None:
    lines = [
        "Où est la gare, s'il vous plaît ?",
        "Wo ist der Bahnhof, und wann fährt der Zug?",
        "Waar is het station, en hoe laat vertrekt de trein?",
        "Where is the station?",
    ]
    done = xlm("translate", "--src", "auto", "--tgt", "en", stdin="".join(f"{line}\n" for line in lines))
    single = [
        xlm("translate", "--src", lang, "--tgt", "en", stdin=f"{line}\n").out
        for lang, line in zip(("fr", "de", "nl"), lines, strict=False)
    ]
    assert (done.code, done.out) == (ExitCode.OK, "".join(single) + f"{lines[3]}\n")


def test_a_model_without_links_is_told_before_anything_is_written(xlm: Run, home: Path) -> None:
    path = home / "models" / "nl-en"
    manifest = open_bundle(path).manifest
    assert manifest.translation is not None
    seal(path, replace(manifest, translation=replace(manifest.translation, alignment_head=None)))
    options = ("translate", "--src", "auto", "--tgt", "en", "--alignment")
    done = xlm(*options, stdin="Où est la gare ?\n")
    assert (done.code, done.out) == (ExitCode.MODEL, "")
    assert "nl-en does not say which of its heads aligns words" in done.err
    assert xlm(*options, "-m", "en-fr", stdin="Où est la gare ?\n").code == ExitCode.OK
    one_way = replace(
        manifest.translation, directions=(Direction("nl", "en"),), alignment_head=AlignmentHead(1, 1, False, 0.5)
    )
    seal(path, replace(manifest, translation=one_way))
    assert xlm(*options, stdin="Où est la gare ?\n").code == ExitCode.OK
    done = xlm(*options, "--symmetric", stdin="Où est la gare ?\n")
    assert (done.code, done.out) == (ExitCode.MODEL, "")
    assert "nl-en does not translate en-nl" in done.err


def test_links_of_all_directions_are_told_before_anything_is_written(xlm: Run, tmp_path: Path) -> None:
    path = Path(shutil.copytree(SIX, tmp_path / "one-way"))
    manifest = open_bundle(path).manifest
    assert manifest.translation is not None
    directions = (Direction("fr", "en"), Direction("en", "fr"), Direction("de", "en"))
    seal(path, replace(manifest, translation=replace(manifest.translation, directions=directions)))
    options = ("translate", "-m", path, "--src", "auto", "--tgt", "en", "--alignment")
    assert xlm(*options, stdin="Où est la gare ?\n").code == ExitCode.OK
    done = xlm(*options, "--symmetric", stdin="Où est la gare ?\n")
    assert (done.code, done.out) == (ExitCode.MODEL, "")
    assert "one-way does not translate en-de" in done.err


def test_what_was_identified_stands_in_objects(xlm: Run) -> None:
    given = [*MIXED.splitlines(), "L'homme que j'ai vu était d'ici."]
    objects = "".join(json.dumps({"text": line}) + "\n" for line in given)
    done = xlm("translate", "--src", "auto", "--tgt", "fr", "--format", "jsonl", "--alignment", stdin=objects)
    answers = list(map(json.loads, done.out.splitlines()))
    assert [answer.get("language") for answer in answers] == ["en", "fr", None, "en", "fr", "fr"]
    assert answers[1]["alignment"] == [[number, number] for number in range(5)]
    assert answers[5]["source_words"] == answers[5]["target_words"], "not as another language's words"
    assert answers[5]["alignment"] == [[number, number] for number in range(len(answers[5]["target_words"]))]
    own = xlm(
        "translate", "--src", "auto", "--tgt", "fr", "--format", "jsonl", stdin='{"text": "a", "language": "x"}\n'
    )
    assert json.loads(own.out)["language"] == "x", "an object's own field stays"


def test_no_line_is_taken_for_the_target(xlm: Run) -> None:
    done = xlm("translate", "--src", "auto", "--tgt", "fr", "--force", stdin="Merci\n")
    assert done.code == ExitCode.OK
    expected = xlm("translate", "--src", "en", "--tgt", "fr", stdin="Merci\n")
    assert done.out == expected.out


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--src", "auto"), ExitCode.USAGE, "--src auto does not say what to translate into"),
        (("--src", "auto", "-m", "en-fr"), ExitCode.USAGE, "translates into several languages"),
        (("--src", "auto", "--tgt", "de", "-m", "en-fr"), ExitCode.MODEL, "en-fr does not translate into 'de'"),
        (("--src", "auto", "--tgt", "nl"), ExitCode.MODEL, "no model that is here translates into 'nl'"),
        (("--src", "auto", "--tgt", "fr", "--pivot"), ExitCode.USAGE, "--pivot and --src auto together"),
        (("--src", "en", "--tgt", "fr", "--force"), ExitCode.USAGE, "--force is for --src auto"),
        (("--src", "en", "--pivot"), ExitCode.USAGE, "--pivot needs both languages"),
        (("--src", "auto", "--tgt", "fr", "--terms", "x"), ExitCode.USAGE, "for one direction, not for --src auto"),
    ],
)
def test_options_that_do_not_go_together(xlm: Run, options: tuple[str, ...], code: ExitCode, message: str) -> None:
    done = xlm("translate", *options, stdin="a\n")
    assert (done.code, done.out) == (code, "")
    assert message in done.err
