"""`xlm train lexicon`, `xlm convert --lexicon`, and translations with what it says."""

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

ROWS = "en-fr\twatermelon\tpastèque\nen-fr\tcar\tbagnole\tvoiture\nen-fr\tidea\tpensée\nfr-en\tpastèque\twatermelon\n"


@pytest.fixture
def lexicon(tmp_path: Path) -> Path:
    path = tmp_path / "rows.tsv"
    path.write_text(ROWS, encoding="utf-8")
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The embedded model with another lexicon."""
    embedded = find_model("en-fr")
    folder = tmp_path / "knowing"
    folder.mkdir()
    for path in embedded.iterdir():
        if path.name not in ("xlm.json", "lexicon.tsv"):
            (folder / path.name).symlink_to(path)
    (folder / "lexicon.tsv").write_bytes(b"".join(sorted(ROWS.encode().splitlines(keepends=True))))
    seal(folder, open_bundle(embedded).manifest)
    return folder


@pytest.fixture
def translate(xlm: Run, bundle: Path) -> Run:
    def run(*options: object, stdin: str) -> str:
        done = xlm("translate", "-m", bundle, "--src", "en", "--tgt", "fr", *options, stdin=stdin)
        assert done.code == ExitCode.OK, done.err
        out: str = done.out
        return out

    return run


TEXT = "I have never seen such a huge watermelon!\n"


def test_a_lost_word_comes_from_the_lexicon(translate: Run) -> None:
    plain = translate("--no-protect", stdin=TEXT)
    assert "pastèque" not in plain
    assert translate(stdin=TEXT).count("pastèque") == 1
    assert translate("--beam-size", 1, stdin=TEXT).count("pastèque") == 1
    assert translate(stdin=TEXT.upper()).count("PASTÈQUE") == 1
    assert translate(stdin="Watermelon!\n").lower().count("pastèque") == 1
    # With the words that it does not know in it, the sentence is the same.
    assert translate(stdin="It rains.\n\n" + TEXT).splitlines()[:2] == ["Il pleut.", ""]


def test_words_that_the_translation_has_are_left_alone(translate: Run) -> None:
    assert "pensée" in translate(stdin="This is a good idea.\n")
    out = translate(stdin="The car is red.\n")
    assert "voiture" in out
    assert "bagnole" not in out


def test_links_and_hypotheses_have_the_words(translate: Run) -> None:
    plain = translate(stdin=TEXT).rstrip("\n")
    linked, _, links = translate("--alignment", stdin=TEXT).rstrip("\n").partition(" ||| ")
    assert linked == plain
    row = json.loads(translate("--format", "jsonl", "--alignment", stdin=json.dumps({"text": TEXT.strip()}) + "\n"))
    assert row["text"] == plain
    assert [" ".join(f"{one}-{other}" for one, other in row["alignment"])] == [links]
    words = [[row[f"{side}_words"][word]["word"] for word, side in zip(link, ("source", "target"), strict=True)]
             for link in row["alignment"]]  # fmt: skip
    assert ["watermelon", "pastèque"] in words
    for line in translate("--n-best", 2, stdin=TEXT).splitlines():
        assert line.count("pastèque") == 1
        assert line.count(" ||| ") == 2


def test_documents_and_both_models_of_a_pivot_know_the_words(xlm: Run, translate: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>It is a <b>huge</b> watermelon.</p>\n", encoding="utf-8")
    out = translate(page, stdin="")
    assert out.count("pastèque") == out.count("<b>") == 1
    done = xlm("translate", "--src", "fr", "--tgt", "de", "--pivot", stdin="Une pastèque énorme.\n")
    assert "Wassermelone" in done.out


def test_terms_spans_and_the_memory_come_first(translate: Run, tmp_path: Path) -> None:
    terms = tmp_path / "terms.tsv"
    terms.write_text("watermelon\tmelon d'eau\n", encoding="utf-8")
    out = translate("--terms", terms, stdin=TEXT)
    assert out.count("melon d'eau") == 1
    assert "pastèque" not in out
    assert translate(stdin="See watermelon.com for it.\n").count("watermelon.com") == 1
    memory = tmp_path / "memory.tsv"
    memory.write_text(f"{TEXT.strip()}\tRien\n", encoding="utf-8")
    assert translate("--translate-memory", memory, stdin=TEXT) == "Rien\n"


def test_a_model_without_a_head_that_aligns_has_no_use_for_it(xlm: Run, bundle: Path) -> None:
    manifest = open_bundle(bundle).manifest
    assert manifest.translation is not None
    seal(bundle, replace(manifest, translation=replace(manifest.translation, alignment_head=None)))
    done = xlm("translate", "-m", bundle, "--src", "en", "--tgt", "fr", stdin=TEXT)
    assert (done.code, done.err) == (ExitCode.OK, "")
    assert "pastèque" not in done.out


def test_a_lexicon_is_learned_and_put_into_a_bundle(
    xlm: Run, pairs: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    done = xlm("train", "lexicon", "--parallel", f"en-fr={pairs}", "--max-count", 3, tmp_path / "learned.tsv")
    assert (done.code, done.out) == (ExitCode.OK, "")
    rows = [line.split("\t") for line in (tmp_path / "learned.tsv").read_text(encoding="utf-8").splitlines()]
    numbers = {direction: sum(row[0] == direction for row in rows) for direction in ("en-fr", "fr-en")}
    assert min(numbers.values()) > 0
    told = ", ".join(f"{number} words of {direction}" for direction, number in numbers.items())
    assert done.err.endswith(f" pairs: {told}\nwrote {tmp_path / 'learned.tsv'}\n")
    done = xlm("convert", tiny_checkpoint, tmp_path / "bundle", "--lexicon", tmp_path / "learned.tsv")
    assert done.code == ExitCode.OK, done.err
    assert (tmp_path / "bundle" / "lexicon.tsv").read_bytes() == (tmp_path / "learned.tsv").read_bytes()
    done = xlm("info", tmp_path / "bundle")
    assert ", ".join(f"{direction} {number}" for direction, number in numbers.items()) + " words" in done.out
    assert xlm("translate", "-m", tmp_path / "bundle", "--src", "en", "--tgt", "fr", stdin="Hi\n").code == ExitCode.OK


def test_rows_that_are_none_are_told_before_anything_is_written(
    xlm: Run, lexicon: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    for content, message in {
        ROWS + "en-fr\tlost\n": f"{lexicon}:5: no row of a lexicon",
        ROWS + ROWS: f"{lexicon}:5: 'watermelon' stands at {lexicon}:1 already",
        "en-xx\tcar\tauto\n": "--lexicon: the model does not translate en-xx",
    }.items():
        lexicon.write_text(content, encoding="utf-8")
        done = xlm("convert", tiny_checkpoint, tmp_path / "bundle", "--lexicon", lexicon)
        assert done.code in (ExitCode.DATA, ExitCode.USAGE)
        assert message in done.err
        assert not (tmp_path / "bundle").exists()
    done = xlm("convert", tiny_checkpoint, tmp_path / "b", "--lexicon", lexicon, "--direction", "en-fr")
    assert (done.code, "--lexicon is for bundles" in done.err) == (ExitCode.USAGE, True)
    done = xlm("convert", tiny_checkpoint, tmp_path / "b", "--lexicon", tmp_path / "none.tsv")
    assert (done.code, "none.tsv" in done.err) == (ExitCode.DATA, True)


def test_what_cannot_be_learned_is_told(xlm: Run, tmp_path: Path) -> None:
    done = xlm("train", "lexicon", tmp_path / "lexicon.tsv")
    assert (done.code, "nothing to learn from" in done.err) == (ExitCode.USAGE, True)
    done = xlm("train", "lexicon", "--parallel", f"en-fr={tmp_path / 'none.tsv'}", tmp_path / "lexicon.tsv")
    assert (done.code, "none.tsv" in done.err) == (ExitCode.DATA, True)
    done = xlm("train", "lexicon", "--parallel", f"en-fr={tmp_path}", tmp_path / "no" / "lexicon.tsv")
    assert done.code == ExitCode.DATA
    assert not (tmp_path / "lexicon.tsv").exists()
