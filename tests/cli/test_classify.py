"""``xlm classify`` as a shell sees it."""

from __future__ import annotations

import csv
import io
import json
import shlex
import subprocess
import sys
from codecs import BOM_UTF8
from collections.abc import Callable
from pathlib import Path

import pytest

from xlmcli.errors import ExitCode

TIMEOUT_SECONDS = 60

RunXlm = Callable[..., tuple[int, str, str]]
Classify = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def command(tiny_classifier: Path) -> list[str]:
    return [sys.executable, "-m", "xlmcli", "classify", "-m", str(tiny_classifier)]


@pytest.fixture
def classify(command: list[str]) -> Classify:
    """Runs to the end: ``classify(input, option, …)``."""

    def run(content: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*command, *options], input=content, capture_output=True, timeout=TIMEOUT_SECONDS)

    return run


@pytest.fixture
def lines(sentences: dict[str, list[str]]) -> list[str]:
    return [line for pair in zip(sentences["en"], sentences["fr"], strict=True) for line in pair]


def test_lines_in_labels_out(classify: Classify) -> None:
    done = classify("Good morning.\n\n \t\nHow are\ryou?\r\n\0\x01\N{PILE OF POO}\u2028\u0085x\nno end".encode())
    assert (done.returncode, done.stderr) == (0, b"")
    output = done.stdout.decode().split("\n")
    assert [len(line.split("\t")) for line in output] == [2, 1, 1, 2, 2, 2, 1]
    assert output[1:3] == ["", ""]
    assert [line.endswith("\r") for line in output] == [False, False, False, True, False, False, False]
    assert classify(b"").stdout == b""


def test_all_labels_sum_to_one_and_begin_with_the_best(classify: Classify, lines: list[str]) -> None:
    content = "\n".join(lines).encode()
    best = classify(content).stdout.decode().splitlines()
    for line, first in zip(classify(content, "--all").stdout.decode().splitlines(), best, strict=True):
        columns = line.split("\t")
        probabilities = list(map(float, columns[1::2]))
        assert sorted(columns[::2]) == ["negative", "neutral", "positive"]
        assert sum(probabilities) == pytest.approx(1, abs=2e-4)
        assert probabilities == sorted(probabilities, reverse=True)
        assert "\t".join(columns[:2]) == first
    assert len({line.split("\t")[0] for line in best}) > 1, "a test of labels needs several"


def test_the_language_can_be_told(classify: Classify) -> None:
    told = [classify(b"Good morning.\n", "--lang", lang).stdout for lang in ("en", "fr")]
    assert told[0] != told[1]
    assert (
        classify(b"Good morning, where is the train?\n", "--lang", "auto").stdout
        == classify(b"Good morning, where is the train?\n", "--lang", "en").stdout
    )


def test_echo_and_abstain(classify: Classify, lines: list[str]) -> None:
    content = "\n".join([lines[0], "", *lines[1:]]).encode()
    output = classify(content, "--echo", "--threshold", "0.7", "--abstain", "unsure").stdout.decode().splitlines()
    assert output.pop(1) == ""
    assert [line.split("\t")[2] for line in output] == lines
    for line in output:
        label, probability, _ = line.split("\t")
        assert (label == "unsure") == (float(probability) < 0.7)
    assert len({line.split("\t")[0] == "unsure" for line in output}) == 2


COMMA_LABELS = ("so", "so, so", '5" pipe')
RAW = b"\xef\xbb\xbf Good\rmorning. \r\n \t\n\nbad \xff\xe9 night\t.\n\xa0\xc2\xa0\n\rIl pleut.\r\r\n"


