from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

XLM = [sys.executable, "-m", "xlmcli"]
WORDS = ("le", "la", "une", "chat", "chien", "pain", "vin", "boit", "mange", "aime", "voit", "petit", "grand", "rouge")


def xlm(*args: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*XLM, *map(str, args)], input=stdin, capture_output=True)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "pairs.tsv"
    rows = (f"{a} {b}.\t{b} {a} é!\n" for a in WORDS for b in WORDS)
    path.write_text("".join(rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def vocabulary(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vocabulary") / "small"
    done = xlm("tokenizer", "train", "--parallel", f"en-fr={corpus}", "--vocab-size", "295", folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_train_reports_what_it_learned_from_and_nothing_else(corpus: Path, tmp_path: Path) -> None:
    done = xlm("tokenizer", "train", "--parallel", f"en-fr={corpus}", "--vocab-size", "295", tmp_path / "v")
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.decode() == "en: 196 lines, 196 learned from\nfr: 196 lines, 196 learned from\n"


def test_train_from_a_settings_file(corpus: Path, tmp_path: Path) -> None:
    config = tmp_path / "recipe.toml"
    config.write_text(f'[tokenizer.train]\nparallel = ["en-fr={corpus}"]\nvocab-size = 290\nmodel-type = "bpe"\n')
    done = xlm("tokenizer", "train", "--config", config, "--vocab-size", "295", tmp_path / "v")
    assert done.returncode == 0, done.stderr
    from xlmcli.text import load_tokenizer

    assert load_tokenizer(tmp_path / "v").vocab_size == 295


def test_train_does_not_replace_without_force(corpus: Path, vocabulary: Path) -> None:
    before = (vocabulary / "tokenizer.model").read_bytes()
    arguments = ("tokenizer", "train", "--lang", f"en={corpus}", "--vocab-size", "295", vocabulary)
    done = xlm(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--force replaces it" in done.stderr
    assert (vocabulary / "tokenizer.model").read_bytes() == before


def test_train_does_not_put_a_vocabulary_beside_one_of_another_kind(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text("{}")
    done = xlm("tokenizer", "train", "--lang", f"en={corpus}", "--vocab-size", "295", tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"already has a vocabulary" in done.stderr


def test_train_without_text_is_an_error(tmp_path: Path) -> None:
    done = xlm("tokenizer", "train", tmp_path / "v")
    assert done.returncode == 2
    assert done.stderr.decode() == "error: nothing to learn from\n\nhint: name text with --lang or --parallel\n"


def test_train_with_a_bad_row_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.tsv").write_text("a\tb\nc\n")
    done = xlm("tokenizer", "train", "--parallel", f"en-fr={tmp_path / 'bad.tsv'}", tmp_path / "v")
    assert done.returncode == 3
    assert b"bad.tsv:2: expected 2 columns, found 1" in done.stderr
    assert not (tmp_path / "v").exists()


LINES = "le chat boit.\n\n  \nL’été 😀 ﬁn\nno final newline"
NORMALISED = "le chat boit.\n\n\nL’été 😀 fin\nno final newline\n"


@pytest.mark.parametrize("ids", [[], ["--ids"]])
def test_encode_and_decode_are_inverse(vocabulary: Path, ids: list[str]) -> None:
    encoded = xlm("tokenizer", "encode", "-m", vocabulary, *ids, stdin=LINES.encode())
    assert encoded.returncode == 0, encoded.stderr
    assert encoded.stdout.count(b"\n") == 5
    assert encoded.stdout.split(b"\n")[1:3] == [b"", b""]
    decoded = xlm("tokenizer", "decode", "-m", vocabulary, *ids, stdin=encoded.stdout)
    assert decoded.stdout.decode() == NORMALISED


def test_pieces_and_ids(vocabulary: Path) -> None:
    pieces = xlm("tokenizer", "encode", "-m", vocabulary, stdin=b"le chat").stdout.decode().split()
    ids = xlm("tokenizer", "encode", "-m", vocabulary, "--ids", stdin=b"le chat").stdout.decode().split()
    assert "".join(pieces) == "▁le▁chat"
    assert len(ids) == len(pieces)
    assert all(int(index) >= 14 for index in ids)


def test_a_line_is_answered_before_the_next_arrives(vocabulary: Path) -> None:
    command = [*XLM, "tokenizer", "encode", "-m", str(vocabulary)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in (b"le chat\n", b"\n", b"le chien\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline().endswith(b"\n")
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("word", ["295", "-1", "x", "1.0", "²"])
def test_decode_names_the_line_of_a_bad_id(vocabulary: Path, word: str) -> None:
    done = xlm("tokenizer", "decode", "-m", vocabulary, "--ids", stdin=f"20 21\n22 {word}\n".encode())
    assert done.returncode == 3
    assert done.stdout.count(b"\n") == 1
    assert f"<stdin>:2: not an id of this vocabulary (0 to 294): {word}" in done.stderr.decode()


def test_invalid_utf8_names_the_line(vocabulary: Path) -> None:
    done = xlm("tokenizer", "encode", "-m", vocabulary, stdin=b"ok\n\xff\n")
    assert done.returncode == 3
    assert b"<stdin>:2: invalid UTF-8" in done.stderr


def test_missing_vocabulary_is_a_model_error(tmp_path: Path) -> None:
    done = xlm("tokenizer", "encode", "-m", tmp_path / "none")
    assert done.returncode == 4
    assert b"no tokenizer.model in" in done.stderr


def test_closed_pipe_ends_quietly(vocabulary: Path) -> None:
    script = f"yes | {sys.executable} -m xlmcli tokenizer encode -m {vocabulary} | head -n 1"
    done = subprocess.run(["bash", "-c", f"{script}; exit ${{PIPESTATUS[1]}}"], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1


@pytest.mark.parametrize(
    ("closed", "message"), [("<&-", "standard input is closed"), (">&-", "cannot write standard output: it is closed")]
)
def test_closed_streams_are_errors(vocabulary: Path, closed: str, message: str) -> None:
    script = f"{sys.executable} -m xlmcli tokenizer encode -m {vocabulary} {closed}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, input=b"a\n")
    assert done.returncode == 3
    assert message.encode() in done.stderr
