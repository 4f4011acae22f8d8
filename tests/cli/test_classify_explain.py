"""``xlm classify --explain`` as a shell sees it, in a pipe and on a terminal."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TIMEOUT_SECONDS = 60
CODES = re.compile(r"\x1b\[[\d;]*m")

Classify = Callable[..., str]


@pytest.fixture
def classify(xlm: Callable[..., Any], tiny_classifier: Path) -> Classify:
    """Runs to the end: ``classify(input, option, …)``."""

    def run(content: str, *options: str) -> str:
        done = xlm("classify", "-m", tiny_classifier, *options, stdin=content)
        assert (done.code, done.err) == (0, "")
        return str(done.out)

    return run


@pytest.fixture
def show(tiny_classifier: Path, tmp_path: Path) -> Callable[..., str]:
    """Runs with a terminal for stdout: ``show(text, option, …, NAME=value)``."""

    def run(content: str, *options: str, **variables: str) -> str:
        path = tmp_path / "input.txt"
        path.write_bytes(content.encode())
        environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        main_end, other_end = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "xlmcli", "classify", "-m", tiny_classifier, "--explain", *options, path],
            stdout=other_end,
            env={**environment, "TERM": "xterm-256color", **variables},
        )
        os.close(other_end)
        parts = []
        try:
            while part := os.read(main_end, 1 << 16):
                parts.append(part)
        except OSError:  # How Linux says that the other end is closed.
            pass
        os.close(main_end)
        assert process.wait(TIMEOUT_SECONDS) == 0
        return b"".join(parts).decode().replace("\r\n", "\n")

    return run


def test_every_line_has_its_label_and_its_words(classify: Classify, sentences: dict[str, list[str]]) -> None:
    lines = [line for pair in zip(sentences["en"], sentences["fr"], strict=True) for line in pair]
    content = "".join(f"{line}\n\n" for line in lines) + " \t\nOne: two\r\nGood"
    output = classify(content, "--explain", "--max-batch-tokens", "64").split("\n")
    plain = classify(content).split("\n")
    assert [line.split("\t")[0] for line in output] == [line.split("\t")[0] for line in plain]
    for line, answer, expected in zip(content.split("\n"), output, plain, strict=False):
        assert line.endswith("\r") == answer.endswith("\r")
        if not line.strip():
            assert answer == expected
            continue
        _, probability, words = answer.rstrip("\r").split("\t")
        assert float(probability) == pytest.approx(float(expected.split("\t")[1]), abs=1.1e-4)
        assert [word.rpartition(":")[0] for word in words.split(" ")] == line.split()
        weights = [word.rpartition(":")[2] for word in words.split(" ")]
        assert all(re.fullmatch(r"[+-]\d\.\d{4}", weight) for weight in weights) or (
            weights == ["?"] and len(line.split()) == 1
        )


@pytest.mark.parametrize("options", [[], ["-k", "2"]])
def test_tables_objects_and_lines_say_the_same(classify: Classify, options: list[str]) -> None:
    text = 'Fresh bread, "very" good'
    words = classify(f"{text}\n", "--explain", *options).rstrip("\n").split("\t")[2::3]
    quoted = text.replace('"', '""')
    table = classify(f'id,note\n1,"{quoted}"\n2,\n', "--explain", *options, "--format", "csv", "--column", "note")
    header, first, second = csv.reader(io.StringIO(table))
    assert header == ["id", "note", "label", "probability", "explanation"]
    assert first[1] == text
    assert first[4] == " | ".join(words)
    assert second == ["2", "", "", "", ""]
    objects = classify(json.dumps({"text": text}) + '\n{"text": ""}\n', "--explain", *options, "--format", "jsonl")
    answer, empty = map(json.loads, objects.splitlines())
    explanations = [label["explanation"] for label in answer.get("labels", [answer])]
    assert answer["explanation"] == explanations[0]
    assert empty["explanation"] is None
    for explanation, expected in zip(explanations, words, strict=True):
        assert " ".join(f"{word['word']}:{word['weight']:+.4f}" for word in explanation) == expected
        assert all(text[word["start"] : word["end"]] == word["word"] for word in explanation)


def test_pairs_of_columns_and_fields(classify: Classify) -> None:
    options = ["--explain", "--format"]
    table = classify("Il pleut.\tLa pluie tombe.\n", *options, "tsv", "--pair-column", "2").rstrip("\n").split("\t")
    words = json.dumps({"one": "Il pleut.", "two": "La pluie tombe."})
    answer = json.loads(classify(words, *options, "jsonl", "--field", "one", "--pair-field", "two"))
    found = [(word["word"], word.get("pair", False)) for word in answer["explanation"]]
    assert found == [("Il", False), ("pleut.", False), ("La", True), ("pluie", True), ("tombe.", True)]
    weights = [f"{word['word']}:{word['weight']:+.4f}" for word in answer["explanation"]]
    assert table[4] == " ".join([*weights[:2], "||", *weights[2:]])


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_shows_the_line_itself(
    classify: Classify, show: Callable[..., str], variables: dict[str, str]
) -> None:
    text = "Fresh bread, [red]very[/] good"
    shown = show(f"{text}\r\n\n", "-k", "2", **variables)
    assert bool(CODES.search(shown)) == (not variables)
    lines = CODES.sub("", shown).split("\n")
    assert lines[2:] == ["", ""]
    columns = classify(f"{text}\n", "-k", "2", "--explain").rstrip("\n").split("\t")
    for line, label, words in zip(lines[:2], columns[::3], columns[2::3], strict=True):
        assert line.split()[0] == label
        parts = line.split()[2:]
        assert [part.lstrip("+-") for part in parts] == text.split()
        heaviest = max(words.split(), key=lambda word: abs(float(word.rpartition(":")[2])))
        strongest = parts[words.split().index(heaviest)]
        sign = 2 * heaviest.rpartition(":")[2][0] if variables else ""
        assert strongest == sign + heaviest.rpartition(":")[0]


def test_what_a_file_gets_is_for_programs(classify: Classify, show: Callable[..., str], tmp_path: Path) -> None:
    assert show("Fresh bread\n", "-o", str(tmp_path / "out.txt")) == ""
    assert (tmp_path / "out.txt").read_text() == classify("Fresh bread\n", "--explain")
    assert show('{"text": "a b"}\n', "--format", "jsonl") == classify(
        '{"text": "a b"}', "--explain", "--format", "jsonl"
    )


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}], ids=str)
def test_hostile_text_does_nothing_but_show(show: Callable[..., str], variables: dict[str, str]) -> None:
    hostile = "<script> [bold]x[/] \x1b[2J \x1b]0;owned\x07 \u202e \x9b2J :smile: a\rb"
    red = "\x1b[31m" * 2_000
    shown = CODES.sub("", show(f"{hostile}\n{'x' * 10_000}\n{red}\n", "-k", "1", **variables))
    lines = shown.removesuffix("\n").split("\n")
    assert len(lines) == 3
    odd = {character for character in shown if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert odd <= {"\n", "\t"}
    assert [part.lstrip("+-") for part in lines[0].split()[2:]] == [
        *("<script>", "[bold]x[/]", r"\x1b[2J", r"\x1b]0;owned\x07", r"\u202e", r"\x9b2J", ":smile:", r"a\rb")
    ]
    assert lines[1].endswith("x" * 10_000)
    assert lines[2].endswith(r"\x1b[31m" * 2_000)
