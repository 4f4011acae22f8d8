"""``xlm translate --alignment``: links in every format, and the translations as they are without."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xlmcli.bundle import open_bundle, seal
from xlmcli.errors import ExitCode
from xlmcli.records import Direction

pytest.importorskip("ctranslate2")

Run = Callable[..., Any]
TEXT = "The cat sleeps on the roof. It's raining, isn't it?\n\n  Where is the station?\nred\n"


@pytest.fixture
def translate(xlm: Run) -> Run:
    def run(*options: object, stdin: str = TEXT) -> str:
        done = xlm("translate", "--src", "en", "--tgt", "fr", *options, stdin=stdin)
        assert done.code == ExitCode.OK, done.err
        out: str = done.out
        return out

    return run


@pytest.mark.parametrize("how", [["--alignment"], ["--symmetric"], ["--alignment", "--beam-size", "1"]])
def test_links_stand_behind_the_translation(translate: Run, how: list[str]) -> None:
    plain = translate(*how[1:]).splitlines()
    lines = translate(*how).splitlines()
    assert [line.partition(" ||| ")[0] for line in lines] == plain
    assert lines[1] == ""
    for text, line in zip(TEXT.splitlines(), lines, strict=True):
        links = [tuple(map(int, link.split("-"))) for link in line.partition(" ||| ")[2].split()]
        assert links == sorted(links)
        assert bool(links) == bool(text.strip())
        targets = [target for _, target in links]
        assert len(set(targets)) == len(targets)


def test_long_lines_have_links_of_the_whole_line(translate: Run) -> None:
    sentences = "The cat sleeps. " * 30
    line = translate("--alignment", stdin=f"{sentences}\n")
    links = [tuple(map(int, link.split("-"))) for link in line.rpartition(" ||| ")[2].split()]
    assert max(source for source, _ in links) == 30 * 4 - 1
    assert all(abs(source - target) <= 2 for source, target in links), "sentences are as long as their translations"


def test_tables_gain_a_column(translate: Run) -> None:
    table = "id,text\n1,The red car.\n2,\n3,red\n"
    rows = translate("--alignment", "--with-scores", "--format", "csv", "--column", "text", stdin=table).splitlines()
    assert rows[0] == "id,text,score,alignment"
    assert rows[1].startswith("1,La voiture rouge.,-")
    assert rows[1].endswith(",0-0 1-2 2-1 3-3")
    assert rows[2] == "2,,0.0000,"
    tsv = translate("--alignment", "--n-best", "2", "--format", "tsv", stdin="The red car.\n").splitlines()
    assert [len(row.split("\t")) for row in tsv] == [2, 2]
    assert tsv[0] == "La voiture rouge.\t0-0 1-2 2-1 3-3"


def test_objects_gain_links_and_words_with_their_places(translate: Run) -> None:
    text = " L'été, “The red car” — don't.\nIt's 5 o'clock. "
    (line,) = translate("--alignment", "--format", "jsonl", stdin=json.dumps({"text": text}) + "\n").splitlines()
    answer = json.loads(line)
    for given, words in ((text, answer["source_words"]), (answer["text"], answer["target_words"])):
        assert len(words) > 8
        assert all(given[word["start"] : word["end"]] == word["word"] for word in words)
    assert all(
        0 <= source < len(answer["source_words"]) and 0 <= target < len(answer["target_words"])
        for source, target in answer["alignment"]
    )
    assert len(answer["alignment"]) > 8


def test_n_best(translate: Run) -> None:
    lines = translate("--alignment", "--n-best", "2", stdin="The red car.\n").splitlines()
    parts = [line.split(" ||| ") for line in lines]
    assert [part[0] for part in parts] == ["0", "0"]
    assert parts[0][1:3] == ["La voiture rouge.", "0-0 1-2 2-1 3-3"]
    assert all(float(part[3]) < 0 for part in parts)
    out = translate("--alignment", "--n-best", "2", "--format", "jsonl", stdin='{"text": "The red car."}\n')
    answer = json.loads(out)
    assert answer["nbest"][0]["alignment"] == answer["alignment"] == [[0, 0], [1, 2], [2, 1], [3, 3]]
    assert [set(item) for item in answer["nbest"]] == [{"text", "score", "alignment", "target_words"}] * 2


def test_fields_that_would_be_overwritten_are_refused(xlm: Run) -> None:
    done = xlm(
        "translate", "--src", "en", "--tgt", "fr", "--alignment", "--format", "jsonl",
        stdin='{"text": "a", "alignment": 1}\n',
    )  # fmt: skip
    assert (done.code, done.out) == (ExitCode.DATA, "")
    assert "alignment" in done.err


def test_symmetric_needs_both_directions(xlm: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    manifest = open_bundle(tiny_bundle).manifest
    for path in tiny_bundle.iterdir():
        if path.name != "xlm.json":
            (tmp_path / path.name).symlink_to(path)
    assert manifest.translation is not None
    part = replace(manifest.translation, directions=(Direction("en", "fr"),))
    seal(tmp_path, replace(manifest, translation=part))
    done = xlm("translate", "-m", tmp_path, "--symmetric", stdin="Good morning.\n")
    assert (done.code, done.out) == (ExitCode.MODEL, "")
    assert "does not translate from 'fr' to 'en'" in done.err
    done = xlm("translate", "-m", tmp_path, "--alignment", stdin="Good morning.\n")
    assert done.code == ExitCode.OK
