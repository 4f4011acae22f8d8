"""``xlm corpus``: each output is what the single command writes. Pieces are answered here, one after the other."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.cli.corpus import answering, commands
from xlmcli.corpus import run
from xlmcli.corpus.pieces import FilePiece
from xlmcli.errors import ExitCode

Alike = Callable[[bytes, bytes], None]
Xlm = Callable[..., Any]
NUM_TEXTS = 60


class Interruption(Exception):  # noqa: N818
    pass


class Here:
    """In place of Ray: answers pieces in this process.

    Attributes:
        num_left: How many pieces it answers before it is interrupted.
        answered: Those that it has.
    """

    def __init__(self) -> None:
        self.num_left = 1000
        self.answered: list[FilePiece] = []

    def run_pieces(
        self,
        pieces: Sequence[FilePiece],
        answer: run.AnswerPiece,
        options: run.ClusterOptions,
        report: run.PieceProgress | None,
    ) -> Iterator[tuple[FilePiece, run.Outcome]]:
        for piece in pieces:
            if not self.num_left:
                raise Interruption
            self.num_left -= 1
            self.answered.append(piece)
            outcome = answer(piece, answering._NOBODY)
            if outcome.exit_code:
                raise run.SharedError(outcome)
            yield piece, outcome


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    here = Here()
    monkeypatch.setattr(run, "run_pieces", here.run_pieces)
    monkeypatch.setattr(commands, "_MB", 512)
    return here


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sentences: dict[str, list[str]]) -> Path:
    """The working folder, with the same texts in folders of all formats."""
    monkeypatch.chdir(tmp_path)
    texts = [sentences["en"][number % 20] for number in range(NUM_TEXTS)]
    for name in ("text", "tsv", "csv", "jsonl"):
        (tmp_path / name / "sub").mkdir(parents=True)
    (tmp_path / "text/a.txt").write_text("".join(f"{text}\n" for text in texts))
    (tmp_path / "text/sub/b.txt").write_bytes("\r\n".join(["", *texts[:5], "\ufeffx"]).encode())
    (tmp_path / "text/c.txt.gz").write_bytes(gzip.compress((tmp_path / "text/a.txt").read_bytes()))
    (tmp_path / "text/empty.txt").write_text("")
    # Which of two like texts is nearer is a matter of the last digit, which differs from batch to batch.
    (tmp_path / "different.txt").write_text("".join(f"{text}\n" for text in texts[:20]))
    rows = "".join(f"{number}\t{text}\n" for number, text in enumerate(texts))
    (tmp_path / "tsv/a.tsv").write_text("\ufeff\nn\ttext\n" + rows)
    quoted = "".join(f'{number},"{text}\n{text}"\r\n' for number, text in enumerate(texts))
    (tmp_path / "csv/a.csv").write_text(f"n,text\r\n{quoted}", newline="")
    objects = (json.dumps({"id": number, "text": text}) for number, text in enumerate(texts))
    (tmp_path / "jsonl/a.jsonl").write_text("".join(f"{line}\n" for line in objects))
    return tmp_path


@pytest.fixture
def models(tiny_bundle: Path, tiny_classifier: Path, tiny_encoder: Path) -> dict[str, Path]:
    return {"translate": tiny_bundle, "classify": tiny_classifier, "encode": tiny_encoder}


@pytest.mark.parametrize(
    "line",
    [
        "translate text --src en --tgt fr",
        "translate text --src en --tgt fr --n-best 2",
        "translate text --src auto --tgt fr",
        "translate tsv --src en --tgt fr --format tsv --column text --with-scores",
        "translate csv --src en --tgt fr --format csv --column text",
        "translate jsonl --src en --tgt fr --format jsonl --alignment",
        "classify text --lang en",
        "classify text --lang en --only negative",
        "classify jsonl --lang en --format jsonl --all",
        "encode tsv --lang en --format tsv --column 2",
        "encode text --lang en --nearest different.txt",
        "encode text --lang en --tokens",
    ],
)
def test_outputs_are_those_of_the_single_command(
    xlm: Xlm, here: Here, folder: Path, models: dict[str, Path], assert_alike: Alike, line: str
) -> None:
    name, data, *options = line.split()
    options = [*options, "-m", str(models[name]), "--max-batch-tokens", "64"]
    done = xlm("corpus", name, data, "-o", "out", *options)
    assert (done.code, done.out) == (0, ""), done.err
    inputs = sorted(path for path in Path(data).rglob("*") if path.is_file())
    assert len(here.answered) >= len(inputs)
    for path in inputs:
        xlm(name, path, "-o", "expected", *options)  # Exit code 1, where nothing is selected.
        output = "out" / path.relative_to(data)
        written = output.read_bytes()
        assert_alike(gzip.decompress(written) if path.suffix == ".gz" else written, Path("expected").read_bytes())
    assert not [path for path in Path("out").iterdir() if path.name.endswith((".part", ".jsonl"))] or data == "jsonl"


@pytest.mark.parametrize(("data", "options"), [("text", []), ("tsv", ["--format", "tsv", "--column", "text"])])
def test_large_files_are_cut(
    xlm: Xlm, here: Here, folder: Path, models: dict[str, Path], assert_alike: Alike, data: str, options: list[str]
) -> None:
    xlm(
        "corpus", "classify", data, "-o", "out", "-m", models["classify"], "--lang", "en", *options, "--piece-size", "1"
    )
    assert sum(piece.name.startswith("a.") for piece in here.answered) > 2
    xlm("corpus", "classify", data, "-o", "whole", "-m", models["classify"], "--lang", "en", *options)
    name = f"a.{data.replace('text', 'txt')}"
    assert_alike(Path("out", name).read_bytes(), Path("whole", name).read_bytes())


@pytest.mark.parametrize(("data", "options"), [("text", []), ("tsv", ["--format", "tsv", "--column", "text"])])
def test_outputs_in_shards(
    xlm: Xlm, here: Here, folder: Path, models: dict[str, Path], data: str, options: list[str]
) -> None:
    options = ["-m", str(models["classify"]), "--lang", "en", *options]
    args = ("corpus", "classify", data, *options, "--piece-size", "1", "--shard-lines", "25")
    xlm(*args, "-o", "out")
    for path in (path for path in Path(data).rglob("*") if path.is_file()):
        xlm("classify", path, "-o", "expected", *options)
        lines = Path("expected").read_bytes().splitlines(keepends=True)
        head = lines[:2] if data == "tsv" else []  # A blank line and the header.
        rows = lines[len(head) :]
        stem, dot, ending = path.relative_to(data).as_posix().partition(".")
        shards = sorted(Path("out").glob(f"{stem}-*{dot}{ending}"))
        assert len(shards) == max(1, -(-len(rows) // 25))
        for number, shard in enumerate(shards):
            written = gzip.decompress(shard.read_bytes()) if path.suffix == ".gz" else shard.read_bytes()
            expected = rows[25 * number : 25 * (number + 1)]
            assert written.splitlines(keepends=True) == [*(head if not number else head[1:]), *expected], shard
    here.num_left = 0
    assert "0 files done" in xlm(*args, "-o", "out").err
    again = xlm(*args[:-1], "30", "-o", "out")
    assert again.code == ExitCode.USAGE
    assert "--shard-lines" in again.err


@pytest.mark.parametrize("options", [["csv", "--format", "csv"], ["text", "--n-best", "2"]])
def test_shards_are_of_lines(xlm: Xlm, here: Here, folder: Path, models: dict[str, Path], options: list[str]) -> None:
    done = xlm(
        *("corpus", "translate", *options, "-o", "out", "-m", models["translate"], "--src", "en", "--tgt", "fr"),
        *("--shard-lines", "5"),
    )
    assert (done.code, here.answered) == (ExitCode.USAGE, [])
    assert "--shard-lines is for text, tsv and jsonl" in done.err


def test_arrays(xlm: Xlm, here: Here, folder: Path, models: dict[str, Path]) -> None:
    assert xlm("corpus", "encode", "text", "-o", "out", "-m", models["encode"], "--npy").code == 0
    assert xlm("encode", "text/a.txt", "-o", "expected.npy", "-m", models["encode"]).code == 0
    for name in ("a.txt", "c.txt.gz"):
        np.testing.assert_allclose(np.load(f"out/{name}.npy"), np.load("expected.npy"), atol=1e-5)


def test_parquet(xlm: Xlm, here: Here, folder: Path, models: dict[str, Path]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table({"n": [1, 2, 3], "text": ["Good morning.", None, "Where?"]})
    parquet.write_table(table, "in.parquet")
    options = ["--column", "text", "--lang", "en", "-m", models["classify"]]
    assert xlm("corpus", "classify", "in.parquet", "-o", "out", *options).code == 0
    assert xlm("classify", "in.parquet", "-o", "expected", *options).code == 0
    assert parquet.read_table("out/in.parquet").equals(parquet.read_table("expected"))


def test_an_interrupted_run_goes_on(xlm: Xlm, here: Here, folder: Path, models: dict[str, Path]) -> None:
    line = ["corpus", "classify", "text", "-o", "out", "-m", models["classify"], "--lang", "en", "--piece-size", "1"]
    here.num_left = 3
    assert xlm(*line).code == ExitCode.UNEXPECTED
    before = list(here.answered)
    here.num_left = 1000
    said = xlm(*line, "--dry-run")
    assert said.code == 0
    assert f"pieces: {len(before) + int(said.out.split('pieces: ')[1].split(',')[0]) - 3}, " in said.out
    assert here.answered == before
    assert xlm(*line).code == 0
    assert len(set(here.answered)) == len(here.answered)
    again = len(here.answered)
    assert xlm(*line).code == 0
    assert len(here.answered) == again


def test_what_cannot_be_done_is_listed_and_tried_again(
    xlm: Xlm, here: Here, folder: Path, models: dict[str, Path]
) -> None:
    bad = Path("text/bad.txt")
    bad.write_bytes(b"Good.\n\xff\n")
    line = ["corpus", "classify", "text", "-o", "out", "-m", models["classify"], "--lang", "en"]
    done = xlm(*line)
    assert done.code == ExitCode.GATE_FAILED
    assert "error: 1 of 5 files could not be done" in done.err
    (failed,) = map(json.loads, Path("out/failed.jsonl").read_text().splitlines())
    assert failed["input"] == str(bad.absolute())
    assert failed["error"] == f"{bad.absolute()}:2: invalid UTF-8 (byte 0xff at byte 1 of the line)"
    assert Path("out/a.txt").exists()
    assert not Path("out/bad.txt").exists()
    bad.write_bytes(b"Good.\nBad.\n")
    done = xlm(*line)
    assert done.code == ExitCode.USAGE
    (hint,) = [line for line in done.err.splitlines() if line.startswith("hint: to do it anew: ")]
    os.system(hint.removeprefix("hint: to do it anew: "))
    assert xlm(*line).code == 0
    assert not Path("out/failed.jsonl").exists()
    assert Path("out/bad.txt").read_text().count("\n") == 2


def test_a_piece_that_kills_workers_is_given_up(
    xlm: Xlm, here: Here, folder: Path, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xlmcli.corpus.folder.CorpusFolder.begin_try", lambda self, piece: 4)
    done = xlm("corpus", "classify", "text/a.txt", "-o", "out", "-m", models["classify"])
    assert done.code == ExitCode.GATE_FAILED
    assert "3 workers died of it" in Path("out/failed.jsonl").read_text()


def test_an_error_that_nobody_expected_is_tried_again(
    xlm: Xlm, here: Here, folder: Path, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    call, errors = answering._call, [RuntimeError("now and then")]

    def fail_once(*args: Any) -> None:
        if errors and isinstance(args[-1], answering._PieceOpener):
            raise errors.pop()
        call(*args)

    monkeypatch.setattr(answering, "_call", fail_once)
    assert xlm("corpus", "classify", "text/a.txt", "-o", "out", "-m", models["classify"]).code == 0
    assert not errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--lang", "fr"], "has the outputs of another job: --lang was en, is fr"),
        (["--lang", "en", "--piece-size", "2"], "has the outputs of another job: --piece-size was 8, is 2"),
        (["--lang", "en", "-k", "2"], "has the outputs of another job: -k was none, is 2"),
    ],
)
def test_another_job_is_refused(
    xlm: Xlm, here: Here, folder: Path, models: dict[str, Path], options: list[str], message: str
) -> None:
    line = ["corpus", "classify", "text", "-o", "out", "-m", models["classify"]]
    assert xlm(*line, "--lang", "en", "--workers", "2").code == 0
    done = xlm(*line, *options)
    assert done.code == ExitCode.USAGE
    assert message in done.err


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("translate text -o out --src en --tgt xx", ExitCode.MODEL, "no model that is here translates from 'en'"),
        ("classify text -o out -m missing", ExitCode.MODEL, "missing"),
        ("classify text -o out --lang xx", ExitCode.MODEL, "'xx'"),
        ("classify text -o out --format csv --delimiter ''", ExitCode.USAGE, "--delimiter '' is not a character"),
        ("classify text -o out --column x", ExitCode.USAGE, "--column is for tables"),
        ("classify text -o out --only nonsense", ExitCode.USAGE, "nonsense"),
        ("encode text -o out", ExitCode.USAGE, "no model is named"),
        ("classify text -o text/a.txt", ExitCode.DATA, "text/a.txt"),
        ("classify text", ExitCode.USAGE, "missing option '-o' / '--output'"),
        ("classify -o out", ExitCode.USAGE, "missing argument 'INPUT...'"),
        ("classify text -o out --compute-type nonsense", ExitCode.USAGE, "does not compute in nonsense"),
    ],
)
def test_mistakes_of_all_files_end_the_run(
    xlm: Xlm, here: Here, folder: Path, line: str, code: ExitCode, message: str
) -> None:
    import shlex

    done = xlm("corpus", *shlex.split(line))
    assert (done.code, message in done.err) == (code, True), done.err
    assert not Path("out/failed.jsonl").exists()


def test_what_is_wrong_with_a_model_that_is_opened_late_ends_the_run(
    xlm: Xlm, here: Here, folder: Path, home: Path
) -> None:
    with (home / "models/nl-en/model.bin").open("ab") as file:
        file.write(b"x")
    Path("text/dutch.txt").write_text("Waar is het station, en hoe laat vertrekt de trein?\n")
    done = xlm("corpus", "translate", "text", "-o", "out", "--src", "auto", "--tgt", "en")
    assert done.code == ExitCode.MODEL
    assert "altered or cut short" in done.err
    assert not Path("out/failed.jsonl").exists()


def test_ray_is_an_extra(xlm: Xlm, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import util

    find_spec = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "ray" else find_spec(name))
    done = xlm("corpus", "classify", "text", "-o", "out")
    assert done.code == ExitCode.MISSING_EXTRA
    assert "hint: pip install 'xlmcli[ray]'" in done.err
