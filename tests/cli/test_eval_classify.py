"""``xlm eval classify``: files of labels to figures, as text, TSV, CSV and JSON lines."""

from __future__ import annotations

import csv
import io
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from scipy import stats
from sklearn import metrics

from xlmcli.errors import ExitCode

TIMEOUT_SECONDS = 60

GOLD = ["pos", "neg", "pos", "neu", "neg", "pos", "neu", "pos", "neg", "pos"] * 6
GOOD = ["pos", "neg", "pos", "neu", "neg", "pos", "neu", "neg", "neg", "pos"] * 6
BAD = ["pos", "pos", "pos", "neg", "neg", "pos", "pos", "neg", "pos", "pos"] * 6


class Done(NamedTuple):
    """How a command ended, and the report that it wrote."""

    code: int
    out: str
    err: str

    @property
    def tables(self) -> list[list[dict[str, str]]]:
        """The tables of a TSV report."""
        return [list(csv.DictReader(io.StringIO(part), delimiter="\t")) for part in self.out.split("\n\n")]

    @property
    def report(self) -> dict[str, Any]:
        """A report in JSON."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value

    def score(self, system: str, metric: str) -> dict[str, Any]:
        """A score of a report in JSON."""
        (scores,) = (item["scores"] for item in self.report["systems"] if item["name"] == system)
        (score,) = (item for item in scores if item["metric"] == metric)
        return dict(score)

    def table(self, name: str, system: str | None) -> list[list[Any]]:
        """The rows of a table of a report in JSON."""
        (rows,) = (
            table["rows"] for table in self.report["tables"] if (table["name"], table["system"]) == (name, system)
        )
        return list(rows)


Evaluate = Callable[..., Done]
Write = Callable[[str, str], str]


@pytest.fixture
def evaluate(xlm: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Evaluate:
    """Runs ``xlm eval classify`` in this process, in a folder of its own: ``evaluate(option, …, stdin="…")``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SACREBLEU_SEED", "1")

    return lambda *args, stdin="": Done(*xlm("eval", "classify", *args, stdin=stdin))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file into the folder: ``write(name, content)`` returns its name."""

    def write_file(name: str, content: str) -> str:
        (tmp_path / name).write_text(content, encoding="utf-8")
        return name

    return write_file


def lines(labels: list[str]) -> str:
    return "".join(f"{label}\n" for label in labels)


def test_what_classify_writes_is_scored_from_a_pipe(evaluate: Evaluate, write: Write) -> None:
    gold = write("gold.tsv", "".join(f"{label}\ttext {index}\n" for index, label in enumerate(GOLD)))
    done = evaluate("--gold", gold, stdin="".join(f"{label}\t0.9000\n" for label in GOOD))
    assert (done.code, done.err) == (ExitCode.OK, "")
    scores, labels, confusion, calibration = done.tables
    expected = metrics.classification_report(GOLD, GOOD, output_dict=True)
    figures = {row["metric"]: row["score"] for row in scores}
    assert figures["accuracy"] == f"{expected['accuracy']:.4f}"
    for average in ("macro", "weighted"):
        for ours, theirs in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
            assert figures[f"{average}_{ours}"] == f"{expected[f'{average} avg'][theirs]:.4f}"
    assert [row["label"] for row in labels] == ["neg", "neu", "pos"]
    for row in labels:
        assert row["f1"] == f"{expected[row['label']]['f1-score']:.4f}"
        assert int(row["support"]) == expected[row["label"]]["support"]
    matrix = metrics.confusion_matrix(GOLD, GOOD)
    assert [[int(row[label]) for label in ("neg", "neu", "pos")] for row in confusion] == matrix.tolist()
    # 90 % sure and 90 % right.
    assert calibration == [{"system": "stdin", "expected_calibration_error": "0.0000"}]


def test_systems_are_tested_against_the_first(evaluate: Evaluate, write: Write) -> None:
    gold, good, bad = (
        write(f"{name}.txt", lines(labels)) for name, labels in zip("abc", (GOLD, GOOD, BAD), strict=True)
    )
    done = evaluate("--gold", gold, bad, good, "--format", "json")
    assert done.code == ExitCode.OK
    assert done.report["baseline"] == bad
    score = done.score(good, "accuracy")
    assert score["value"] == pytest.approx(0.9)
    assert score["interval"]["low"] < 0.9 < score["interval"]["high"]
    only_good = sum(g == a != b for g, a, b in zip(GOLD, GOOD, BAD, strict=True))
    only_bad = sum(g == b != a for g, a, b in zip(GOLD, GOOD, BAD, strict=True))
    expected = stats.binomtest(only_good, only_good + only_bad).pvalue
    assert score["p_values"]["mcnemar"] == pytest.approx(expected)
    assert 0 < score["p_values"]["bootstrap"] < 0.05
    assert "better than baseline" in score["verdict"]
    assert list(done.score(good, "macro_f1")["p_values"]) == ["bootstrap"]
    assert done.score(bad, "accuracy")["p_values"] == {}
    other = evaluate("--gold", gold, bad, good, "--format", "json", "--baseline", good)
    assert "worse than baseline" in other.score(bad, "accuracy")["verdict"]


def test_too_few_resamples_are_noted(evaluate: Evaluate, write: Write) -> None:
    write("gold.txt", "good\nbad\n" * 30)
    write("a.txt", "good\nbad\n" * 30)
    write("b.txt", "good\ngood\n" * 30)
    _, out, err = evaluate("--gold", "gold.txt", "a.txt", "b.txt", "--resamples", "19")
    assert "note: with 19 resamples, no test can show p < 0.05: it takes 20 or more\n" in err
    assert "worse than baseline" not in out
    _, out, err = evaluate("--gold", "gold.txt", "a.txt", "b.txt", "--resamples", "20")
    assert "no test can show" not in err
    assert "worse than baseline" in out


def test_the_seed_decides_and_no_resamples_give_no_intervals(evaluate: Evaluate, write: Write) -> None:
    files = ("--gold", write("gold.txt", lines(GOLD)), write("bad.txt", lines(BAD)), "--format", "json")
    first, again, other = (evaluate(*files, "--seed", seed).score("bad.txt", "macro_f1") for seed in ("1", "1", "2"))
    assert first == again
    assert first["interval"] != other["interval"]
    without = evaluate(*files, "--resamples", "0").score("bad.txt", "macro_f1")
    assert (without["interval"], without["value"]) == (None, first["value"])


def test_languages_stand_by_themselves_and_against_the_training_language(evaluate: Evaluate, write: Write) -> None:
    rows = [("fr" if index % 2 else "en", label) for index, label in enumerate(GOLD)]
    gold = write("gold.csv", "lang,label\n" + "".join(f"{lang},{label}\n" for lang, label in rows))
    files = ("--gold", gold, write("bad.txt", lines(BAD)), "--lang-column", "lang", "--format", "json")
    accuracy = {lang: metrics.accuracy_score(GOLD[start::2], BAD[start::2]) for start, lang in enumerate(("en", "fr"))}
    assert accuracy["en"] != accuracy["fr"]
    table = evaluate(*files).table("languages", "bad.txt")
    assert [row[:3] for row in table] == [["en", 30, accuracy["en"]], ["fr", 30, accuracy["fr"]]]
    done = evaluate(*files, "--train-lang", "fr")
    french, english = done.table("languages", "bad.txt")
    assert (french[0], french[-3:]) == ("fr", [0, 0, 0])
    assert english[5] == pytest.approx(accuracy["en"] - accuracy["fr"])


def test_columns_and_fields_are_chosen(evaluate: Evaluate, write: Write) -> None:
    gold = write("gold.csv", 'text,mood\n"a, b",pos\nc,neg\nd,pos\n')
    tsv = write("one.tsv", "a, b\tpos\t0.9\nc\tneg\t0.7\nd\tneg\t0.5\n")
    options = ("--gold", gold, "--gold-column", "mood", "--format", "json")
    done = evaluate(*options, "--column", "2", "--probability-column", "3", tsv)
    assert done.score(tsv, "accuracy")["value"] == pytest.approx(2 / 3)
    assert done.table("calibration", None) == [[tsv, pytest.approx((0.1 + 0.3 + 0.5) / 3)]]
    objects = write("two.jsonl", '{"says": "pos"}\n{"says": "neg"}\n{"says": "pos"}\n')
    assert evaluate(*options, "--field", "says", objects).score(objects, "accuracy")["value"] == 1
    stdin = "x,label,probability\na,pos,1\nb,pos,1\nc,pos,1\n"
    done = evaluate(*options, "--label-format", "csv", stdin=stdin)
    assert done.table("calibration", None) == [["stdin", pytest.approx(1 / 3)]]


def table(kind: str, column: str, labels: list[str]) -> str:
    """Labels in a column, as a file of a format; in plain text there are no columns."""
    if kind == "txt":
        return lines(labels)
    if kind == "jsonl":
        return lines([json.dumps({"x": "1", column: label}) for label in labels])
    return lines([column, *labels])


@pytest.mark.parametrize("gold", ["txt", "tsv", "csv", "jsonl"])
@pytest.mark.parametrize("predicted", ["txt", "tsv", "csv", "jsonl"])
def test_a_column_is_for_files_that_have_columns(evaluate: Evaluate, write: Write, gold: str, predicted: str) -> None:
    files = ("--gold", write(f"gold.{gold}", table(gold, "says", GOLD)))
    files += (write(f"predicted.{predicted}", table(predicted, "says", GOOD)), "--format", "json")
    done = evaluate(*files, "--column", "says")
    if gold == predicted == "txt":
        assert done.code == ExitCode.USAGE
        assert "plain text has no column or field 'says'" in done.err
    else:
        assert done.score(f"predicted.{predicted}", "accuracy")["value"] == 0.9
    for option in ("--gold-column", "--lang-column"):
        done = evaluate(*files, "--column", "says", option, "says")
        assert (done.code == ExitCode.USAGE) == (gold == "txt" or (option, predicted) == ("--gold-column", "txt"))


def test_several_files_of_predictions_may_have_columns_or_not(evaluate: Evaluate, write: Write) -> None:
    write("gold.txt", "a\nb\n")
    write("one.csv", "says,sure\na,0.5\na,0.5\n")
    write("two.txt", "a\nb\n")
    options = ("--gold", "gold.txt", "--format", "json", "--column", "says", "--probability-column", "sure")
    done = evaluate(*options, "one.csv", "two.txt")
    assert [done.score(name, "accuracy")["value"] for name in ("one.csv", "two.txt")] == [0.5, 1]
    assert evaluate(*options, "two.txt").code == ExitCode.USAGE


def test_multiple_labels(evaluate: Evaluate, write: Write) -> None:
    gold = write("gold.txt", "a,b\n\nb\nc\n")
    done = evaluate(
        "--gold", gold, "--multi-label", "--format", "json", stdin="b\t0.9\ta\t0.8\n\nb\t0.9\tc\t0.6\na\t0.7\n"
    )
    assert done.code == ExitCode.OK
    assert done.score("stdin", "accuracy")["value"] == 0.5
    assert done.score("stdin", "micro_f1")["value"] == pytest.approx(2 * 3 / (4 + 5))
    assert {table["name"] for table in done.report["tables"]} == {"labels"}


@pytest.mark.parametrize("suffix", ["txt", "tsv"])
def test_no_label_of_many_is_an_answer(evaluate: Evaluate, write: Write, suffix: str) -> None:
    gold, predicted = write(f"gold.{suffix}", "a\n\nb\nb\n"), write(f"predicted.{suffix}", "\na\nb\nb\n")
    done = evaluate("--gold", gold, "--multi-label", "--format", "json", predicted)
    assert done.score(f"predicted.{suffix}", "accuracy")["value"] == 0.5


def test_the_format_of_stdin_is_told_beside_gold_in_text(evaluate: Evaluate, write: Write) -> None:
    objects = '{"label": "a"}\n{"label": "b"}\n'
    done = evaluate("--gold", write("gold.txt", "a\nb\n"), "--label-format", "jsonl", "--format", "json", stdin=objects)
    assert done.score("stdin", "accuracy")["value"] == 1


def test_labels_that_gold_lacks_are_named(evaluate: Evaluate, write: Write) -> None:
    gold = write("gold.txt", "pos\nneg\n")
    done = evaluate("--gold", gold, "--labels", "neg,neu,pos", stdin="pos\nneu\n")
    assert done.code == ExitCode.OK
    assert [row["label"] for row in done.tables[1]] == ["neg", "neu", "pos"]


def test_a_gate_fails_after_the_report(evaluate: Evaluate, write: Write) -> None:
    files = ("--gold", write("gold.txt", lines(GOLD)), write("good.txt", lines(GOOD)))
    passing = evaluate(*files, "--fail-under", "accuracy=0.9,macro_f1=0.5")
    assert (passing.code, passing.err) == (ExitCode.OK, "")
    failing = evaluate(*files, "--fail-under", "accuracy=0.95,macro_f1=0.5")
    assert (failing.code, failing.out) == (ExitCode.GATE_FAILED, passing.out)
    assert "good.txt: accuracy 0.9000 is under 0.95" in failing.err
    unknown = evaluate(*files, "--fail-under", "bleu=1")
    assert (unknown.code, unknown.out) == (ExitCode.USAGE, "")


@pytest.mark.parametrize(
    ("gold", "predicted", "options", "messages"),
    [
        ("a\nb\n", "a\nc\n", [], ["stdin:2: unknown label 'c'"]),
        ("a\nb\n", "a\nb\n", ["--labels", "a,c"], ["gold.txt:2: unknown label 'b'"]),
        ("", "a\n", [], ["gold.txt: no labels: the file is empty"]),
        ("a\n", "", [], ["stdin: no labels: the file is empty"]),
        ("a\n\n", "a\na\n", [], ["gold.txt:2: no label"]),
        ("a\nb\n", "a\t0.5\nb\tnan\n", [], ["stdin:2: expected a probability from 0 to 1, found 'nan'"]),
        ("a\nb\n", "a\t0.5\nb\t1.5\n", [], ["stdin:2: expected a probability from 0 to 1, found '1.5'"]),
        ("a\nb\n", "a\t0.5\nb\n", [], ["stdin:2: no probability"]),
        ("a\nb\nc\nb\na\n", "a\nc\nb\na\n", [],
         ["stdin has 4 labels and gold.txt 5", "the first line that looks shifted is stdin:2"]),
        ("a\n", '{"a": 1}\n', ["--label-format", "jsonl"], ["stdin:1: "]),
        ("a\n", "a\n", ["--label-format", "jsonl"], ["stdin:1: not JSON"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_files_is_named_with_its_line(
    evaluate: Evaluate, write: Write, gold: str, predicted: str, options: list[str], messages: list[str]
) -> None:
    done = evaluate("--gold", write("gold.txt", gold), *options, stdin=predicted)
    assert (done.code, done.out) == (ExitCode.DATA, "")
    for message in messages:
        assert message in done.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--input", "x"], "-m and --input belong together"),
        (["-m", "x", "--input", "x.tsv"], "--input x.tsv: texts are read from plain text"),
        (["--train-lang", "en"], "--train-lang needs languages"),
        (["-", "-"], "standard input can be read once only"),
        (["--column", "x"], "plain text has no column or field 'x'"),
        (["gold.txt", "--baseline", "x"], "--baseline x: no such system"),
        (["gold.txt", "gold.txt"], "two systems are called gold.txt"),
        (["--plot", "x.exe"], "x.exe"),
    ],
)
def test_what_is_wrong_with_options_is_a_usage_error(
    evaluate: Evaluate, write: Write, options: list[str], message: str
) -> None:
    done = evaluate("--gold", write("gold.txt", "a\n"), *options, stdin="a\n")
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert message in done.err


def test_a_training_language_without_lines_is_a_usage_error(evaluate: Evaluate, write: Write) -> None:
    gold = write("gold.tsv", "a\ten\n")
    done = evaluate("--gold", gold, "--lang-column", "2", "--train-lang", "fr", stdin="a\n")
    assert done.code == ExitCode.USAGE
    assert "no line is in the training language 'fr'" in done.err


def test_suspicious_predictions_are_noted_on_stderr(evaluate: Evaluate, write: Write) -> None:
    gold = write("gold.txt", "a\nb\n")
    assert "stdin says 'a' in every line" in evaluate("--gold", gold, stdin="a\na\n").err
    assert "the same labels in every line" in evaluate("--gold", gold, stdin="a\nb\n").err
    assert evaluate("--gold", gold, "-q", stdin="a\nb\n").err == ""
    everything = "a\t0.9\tb\t0.1\nb\t0.8\ta\t0.2\n"
    assert "stdin says all of 2 labels" in evaluate("--gold", gold, "--multi-label", stdin=everything).err


@pytest.fixture
def texts(sentences: dict[str, list[str]]) -> list[str]:
    return sentences["en"]


def test_a_model_classifies_first(evaluate: Evaluate, write: Write, tiny_classifier: Path, texts: list[str]) -> None:
    gold = write("gold.txt", lines([["negative", "neutral", "positive"][index % 3] for index in range(len(texts))]))
    source = write("texts.txt", lines(texts))
    model = ("-m", str(tiny_classifier), "--input", source, "--lang", "en")
    done = evaluate("--gold", gold, *model, "--format", "json", "-q")
    assert (done.code, done.err) == (ExitCode.OK, "")
    (system,) = done.report["systems"]
    assert len(system["model"]["sha256"]) == 64
    xlm = shlex.join([sys.executable, "-m", "xlmcli"])
    pipe = (
        f"{xlm} classify -q -m {shlex.quote(str(tiny_classifier))} --lang en < {source}"
        f" | {xlm} eval classify -q --gold {gold} --format json --seed 1"
    )
    piped = subprocess.run(["bash", "-o", "pipefail", "-c", pipe], capture_output=True, timeout=TIMEOUT_SECONDS)
    assert (piped.returncode, piped.stderr) == (0, b"")
    expected = Done(0, piped.stdout.decode(), "")
    assert system["scores"] == expected.report["systems"][0]["scores"]
    assert done.table("confusion", system["name"]) == expected.table("confusion", "stdin")
    # Four decimals come through the pipe.
    ((_, error),), ((_, piped_error),) = done.table("calibration", None), expected.table("calibration", None)
    assert error == pytest.approx(piped_error, abs=2e-4)


def test_models_are_named_before_they_are_asked(
    evaluate: Evaluate, write: Write, tiny_classifier: Path, texts: list[str], tmp_path: Path
) -> None:
    gold, source = write("gold.txt", lines(["negative", "neutral"])), write("texts.txt", lines(texts[:2]))
    models = []
    for name in "ab":
        shutil.copytree(tiny_classifier, tmp_path / name / "m")
        models += ["-m", str(tmp_path / name / "m")]
    options = ("--gold", gold, *models, "--input", source, "--lang", "en", "--format", "json")
    done = evaluate(*options)
    assert [system["name"] for system in done.report["systems"]] == models[1::2]
    write("texts.txt", "\xff\n")
    assert "--baseline c: no such system" in evaluate(*options, "--baseline", "c").err


def test_models_classify_the_same_texts(
    evaluate: Evaluate, write: Write, tiny_classifier: Path, texts: list[str], tmp_path: Path
) -> None:
    gold = write("gold.txt", lines(["negative"] * len(texts)))
    models = []
    for name in "ab":
        models += ["-m", str(shutil.copytree(tiny_classifier, tmp_path / name))]
    options = ("--gold", gold, *models, "--lang", "en", "--format", "json", "-q")
    done = evaluate(*options, "--input", "-", stdin=lines(texts))
    assert (done.code, done.err) == (ExitCode.OK, "")
    assert done.report["systems"] == evaluate(*options, "--input", write("texts.txt", lines(texts))).report["systems"]
    assert [system["name"] for system in done.report["systems"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("gold", "source", "options", "message"),
    [
        ("negative\n" * 2, "good\n" * 3, [], "texts.txt has 3 lines and gold.txt 2 labels"),
        ("negative\n" * 2, "good\n", [], "texts.txt has 1 line and gold.txt 2 labels"),
        ("odd\n", "good\n", ["--labels", "negative,positive"], "gold.txt:1: unknown label 'odd'"),
        ("negative\n" * 2, "good\n" * 2, ["short.txt"], "short.txt has 1 labels and gold.txt 2"),
        ("negative\n", "good\n", ["-m", "en-fr"], "en-fr does not classify"),
    ],
)
def test_what_does_not_fit_is_told_before_a_model_is_asked(
    evaluate: Evaluate,
    write: Write,
    tiny_classifier: Path,
    monkeypatch: pytest.MonkeyPatch,
    gold: str,
    source: str,
    options: list[str],
    message: str,
) -> None:
    monkeypatch.setattr("xlmcli.cli.eval.models.classify_texts", None)
    write("gold.txt", gold)
    write("texts.txt", source)
    write("short.txt", "negative\n")
    done = evaluate("--gold", "gold.txt", "-m", str(tiny_classifier), "--input", "texts.txt", *options)
    assert (done.code in (ExitCode.DATA, ExitCode.MODEL), done.out) == (True, "")
    assert message in done.err


def test_labels_of_the_model_need_not_be_in_gold(
    evaluate: Evaluate, write: Write, tiny_classifier: Path, texts: list[str]
) -> None:
    gold = write("gold.txt", lines(["mixed"] * len(texts)))
    source = write("texts.txt", lines(texts))
    done = evaluate("--gold", gold, "-m", str(tiny_classifier), "--input", source, "--lang", "en")
    assert done.code == ExitCode.OK
    assert "cannot say mixed, which gold has" in done.err


def test_a_text_without_label_is_named(
    evaluate: Evaluate, write: Write, tiny_classifier: Path, texts: list[str]
) -> None:
    gold = write("gold.txt", "positive\npositive\n")
    source = write("texts.txt", f"{texts[0]}\n\n")
    done = evaluate("--gold", gold, "-m", str(tiny_classifier), "--input", source, "--lang", "en", "-q")
    assert (done.code, done.out) == (ExitCode.DATA, "")
    assert "texts.txt:2: no label" in done.err


def test_a_model_of_many_labels_says_which_option_it_needs(
    evaluate: Evaluate, write: Write, make_classifier: Callable[[Any], Path], classifier_sizes: Any, texts: list[str]
) -> None:
    model = make_classifier(classifier_sizes(multi_label=True))
    gold, source = write("gold.txt", lines(["positive"] * 2)), write("texts.txt", lines(texts[:2]))
    done = evaluate("--gold", gold, "-m", str(model), "--input", source, "--lang", "en", "-q")
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert "any number of labels" in done.err
    assert "--multi-label" in done.err
