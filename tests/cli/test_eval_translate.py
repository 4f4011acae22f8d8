"""``xlm eval translate``: reports, formats, gates and errors."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmcli.errors import ExitCode

XLM = [sys.executable, "-m", "xlmcli"]
FAST = ("--resamples", "50", "--trials", "50")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sentences: dict[str, list[str]]) -> Path:
    """``source``, ``ref`` and three systems: ``good`` and, worse, ``bad``, and ``none``, which translates nothing."""
    french, english = sentences["fr"], sentences["en"]
    files = {
        "source": english,
        "ref": french,
        "good": [line.replace("le ", "la ") for line in french],
        "bad": [" ".join(line.split()[::2]) for line in french],
        "none": english,
    }
    path = tmp_path_factory.mktemp("eval")
    for name, lines in files.items():
        (path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def run(folder: Path, xlm: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``xlm eval translate`` in the folder; returns exit code, stdout and stderr."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)

    return lambda *args: xlm("eval", "translate", *args)


def rows(tsv: str) -> list[dict[str, str]]:
    header, *lines = (line.split("\t") for line in tsv.split("\n\n")[0].splitlines())
    return [dict(zip(header, line, strict=True)) for line in lines]


def test_piped_output_is_tsv_with_the_commands_figures(run: Run, folder: Path) -> None:
    code, out, err = run("--ref", "ref", "good", "-w", "4")
    assert (code, err) == (0, "note: of fewer than 50 lines, intervals and p-values are rough\n")
    command = [sys.executable, "-m", "sacrebleu", "ref", "-i", "good", "-m", "bleu", "chrf", "--confidence", "-w", "4"]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=60)
    expected = {item["name"]: item for item in json.loads(done.stdout)}
    assert [row["metric"] for row in rows(out)] == ["BLEU", "chrF2"]
    for row in rows(out):
        item = expected[row["metric"]]
        assert row["signature"] == item["signature"]
        figures = [f"{item[key]:.4f}" for key in ("score", "confidence_mean", "confidence_var")]
        assert [row["score"], row["mean"], row["ci"]] == figures
        assert (row["system"], row["verdict"]) == ("good", "")


def test_several_systems_are_compared_in_words(run: Run) -> None:
    code, out, _ = run("--ref", "ref", "bad", "good", "--metrics", "ter,bleu")
    assert code == 0
    found = {(row["system"], row["metric"]): row for row in rows(out)}
    assert list(found) == [("bad", "TER"), ("bad", "BLEU"), ("good", "TER"), ("good", "BLEU")]
    assert found["bad", "BLEU"]["verdict"] == "baseline"
    assert re.fullmatch(r"best, better than baseline \(p=0\.0\d\d\d\)", found["good", "BLEU"]["verdict"])
    assert found["good", "TER"]["verdict"].startswith("best, better than baseline")
    assert float(found["good", "TER"]["p_randomization"]) < 0.05
    _, out, _ = run("--ref", "ref", "bad", "good", "--metrics", "bleu", "--baseline", "good")
    assert rows(out)[0]["verdict"].startswith("worse than baseline")
    assert rows(out)[1]["verdict"] == "best, baseline"


@pytest.mark.parametrize(("resamples", "trials"), [(19, 20), (20, 19), (3, 1), (20, 20), (0, 19)])
def test_too_few_samples_to_show_a_difference_are_noted(run: Run, resamples: int, trials: int) -> None:
    code, out, err = run("--ref", "ref", "good", "bad", "--resamples", resamples, "--trials", trials)
    assert code == 0
    for number, name in ((resamples, "resamples"), (trials, "trials")):
        is_few = 0 < number < 20
        assert (f"note: with {number} {name}, no test can show p < 0.05: it takes 20 or more\n" in err) == is_few
    can_show = resamples in (0, 20) and trials == 20
    assert ("worse than baseline" in out) == can_show
    assert "no test can show" not in run("--ref", "ref", "good", "--resamples", resamples, "--trials", trials)[2]


def test_equal_systems_do_not_differ(run: Run, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes((folder / "bad").read_bytes())
    _, out, _ = run("--ref", "ref", "bad", str(copy), *FAST)
    verdicts = {row["verdict"] for row in rows(out) if row["system"] == str(copy)}
    assert verdicts == {"best, no difference from baseline"}


def test_several_references(run: Run) -> None:
    _, alone, _ = run("--ref", "ref", "bad", *FAST)
    _, both, _ = run("--ref", "ref", "--ref", "good", "bad", *FAST)
    assert "nrefs:2" in both
    assert float(rows(both)[0]["score"]) >= float(rows(alone)[0]["score"])


def test_stdin_is_a_system_and_the_seed_is_sacrebleus(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SACREBLEU_SEED", "7")
    with (folder / "bad").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        _, out, _ = run("--ref", "ref")
    assert rows(out)[0]["system"] == "stdin"
    assert "seed:7" in out
    assert out == run("--ref", "ref", "bad")[1].replace("bad\t", "stdin\t")
    assert "seed:9" in run("--ref", "ref", "bad", "--seed", "9")[1]


def test_options_reach_the_signatures(run: Run) -> None:
    options = ("--lowercase", "--chrf-word-order", "2", "--tgt", "zh", "--resamples", "0")
    _, out, _ = run("--ref", "ref", "good", *options)
    bleu, chrf = rows(out)
    assert bleu["signature"].startswith("nrefs:1|case:lc|eff:no|tok:zh|smooth:exp|version:")
    assert chrf["metric"] == "chrF2++"
    assert "nw:2" in chrf["signature"]
    assert bleu["mean"] == bleu["low"] == ""


def test_json_names_everything(run: Run) -> None:
    _, out, _ = run("--ref", "ref", "--source", "source", "good", "bad", "--format", "json", *FAST)
    report: dict[str, Any] = json.loads(out)
    assert (report["schema"], report["task"], report["lines"], report["baseline"]) == (
        "xlm-eval/1",
        "translate",
        20,
        "good",
    )
    assert [system["name"] for system in report["systems"]] == ["good", "bad"]
    assert report["systems"][1]["scores"][0]["p_values"].keys() == {
        *("bootstrap", "randomization"),
        *("sacrebleu_bootstrap", "sacrebleu_randomization"),
    }
    (table,) = report["tables"]
    assert table["name"] == "output"
    assert table["columns"] == ["system", "repeating_percent", "copied_percent", "odd_length_percent"]


@pytest.mark.parametrize(("name", "start"), [("markdown", "| system | BLEU | chrF2 |\n"), ("latex", "% BLEU|nrefs:1|")])
def test_formats_for_papers(run: Run, name: str, start: str) -> None:
    code, out, _ = run("--ref", "ref", "good", "bad", "--format", name, *FAST)
    assert code == 0
    assert out.startswith(start)
    assert "worse than baseline" in out


def test_tables_for_people(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    code, out, _ = run("--ref", "ref", "--source", "source", "good", "none", "--format", "table", *FAST)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "20 lines"
    assert any(line.startswith("BLEU|nrefs:1|bs:50|ar:50|") for line in lines)
    assert re.search(r"│ good .*│.* \d+\.\d\d \(\d+\.\d\d ± \d+\.\d\d\)", out)
    assert "best, baseline" in out
    assert "copied" in out
    assert "\x1b" not in out


def test_sentences_have_a_row_each(run: Run) -> None:
    code, out, err = run("--ref", "ref", "good", "bad", "--sentence")
    lines = [line.split("\t") for line in out.splitlines()]
    assert (code, lines[0], len(lines)) == (0, ["system", "line", "BLEU", "chrF2"], 41)
    assert [line[:2] for line in (lines[1], lines[20], lines[21])] == [["good", "1"], ["good", "20"], ["bad", "1"]]
    assert "eff:yes" in err
    _, out, _ = run("--ref", "ref", "good", "--sentence", "--format", "json", "-q")
    values = [json.loads(line) for line in out.splitlines()]
    assert values[3]["line"] == 4
    assert f"{values[3]['scores']['BLEU']:.2f}" == lines[4][2]


def test_gates_end_with_one_after_the_report(run: Run) -> None:
    code, out, err = run("--ref", "ref", "good", "--fail-under", "bleu=99,chrf=10", *FAST)
    assert code == ExitCode.GATE_FAILED
    assert rows(out)[0]["metric"] == "BLEU"
    assert re.search(r"^error: good: BLEU \d\d\.\d\d is under 99\n$", err, re.MULTILINE)
    assert run("--ref", "ref", "good", "--fail-under", "bleu=1,chrf=10", *FAST)[0] == 0
    # What is reached exactly is not under.
    assert run("--ref", "ref", "ref", "--metrics", "ter", "--fail-under", "ter=0", *FAST)[0] == 0


def test_pictures_are_drawn(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "plot.svg"
    assert run("--ref", "ref", "good", "bad", "--plot", str(path), *FAST)[0] == 0
    assert b"<svg" in path.read_bytes()


def test_doubtful_files_are_noted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("a\n\n")
    (tmp_path / "tokenised").write_text("a b .\nc , d .\n")
    _, _, err = run("--ref", str(tmp_path / "empty"), str(tmp_path / "tokenised"), *FAST)
    assert "1 line without text" in err
    assert "looks tokenised" in err
    _, _, err = run("--ref", "ref", "--source", "source", "none", *FAST)
    assert "note: none and the source are identical: nothing is translated\n" in err
    assert run("--ref", "ref", "--source", "source", "none", "-q", *FAST)[2] == ""


def test_files_of_other_lengths_are_an_error_that_shows_where(run: Run, folder: Path, tmp_path: Path) -> None:
    lines = (folder / "good").read_text().splitlines(keepends=True)
    short = tmp_path / "short"
    short.write_text("".join(lines[:6] + lines[7:]))
    code, out, err = run("--ref", "ref", str(short))
    assert (code, out) == (ExitCode.DATA, "")
    assert f"error: {short} has 19 lines and ref 20 lines" in err
    assert f"the first line that looks shifted is {short}:7" in err
    code, _, err = run("--ref", "ref", "--source", str(short), "good")
    assert (code, "19 lines" in err) == (ExitCode.DATA, True)


@pytest.mark.parametrize(
    ("args", "code", "messages"),
    [
        (["good"], ExitCode.USAGE, ["nothing to compare with", "hint: give --ref"]),
        (["--ref", "ref", "--testset", "wmt14", "good"], ExitCode.USAGE, ["--ref and --testset"]),
        (["--testset", "wmt14", "good"], ExitCode.USAGE, ["--src", "--tgt"]),
        (["--testset", "wmt14x", "--src", "en", "--tgt", "fr", "good"], ExitCode.USAGE, ["no such test set", "wmt14"]),
        (
            ["--testset", "wmt14,wmt15", "--src", "en", "--tgt", "fr", "good"],
            ExitCode.USAGE,
            ["one test set at a time"],
        ),
        (["--ref", "ref", "good", "--seed", "none"], ExitCode.USAGE, ["--seed", "'none' is no seed"]),
        (["--ref", "ref", "good", "--fail-under", "bleu=nan"], ExitCode.USAGE, ["METRIC=NUMBER"]),
        (["--ref", "ref", "-m", "en-fr"], ExitCode.USAGE, ["--source"]),
        (["--ref", "ref", "good", "good"], ExitCode.USAGE, ["two systems are called good"]),
        (["--ref", "-", "-"], ExitCode.USAGE, ["once only"]),
        (["--ref", "ref", "good", "--baseline", "x"], ExitCode.USAGE, ["--baseline x", "there is good"]),
        (["--ref", "ref", "good", "--fail-under", "comet=1"], ExitCode.USAGE, ["comet", "bleu, chrf2"]),
        (["--ref", "ref", "good", "--fail-under", "bleu"], ExitCode.USAGE, ["METRIC=NUMBER"]),
        (["--ref", "ref", "good", "--tokenize", "x"], ExitCode.USAGE, ["no such tokeniser", "13a"]),
        (["--ref", "ref", "good", "--metrics", "meteor"], ExitCode.USAGE, ["meteor"]),
        (["--ref", "ref", "good", "--plot", "x.doc"], ExitCode.USAGE, ["kind of picture"]),
        (["--ref", "ref", "good", "--sentence", "--format", "latex"], ExitCode.USAGE, ["--sentence has no"]),
        (["--ref", "missing", "good"], ExitCode.DATA, ["no such file: missing"]),
        (["--ref", "/dev/null", "good"], ExitCode.DATA, ["/dev/null is empty"]),
        (["--ref", "ref", "--source", "source", "-m", "nowhere"], ExitCode.MODEL, ["nowhere"]),
    ],
)
def test_mistakes_are_one_clear_error(run: Run, args: list[str], code: int, messages: list[str]) -> None:
    found, out, err = run(*args)
    assert (found, out) == (code, "")
    assert err.startswith("error: ")
    assert all(message in err for message in messages), err


@pytest.mark.parametrize(
    "option",
    ["--baseline=good", "--resamples=10", "--trials=10", "--seed=12345", "--fail-under=bleu=1", "--plot=x.svg"],
)
def test_what_is_for_whole_texts_is_refused_of_lines(run: Run, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    args = ("--ref", "ref", "good", "bad", "--sentence")
    code, out, err = run(*args, option)
    assert (code, out) == (ExitCode.USAGE, "")
    assert f"error: {option.partition('=')[0]} is for whole texts" in err
    monkeypatch.setenv("SACREBLEU_SEED", "1")
    assert run(*args)[0] == ExitCode.OK, "the environment is that of all commands"


def test_a_file_with_the_name_of_a_model(run: Run, folder: Path) -> None:
    (folder / "en-fr").write_bytes((folder / "good").read_bytes())
    model = ("-m", "en-fr", "--src", "en", "--tgt", "fr", "--source", "source", *FAST)
    code, out, err = run("--ref", "ref", "en-fr", *model)
    assert (code, out) == (ExitCode.USAGE, "")
    assert "error: a file and a model are both called en-fr\n\nhint: give the whole path of the file" in err
    code, out, _ = run("--ref", "ref", str(folder / "en-fr"), *model, "--format", "json")
    assert [system["name"] for system in json.loads(out)["systems"]] == [str(folder / "en-fr"), "en-fr"]


def test_without_matplotlib_a_picture_is_a_missing_extra(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, out, err = run("--ref", "ref", "good", "--plot", "x.svg")
    assert (code, out) == (ExitCode.MISSING_EXTRA, "")
    assert "pip install 'xlmcli[plot]'" in err


def test_a_model_translates_first(run: Run, tiny_bundle: Path) -> None:
    model = ("-m", str(tiny_bundle), "--src", "en", "--tgt", "fr", "--source", "source")
    code, out, err = run("--ref", "ref", "good", *model, "--format", "json", "-q", *FAST)
    assert (code, err) == (0, "")
    report = json.loads(out)
    manifest = json.loads((tiny_bundle / "xlm.json").read_text())
    assert [system["name"] for system in report["systems"]] == ["good", tiny_bundle.name]
    assert report["systems"][1]["model"] == {"name": tiny_bundle.name, "sha256": manifest["files"]["model.bin"]}
    (table,) = report["tables"]
    values = dict(zip(table["columns"], table["rows"][1], strict=True))
    assert values["lines_per_second"] > 0
    assert values["tokens_per_second"] > values["lines_per_second"]
    assert dict(zip(table["columns"], table["rows"][0], strict=True))["lines_per_second"] is None


def test_the_pipe_gives_what_the_one_command_gives(run: Run, folder: Path, tiny_bundle: Path) -> None:
    direction = ["-m", str(tiny_bundle), "--src", "en", "--tgt", "fr"]
    translate = shlex.join([*XLM, "translate", *direction])
    evaluate = shlex.join([*XLM, "eval", "translate", "--ref", "ref", *FAST])
    line = f"{translate} < source | {evaluate}"
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    piped = rows(done.stdout)
    assert [row["system"] for row in piped] == ["stdin", "stdin"]
    together = rows(run("--ref", "ref", "--source", "source", *direction, *FAST)[1])
    assert [{**row, "system": ""} for row in piped] == [{**row, "system": ""} for row in together]


def test_a_closed_pipe_ends_quietly(folder: Path) -> None:
    line = f"{shlex.join([*XLM, 'eval', 'translate', '--ref', 'ref', '--sentence', '-q', 'good'])} | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"{line}; echo ${{PIPESTATUS[0]}} >&2"], cwd=folder, capture_output=True, timeout=60
    )
    assert done.stdout == b"system\tline\tBLEU\tchrF2\n"
    assert done.stderr == b"0\n"