def test_selected_and_echoed_lines_are_given_back_byte_for_byte(classify: Classify) -> None:
    lines = [line + b"\n" for line in RAW.split(b"\n")[:-1]]
    options = ["--errors", "replace", "--quiet"]
    echoed = [line + b"\n" for line in classify(RAW, "--echo", *options).stdout.split(b"\n")[:-1]]
    assert echoed[2] == b"\n"
    # The mark would stand behind the label.
    assert [line.split(b"\t", 2)[-1] for line in echoed] == [lines[0].removeprefix(BOM_UTF8), *lines[1:]]
    for name in ("negative", "neutral", "positive"):
        labelled = [(line, answer.startswith(f"{name}\t".encode())) for line, answer in zip(lines, echoed, strict=True)]
        only, rest = (b"".join(line for line, is_it in labelled if is_it == wanted) for wanted in (True, False))
        assert classify(RAW, "--only", name, *options).stdout == only
        assert classify(RAW, "--not", name, *options).stdout == rest


@pytest.fixture(scope="module")
def comma_classifier(make_classifier: Callable[..., Path], classifier_sizes: type) -> Path:
    return make_classifier(classifier_sizes(labels=COMMA_LABELS))


@pytest.mark.parametrize("suffix", ["txt", "tsv", "csv", "jsonl"])
@pytest.mark.parametrize("options", [[], ["-k", "2"]])
def test_labels_with_commas_and_quotes_are_read_back(
    comma_classifier: Path, lines: list[str], tmp_path: Path, xlm: RunXlm, suffix: str, options: list[str]
) -> None:
    rows = {
        "txt": lines,
        "tsv": ["text", *lines],
        "csv": ["text", *(f'"{line}"' for line in lines)],
        "jsonl": [json.dumps({"text": line}) for line in lines],
    }
    for name, content in rows.items():
        (tmp_path / f"in.{name}").write_text("".join(f"{row}\n" for row in content), encoding="utf-8")
    model = ("classify", "-m", comma_classifier)
    labels = [line.split("\t")[0] for line in xlm(*model, tmp_path / "in.txt")[1].splitlines()]
    assert set(labels) == set(COMMA_LABELS)
    (tmp_path / "gold.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    formats = {"tsv": ["--column", "text"], "csv": ["--column", "text"]}.get(suffix, [])
    out = tmp_path / f"out.{suffix}"
    assert xlm(*model, tmp_path / f"in.{suffix}", *formats, *options, "-o", out)[0] == 0
    done = xlm("eval", "classify", "--gold", tmp_path / "gold.txt", out, "--fail-under", "accuracy=1", "-q")
    assert (done[0], done[2]) == (0, "")


def test_labels_with_commas_and_quotes_can_be_looked_for(
    comma_classifier: Path, lines: list[str], tmp_path: Path, xlm: RunXlm
) -> None:
    (tmp_path / "in.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    model = ("classify", "-m", comma_classifier, tmp_path / "in.txt")
    labels = [line.split("\t")[0] for line in xlm(*model)[1].splitlines()]
    for name in COMMA_LABELS:
        selected = [line for line, label in zip(lines, labels, strict=True) if label == name]
        for spelled in (name, '"' + name.replace('"', '""') + '"'):
            assert xlm(*model, "--only", spelled)[1].splitlines() == selected
    rest = [line for line, label in zip(lines, labels, strict=True) if label == '5" pipe']
    assert xlm(*model, "--not", "so, so", "--not", "so")[1].splitlines() == rest
    assert xlm(*model, "--not", 'so,"so, so"')[1].splitlines() == rest


def test_only_and_not_are_grep(command: list[str], classify: Classify, lines: list[str]) -> None:
    labels = [line.split("\t")[0] for line in classify("\n".join(lines).encode()).stdout.decode().splitlines()]
    expected = {name: [line for line, label in zip(lines, labels, strict=True) if label == name] for name in labels}
    for name, selected in expected.items():
        script = f"printf '%s\\n' {shlex.join(lines)} | {shlex.join(command)} --only {name} | sort | grep -c ."
        done = subprocess.run(["bash", "-c", script], capture_output=True, timeout=TIMEOUT_SECONDS)
        assert (done.returncode, int(done.stdout)) == (0, len(selected))
        content = "".join(f"{line}\r\n" for line in lines).encode()
        assert classify(content, "--only", name).stdout.decode() == "".join(f"{line}\r\n" for line in selected)
        rest = classify(content, "--not", name).stdout.decode()
        assert rest == "".join(f"{line}\r\n" for line in lines if line not in selected)
    names = ",".join(expected)
    assert classify("\n".join(lines).encode(), "--only", names).stdout.decode().splitlines() == lines


def test_nothing_found_is_exit_code_1(classify: Classify, lines: list[str]) -> None:
    done = classify(b"\n\n", "--only", "negative,neutral,positive")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    done = classify(b"\n\n", "--not", "negative")
    assert (done.returncode, done.stdout) == (0, b"\n\n")
    everything = classify("\n".join(lines).encode(), "--not", "negative,neutral,positive")
    assert (everything.returncode, everything.stdout) == (1, b"")


def test_selected_rows_are_untouched(classify: Classify) -> None:
    content = b'id,note\n1,"5"" ""pipe"""\n2,"x",\n'.replace(b",\n", b"\n")
    rows = [
        classify(content, "--format", "csv", "--column", "note", option, "positive").stdout
        for option in ("--only", "--not")
    ]
    bodies = [row.removeprefix(b"id,note\n") for row in rows]
    assert all(row.startswith(b"id,note\n") for row in rows)
    assert sorted(b"".join(bodies).splitlines()) == [b'1,"5"" ""pipe"""', b'2,"x"']


def test_tables_gain_two_columns(classify: Classify) -> None:
    content = b'id,note\n1,"Good, ""very"" good"\n2,\n'
    output = classify(content, "--format", "csv", "--column", "note", "-k", "2").stdout.decode()
    header, first, second = csv.reader(io.StringIO(output))
    assert header == ["id", "note", "label", "probability"]
    assert first[:2] == ["1", 'Good, "very" good']
    assert len(first[2].split(",")) == len(first[3].split(",")) == 2
    assert second == ["2", "", "", ""]


def test_pairs_of_columns_and_fields(classify: Classify) -> None:
    table = classify(b"a\tIl pleut.\tLa pluie tombe.\n", "--format", "tsv", "--column", "2", "--pair-column", "3")
    values = {"one": "Il pleut.", "two": "La pluie tombe."}
    line = classify(json.dumps(values).encode(), "--format", "jsonl", "--field", "one", "--pair-field", "two")
    answer = json.loads(line.stdout)
    assert answer["lang"] == "fr"
    label, probability = table.stdout.decode().rstrip("\n").split("\t")[3:]
    assert (answer["label"], answer["probability"]) == (label, pytest.approx(float(probability)))
    alone = classify(b"a\tIl pleut.\n", "--format", "tsv", "--column", "2").stdout
    assert alone.decode().rstrip("\n").split("\t")[2:] != [label, probability]
    done = classify(b"a\tb\n", "--format", "tsv", "--pair-column", "3")
    assert (done.returncode, done.stdout) == (ExitCode.DATA, b"")
    assert b"expected at least 3 columns, found 2" in done.stderr
    assert b"hint: --column and --pair-column" in done.stderr


def test_objects_keep_their_language(classify: Classify) -> None:
    done = classify(b'{"text": "Good morning.", "lang": "mine"}\n{"text": ""}\n', "--format", "jsonl", "--all")
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["lang"] == "mine"
    assert first["labels"][0]["label"] == first["label"]
    assert second == {"text": "", "label": None, "probability": None, "labels": []}
    done = classify(b'{"text": "a", "labels": [1]}\n', "--format", "jsonl")
    assert (done.returncode, json.loads(done.stdout)["labels"]) == (0, [1])
    done = classify(b'{"text": "a", "labels": [1]}\n', "--format", "jsonl", "--all")
    assert b"the object has a field 'labels' already" in done.stderr
    done = classify(b'{"text": "a", "label": 1}\n', "--format", "jsonl")
    assert (done.returncode, done.stdout) == (ExitCode.DATA, b"")
    assert b"<stdin>:1: the object has a field 'label' already" in done.stderr


def test_long_lines_are_read_in_passages_and_cuts_are_said(classify: Classify, lines: list[str]) -> None:
    done = classify(f"{' '.join(lines)}\n{'the cat sleeps ' * 60}\n".encode())
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 2)
    assert done.stderr == b"note: 1 line with a sentence longer than the model, which was read in parts\n"
    done = classify(f"{'the cat sleeps ' * 60}\tIt rains.\n".encode(), "--format", "tsv", "--pair-column", "2")
    assert done.stderr == b"note: 1 line with a pair longer than the model, whose longer text was cut\n"


@pytest.mark.parametrize("options", [[], ["--explain"]])
def test_the_first_answer_comes_before_the_second_line(command: list[str], options: list[str]) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, *options], stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin
        assert process.stdout
        for line in (b"Good morning.\n", b"How are you today?\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline().count(b"\t") == 1 + len(options)
        process.stdin.close()
        assert process.wait(TIMEOUT_SECONDS) == 0


@pytest.mark.parametrize("options", [[], ["--not", "negative"]])
def test_a_closed_pipe_ends_quietly(command: list[str], options: list[str]) -> None:
    script = f"yes $'Good morning.\\n' | {shlex.join([*command, *options])} | head -n 1; echo ${{PIPESTATUS[1]}} >&2"
    done = subprocess.run(["bash", "-c", script], capture_output=True, timeout=TIMEOUT_SECONDS)
    assert (done.stdout.count(b"\n"), done.stderr) == (1, b"0\n")


def test_what_was_read_before_an_error_is_answered(classify: Classify, tmp_path: Path) -> None:
    done = classify(b"Good.\nbad \xff\n")
    assert (done.returncode, done.stdout.count(b"\n")) == (ExitCode.DATA, 1)
    assert b"<stdin>:2: invalid UTF-8" in done.stderr
    out = tmp_path / "labels.txt"
    assert classify(b"Good.\nbad \xff\n", "-o", str(out)).returncode == ExitCode.DATA
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "exit_code", "messages"),
    [
        (["--only", "good"], ExitCode.USAGE, ["no label 'good'", "hint: it has negative, neutral, positive"]),
        (["--only", "neutral, good"], ExitCode.USAGE, ["no label 'good'"]),
        (["--not", "unsure"], ExitCode.USAGE, ["no label 'unsure'"]),
        (["--only", "neutral", "--not", "positive"], ExitCode.USAGE, ["--only and --not"]),
        (["--only", "neutral", "--echo"], ExitCode.USAGE, ["without labels"]),
        (["--not", "neutral", "-k", "2"], ExitCode.USAGE, ["without labels"]),
        (["--only", "neutral", "--explain"], ExitCode.USAGE, ["without labels"]),
        (["--echo", "--explain"], ExitCode.USAGE, ["--echo and --explain"]),
        (["--all", "-k", "2"], ExitCode.USAGE, ["--all"]),
        (["--abstain", "unsure"], ExitCode.USAGE, ["--abstain", "--threshold"]),
        (["--threshold", "2"], ExitCode.USAGE, ["--threshold"]),
        (["--echo", "--format", "csv"], ExitCode.USAGE, ["--echo"]),
        (["--pair-column", "2"], ExitCode.USAGE, ["--pair-column is for tables"]),
        (["--lang", "de"], ExitCode.MODEL, ["no language 'de'", "en, fr"]),
        (["missing.txt"], ExitCode.DATA, ["no such file: missing.txt"]),
        (["Good morning."], ExitCode.DATA, ["no such file: Good morning.", '--text "…" takes a text']),
    ],
)
def test_mistakes_are_one_clear_error(
    classify: Classify, options: list[str], exit_code: int, messages: list[str]
) -> None:
    done = classify(b"Hello.\n", *options)
    assert (done.returncode, done.stdout) == (exit_code, b"")
    error = done.stderr.decode()
    assert error.startswith("error: ")
    assert all(message in error for message in messages)


def test_a_translation_model_does_not_classify(command: list[str], tiny_bundle: Path) -> None:
    done = subprocess.run([*command, "-m", str(tiny_bundle), "--text", "a"], capture_output=True)
    assert done.returncode == ExitCode.MODEL
    assert b"does not classify" in done.stderr
