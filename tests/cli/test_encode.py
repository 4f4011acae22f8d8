"""``xlm encode`` as a shell sees it."""

from __future__ import annotations

import csv
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xlmcli.bundle import open_bundle
from xlmcli.errors import ExitCode
from xlmcli.infer.engine import EncoderEngine, EngineOptions
from xlmcli.text import load_tokenizer

TIMEOUT_SECONDS = 60
DIM = 32

Encode = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def command(tiny_encoder: Path) -> list[str]:
    return [sys.executable, "-m", "xlmcli", "encode", "-m", str(tiny_encoder)]


@pytest.fixture
def encode(command: list[str]) -> Encode:
    """Runs to the end: ``encode(input, option, …)``."""

    def run(content: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*command, *options], input=content, capture_output=True, timeout=TIMEOUT_SECONDS)

    return run


@pytest.fixture
def english(sentences: dict[str, list[str]]) -> list[str]:
    return sentences["en"]


def test_an_array_of_the_engines_states(encode: Encode, tiny_encoder: Path, tmp_path: Path, english: list[str]) -> None:
    out = tmp_path / "out.npy"
    lines = ["", *english]
    done = encode("\n".join(lines).encode(), "--lang", "en", "--pooling", "first", "-o", str(out), "--workers", "2")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    bundle, tokenizer = open_bundle(tiny_encoder), load_tokenizer(tiny_encoder)
    manifest = bundle.manifest
    engine = EncoderEngine(
        bundle.read_files(),
        tokenizer.vocab,
        manifest.tokens,
        manifest.limits,
        EngineOptions("cpu"),
        tells_languages=True,
    )
    states = engine.submit(tokenizer.encode_batch(english), [0] * len(english)).wait()
    array = np.load(out, mmap_mode="r")
    assert (array.dtype, array.shape) == (np.float32, (len(lines), DIM))
    assert not array[0].any()
    np.testing.assert_allclose(array[1:], np.stack([state[0] for state in states]), atol=1e-5)


def test_an_array_appears_complete_or_not_at_all(encode: Encode, tmp_path: Path) -> None:
    out = tmp_path / "out.npy"
    assert encode(b"Hello.\nbad \xff\n", "-o", str(out)).returncode == ExitCode.DATA
    assert list(tmp_path.iterdir()) == []
    assert encode(b"", "-o", str(out)).returncode == 0
    assert np.load(out).shape == (0, DIM)


def test_numbers_are_those_of_the_array(encode: Encode, tmp_path: Path, english: list[str]) -> None:
    out = tmp_path / "out.npy"
    content = "\r\n".join(["", *english, ""]).encode()
    encode(content, "-o", str(out))
    output = encode(content).stdout.decode().split("\r\n")
    assert output[0] == output[-1] == ""
    numbers = np.array([line.split("\t") for line in output[1:-1]], dtype=float)
    np.testing.assert_allclose(numbers, np.load(out)[1:], rtol=1e-5)


def test_tables_and_objects_gain_vectors(encode: Encode) -> None:
    plain = encode(b"Good morning.\n").stdout.decode().strip().split("\t")
    output = encode(b"id,note\n1,Good morning.\n2,\n", "--format", "csv", "--column", "note").stdout.decode()
    header, first, second = csv.reader(output.splitlines())
    assert header == ["id", "note", *(f"v{number}" for number in range(1, DIM + 1))]
    assert first == ["1", "Good morning.", *plain]
    assert second == ["2", *[""] * (DIM + 1)]
    output = encode(b'{"text": "Good morning."}\n{"text": ""}\n', "--format", "jsonl").stdout.decode()
    values, blank = map(json.loads, output.splitlines())
    assert values == {"text": "Good morning.", "vector": list(map(float, plain))}
    assert blank["vector"] is None


