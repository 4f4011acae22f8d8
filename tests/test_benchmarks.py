"""The benchmarks run and report every row; how fast anything is, is not tested here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from xlmcli.bundle import Framing, open_bundle, seal
from xlmcli.records import Direction

REPOSITORY = Path(__file__).parent.parent
ROWS = [
    "xlm --help",
    "one line, end to end",
    "line out of a slow pipe",
    "corpus, beam 2",
    "corpus, beam 2, whole process",
    "corpus, greedy",
    "corpus, greedy, whole process",
    "peak memory, 40 lines",
    "training, fp32",
]
# Sizes so small that the figures mean nothing.
SIZES = [
    *("--lines", "20", "--torch-lines", "10", "--beam-size", "2", "--threads", "1", "--rounds", "1"),
    *("--start-rounds", "1", "--memory-lines", "40", "20", "--batch-tokens", "200", "--train-steps", "1"),
]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def json_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmarks") / "new" / "bench.json"


@pytest.fixture(scope="module")
def table(tiny_bundle: Path, tiny_checkpoint: Path, json_path: Path, sentences: dict[str, list[str]]) -> str:
    corpus = json_path.parents[1] / "corpus.txt"
    corpus.write_text("\n".join(sentences["en"]), encoding="utf-8")
    paths = ["--model", str(tiny_bundle), "--checkpoint", str(tiny_checkpoint), "--output", str(json_path)]
    done = run(*paths, "--corpus", str(corpus), *SIZES)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def document(table: str, json_path: Path) -> dict[str, Any]:
    return json.loads(json_path.read_text(encoding="utf-8"))


def test_json_has_every_row(document: dict[str, Any]) -> None:
    names = [row["question"]["name"] for row in document["rows"]]
    names += [skipped["name"] for skipped in document["skipped"]]
    assert {name for name in names if not name.startswith(("classify", "encode"))} == {*ROWS, "training, bf16"}


def test_ratios_are_their_cost_over_ours(document: dict[str, Any]) -> None:
    for row in document["rows"]:
        ratios = sorted(their / our for our, their in zip(row["our_costs"], row["their_costs"], strict=True))
        assert ratios[0] <= row["ratio"] <= ratios[-1]
        assert row["ours"] > 0
        assert row["is_met"] == (None if row["question"]["bar"] is None else row["ratio"] >= row["question"]["bar"])


def test_table_shows_every_row_with_its_ratio_first(table: str, document: dict[str, Any]) -> None:
    head, *lines = table.splitlines()
    assert head.split() == ["ratio", "bar", "what", "xlm", "reference"]
    for line, row in zip(lines, document["rows"], strict=False):
        assert line.split()[0] == f"{row['ratio']:.2f}"
        assert row["question"]["name"] in line
        assert ("MISSED" in line, " met " in line) == (row["is_met"] is False, row["is_met"] is True)


def test_contenders_translate_alike(document: dict[str, Any]) -> None:
    """The bundle is float32, so all write the same, but for the few lines that each stops at a limit of its own."""
    notes = {row["question"]["name"]: row["note"] for row in document["rows"]}
    for name, num_lines in (("corpus, beam 2", 20), ("corpus, greedy", 10)):
        num_equal, of, total, *_ = notes[name].split()
        assert (of, int(total)) == ("of", num_lines)
        assert int(num_equal) >= 0.8 * num_lines


def test_memory_is_compared_with_the_smallest_corpus(document: dict[str, Any]) -> None:
    (row,) = [row for row in document["rows"] if row["question"]["name"] == "peak memory, 40 lines"]
    assert row["question"]["reference"] == "20 lines"
    assert 10 < row["ours"] < 1000


def test_without_a_checkpoint_torch_is_skipped_in_words(tiny_bundle: Path, tmp_path: Path) -> None:
    done = run("--model", str(tiny_bundle), "--only", "torch", *SIZES, "--output", str(tmp_path / "bench.json"))
    assert "skipped: corpus, greedy: no --checkpoint" in done.stdout


def test_an_encoder_races_the_engine_and_names_what_is_skipped(
    tiny_bundle: Path, tiny_classifier: Path, tmp_path: Path
) -> None:
    output = tmp_path / "bench.json"
    done = run(
        *("--model", str(tiny_bundle), "--only", "classify", "encode", "--classifier", str(tiny_classifier)),
        *(*SIZES, "--output", str(output)),
    )
    assert done.returncode == 0, done.stderr
    names = [row["question"]["name"] for row in json.loads(output.read_text(encoding="utf-8"))["rows"]]
    languages = [f"classify --lang {lang}{clock}" for lang in ("en", "auto") for clock in ("", ", processor time")]
    lines = ["classify: one line, end to end", "classify: line out of a slow pipe"]
    assert names == [*lines, *languages, "classify: peak memory, 40 lines"]
    assert "skipped: classify, against transformers: no checkpoint" in done.stdout
    assert "skipped: encode: no --encoder" in done.stdout


@pytest.mark.parametrize(
    ("framing", "source", "start"),
    [
        (None, ["</s>", "x", "y", "</s>"], None),
        (Framing((), ("</s>",)), ["x", "y", "</s>"], None),
        (
            Framing(("{src}",), ("</s>",), ("{tgt}",), {"en": "__en__", "fr": "__fr__"}),
            ["__en__", "x", "y", "</s>"],
            [["__fr__"]],
        ),
    ],
)
def test_the_bare_engine_gets_what_xlm_gives_it(
    tiny_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    framing: Framing | None,
    source: list[str],
    start: list[list[str]] | None,
) -> None:
    from benchmarks import contenders

    class Engine:
        def __init__(self, *_args: object, **_options: object) -> None:
            """Takes what the engine takes."""

        def translate_batch(
            self, sources: list[list[str]], *, target_prefix: list[list[str]] | None, **_options: object
        ) -> list[SimpleNamespace]:
            assert (sources, target_prefix) == ([source], start)
            return [SimpleNamespace(hypotheses=[[*(target_prefix or [[]])[0], "z"]])]

    monkeypatch.setattr(contenders.ctranslate2, "Translator", Engine)
    bundle = open_bundle(tiny_bundle)
    manifest = replace(bundle.manifest, translation=replace(bundle.translation, framing=framing))
    framed = replace(bundle, manifest=manifest)
    setup = contenders.Setup(
        framed, bundle.open_tokenizer(), Direction("en", "fr"), 1, 64, beam_size=1, folder=tmp_path
    )
    assert contenders.BareEngine(setup).translate([["x", "y"]], 1) == [["z"]]


def test_a_classifier_without_languages_is_measured(
    tiny_bundle: Path,
    make_classifier: Callable[[Any], Path],
    classifier_sizes: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from benchmarks import __main__ as benchmark

    bundle = make_classifier(classifier_sizes(langs=("en",)))
    seal(bundle, replace(open_bundle(bundle).manifest, languages={}))
    asked: list[str] = []
    monkeypatch.setattr(benchmark, "measure_encoder", lambda setup, *_: asked.append(setup.lang) or [])
    options = ["--model", str(tiny_bundle), "--only", "classify", "--classifier", str(bundle), *SIZES]
    assert benchmark.main([*options, "--output", str(tmp_path / "bench.json")]) == 0
    assert asked == ["en"]


def test_a_run_over_a_corpus_that_fails_or_is_too_short_has_no_figures(tmp_path: Path) -> None:
    from benchmarks.corpora import _watch

    with pytest.raises(subprocess.CalledProcessError):
        _watch(subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]), tmp_path)
    assert _watch(subprocess.Popen([sys.executable, "-c", ""]), tmp_path).working_seconds is None


def test_corpus_of_a_file_is_taken_again_where_it_is_short(tmp_path: Path) -> None:
    from benchmarks.corpus import read_lines

    path = tmp_path / "corpus.txt"
    path.write_text("one\n\ntwo\n", encoding="utf-8")
    assert read_lines(path, 5) == ["one", "two", "one", "two", "one"]


def test_an_unknown_model_is_one_clear_error(tmp_path: Path) -> None:
    done = run("--model", "nowhere", "--output", str(tmp_path / "bench.json"))
    assert done.returncode == 4
    assert done.stderr.startswith("error: no model named 'nowhere'")
    assert not (tmp_path / "bench.json").exists()