def test_states_of_tokens(encode: Encode, tiny_encoder: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(tiny_encoder)
    texts = ["Good morning.", "", "How are you?"]
    content = "\n".join(texts).encode()
    ids = [index for text in texts for index in tokenizer.encode(text)]
    numbers = [number for number, text in enumerate(texts, start=1) for _ in tokenizer.encode(text)]
    rows = [line.split("\t") for line in encode(content, "--tokens").stdout.decode().splitlines()]
    assert [(int(row[0]), row[1]) for row in rows] == list(zip(numbers, (tokenizer.vocab[i] for i in ids), strict=True))
    out = tmp_path / "out.npy"
    assert encode(content, "--tokens", "-o", str(out)).returncode == 0
    array = np.load(out)
    assert (array["line"].tolist(), array["id"].tolist()) == (numbers, ids)
    np.testing.assert_allclose(array["state"], np.array([row[2:] for row in rows], dtype=float), rtol=1e-5)
    done = encode(b'{"text": "How are you?"}', "--tokens", "--format", "jsonl")
    values = json.loads(done.stdout)
    assert values["tokens"] == [tokenizer.vocab[index] for index in tokenizer.encode("How are you?")]
    assert np.array(values["states"]).shape == (len(values["tokens"]), DIM)


def test_similarity_of_two_columns(encode: Encode, tmp_path: Path) -> None:
    out = tmp_path / "out.npy"
    first, second = "Where is the train?", "Où est le train ?"
    encode(f"{first}\n{second}\n".encode(), "-o", str(out))
    left, right = np.load(out)
    expected = f"{left @ right / np.linalg.norm(left) / np.linalg.norm(right):.4f}"
    table = f"{first}\t{second}\n\nx\t\n".encode()
    assert encode(table, "--similarity").stdout.decode() == f"{expected}\n\n\n"
    rows = encode(table, "--similarity", "--format", "tsv").stdout.decode()
    assert rows == f"{first}\t{second}\t{expected}\n\nx\t\t\n"
    line = json.dumps({"a": second, "b": first}).encode()
    done = encode(line, "--similarity", "--format", "jsonl", "--field", "a", "--pair-field", "b")
    assert json.loads(done.stdout)["similarity"] == pytest.approx(float(expected), abs=1e-4)
    done = encode(b"a\tb\nno tab\n", "--similarity")
    assert (done.returncode, done.stdout.count(b"\n")) == (ExitCode.DATA, 1)
    assert b"<stdin>:2: expected two texts" in done.stderr


@pytest.mark.parametrize("options", [[], ["--margin"]])
def test_every_line_finds_itself(encode: Encode, tmp_path: Path, english: list[str], options: list[str]) -> None:
    file = tmp_path / "lines.txt"
    file.write_text("\n" + "\n".join(reversed(english)))
    content = "\n".join(["", *english]).encode()
    done = encode(content, "--lang", "en", "--pair-lang", "en", "--nearest", str(file), "-k", "2", *options)
    output = done.stdout.decode().splitlines()
    assert output.pop(0) == ""
    for index, (line, text) in enumerate(zip(output, english, strict=True)):
        columns = line.split("\t")
        assert columns[1:3] == [str(len(english) - index + 1), text]
        assert float(columns[0]) >= float(columns[3])
        assert options or columns[0] == "1.0000"


def test_neighbours_stream_in_a_slow_pipe(command: list[str], tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_text("Good morning.\nHow are you?\n")
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, "--nearest", str(file)], stdin=pipe, stdout=pipe) as process:
        assert process.stdin
        assert process.stdout
        for number, line in enumerate((b"Good morning.\n", b"How are you?\n"), start=1):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline() == b"1.0000\t%d\t%s" % (number, line)
        process.stdin.close()
        assert process.wait(TIMEOUT_SECONDS) == 0


def test_a_closed_pipe_ends_quietly(command: list[str]) -> None:
    script = f"yes Good morning. | {shlex.join(command)} | head -n 1 | cut -f 1; echo ${{PIPESTATUS[1]}} >&2"
    done = subprocess.run(["bash", "-c", script], capture_output=True, timeout=TIMEOUT_SECONDS)
    assert float(done.stdout) != 0
    assert done.stderr == b"0\n"


@pytest.mark.parametrize(
    ("options", "exit_code", "messages"),
    [
        (["--tokens", "--similarity"], ExitCode.USAGE, ["--tokens and --similarity together"]),
        (["--margin"], ExitCode.USAGE, ["--margin is for --nearest"]),
        (["-k", "2"], ExitCode.USAGE, ["-k is for --nearest"]),
        (["--pair-lang", "en"], ExitCode.USAGE, ["--pair-lang"]),
        (["--pair-column", "2", "--format", "tsv"], ExitCode.USAGE, ["add --similarity"]),
        (["--similarity", "--format", "jsonl"], ExitCode.USAGE, ["--pair-field"]),
        (["--similarity", "-o", "out.npy"], ExitCode.USAGE, ["--similarity gives no vectors"]),
        (["--tokens", "--pooling", "max"], ExitCode.USAGE, ["--pooling"]),
        (["--nearest", "missing.txt"], ExitCode.DATA, ["no such file: missing.txt"]),
        (["--nearest", "/dev/null"], ExitCode.DATA, ["--nearest /dev/null: the file has no text"]),
        (["--lang", "de"], ExitCode.MODEL, ["no language 'de'"]),
        (["--column", "2"], ExitCode.USAGE, ["--format"]),
    ],
)
def test_mistakes_are_one_clear_error(encode: Encode, options: list[str], exit_code: int, messages: list[str]) -> None:
    done = encode(b"Hello.\n", *options)
    assert (done.returncode, done.stdout) == (exit_code, b"")
    error = done.stderr.decode()
    assert error.startswith("error: ")
    assert all(message in error for message in messages)


def test_a_model_must_be_named() -> None:
    done = subprocess.run([sys.executable, "-m", "xlmcli", "encode", "--text", "a"], capture_output=True)
    assert done.returncode == ExitCode.USAGE
    assert b"hint: -m MODEL" in done.stderr
