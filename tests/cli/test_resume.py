"""``--resume``: what each command writes after an interruption, and what it refuses."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.errors import ExitCode
from xlmcli.infer.resumption import ResumedPipeline

NUM_TEXTS = 60
WRITES_BEFORE = 2

Alike = Callable[[bytes, bytes], None]
Xlm = Callable[..., Any]


class InterruptionError(Exception):
    pass


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sentences: dict[str, list[str]]) -> Path:
    """The working folder, with the same texts in files of all formats."""
    monkeypatch.chdir(tmp_path)
    texts = [sentences["en"][number % 20] for number in range(NUM_TEXTS)]
    (tmp_path / "in.txt").write_text("".join(f"{text}\n" for text in texts))
    (tmp_path / "in.txt.gz").write_bytes(gzip.compress((tmp_path / "in.txt").read_bytes()))
    # Which of two like texts is nearer is a matter of the last digit, which differs from batch to batch.
    (tmp_path / "different.txt.gz").write_bytes(gzip.compress("".join(f"{text}\n" for text in texts[:20]).encode()))
    (tmp_path / "in.tsv").write_text("n\ttext\n" + "".join(f"{number}\t{text}\n" for number, text in enumerate(texts)))
    rows = "".join(f'{number},"{text}\n{text}"\n' for number, text in enumerate(texts))
    (tmp_path / "in.csv.xz").write_bytes(lzma.compress(f"n,text\n{rows}".encode()))
    (tmp_path / "in.jsonl").write_text("".join(f"{json.dumps({'text': text})}\n" for text in texts))
    return tmp_path


@pytest.fixture
def interrupted_xlm(xlm: Xlm, monkeypatch: pytest.MonkeyPatch) -> Xlm:
    """Runs ``xlm``, which fails after some records; returns how many records the journal says are done."""

    def run(*args: object) -> int:
        written = 0
        advance = ResumedPipeline.advance

        def fail_later(pipeline: ResumedPipeline, *done: int) -> None:
            nonlocal written
            written += 1
            if written > WRITES_BEFORE:
                raise InterruptionError
            advance(pipeline, *done)

        with monkeypatch.context() as patch:
            patch.setattr(ResumedPipeline, "advance", fail_later)
            assert xlm(*args).code == ExitCode.UNEXPECTED
        (journal,) = Path().glob("*.part.json")
        return json.loads(journal.read_text())["done"]["num_records"]

    return run


@pytest.fixture
def models(tiny_bundle: Path, tiny_classifier: Path, tiny_encoder: Path) -> dict[str, Path]:
    return {"translate": tiny_bundle, "classify": tiny_classifier, "encode": tiny_encoder}


@pytest.mark.parametrize(
    "line",
    [
        "translate --src en --tgt fr in.txt -o out.txt",
        "translate --src en --tgt fr in.txt in.txt.gz -o out.txt --n-best 2",
        "translate --src auto --tgt fr in.txt -o out.txt.zst",
        "translate --src en --tgt fr in.tsv --format tsv --column text --with-scores -o out.tsv",
        "translate --src en --tgt fr in.csv.xz --format csv --column text -o out.csv",
        "classify --lang en in.jsonl --format jsonl -o out.jsonl",
        "classify --lang en in.tsv --format tsv --column text --only negative,neutral -o out.tsv",
        "encode --lang en in.txt -o out.npy",
        "encode --lang en in.tsv --format tsv --column text --tokens -o out.npy",
        "encode --lang en in.txt --nearest different.txt.gz -o out.txt",
    ],
)
def test_the_output_is_that_of_an_undisturbed_run(
    xlm: Xlm, interrupted_xlm: Xlm, models: dict[str, Path], folder: Path, assert_alike: Alike, line: str
) -> None:
    command, *options = line.split()
    out = folder / options[options.index("-o") + 1]
    arguments = [command, "-m", models[command], "--device", "cpu", "--threads", 1, "--workers", 1, *options]
    assert xlm(*arguments).code == 0
    undisturbed = out.read_bytes()
    out.unlink()
    assert 0 < interrupted_xlm(*arguments, "--resume") < NUM_TEXTS
    assert not out.exists()
    done = xlm(*arguments, "--resume", "--max-batch-tokens", 100)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert_same(out, undisturbed, assert_alike)
    assert not list(folder.glob("out*.part*"))


def assert_same(out: Path, wanted: bytes, assert_alike: Alike) -> None:
    """Compares what was written, numbers but for their last digits."""
    if out.suffix == ".npy":
        found, expected = np.load(out), np.load(io.BytesIO(wanted))
        assert found.dtype == expected.dtype
        for name in found.dtype.names or (...,):
            np.testing.assert_allclose(found[name], expected[name], atol=1e-5)
        return
    assert_alike(out.read_bytes(), wanted)


def test_lines_that_were_found_before_count(
    xlm: Xlm, interrupted_xlm: Xlm, models: dict[str, Path], folder: Path
) -> None:
    (folder / "in.txt").write_text("Good morning.\n" + "\n" * 200)
    label = xlm("classify", "-m", models["classify"], "--lang", "en", "--text", "Good morning.").out.split("\t")[0]
    options = ["--lang", "en", "--only", label, "in.txt", "-o", "out", "--resume"]
    interrupted_xlm("classify", "-m", models["classify"], *options)
    assert xlm("classify", "-m", models["classify"], *options).code == 0


def test_the_summary_is_of_all_lines(xlm: Xlm, interrupted_xlm: Xlm, models: dict[str, Path], folder: Path) -> None:
    (folder / "in.txt").write_text(f"{'the cat sleeps ' * 60}\n\n" * 30)
    options = ["--lang", "en", "in.txt", "-o", "out", "--max-batch-tokens", 100, "--resume"]
    assert interrupted_xlm("classify", "-m", models["classify"], *options) > 0
    done = xlm("classify", "-m", models["classify"], *options)
    assert (done.code, done.out) == (0, "")
    assert done.err == "note: 30 lines with a sentence longer than the model, which was read in parts\n"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["--beam-size", "2"], r"--beam-size was none, is 2"),
        (["--no-protect"], r"--no-protect was False, is True"),
        (["in.txt.gz"], r"files was in.txt, is in.txt in.txt.gz; size of in.txt.gz was none, is .*"),
    ],
)
def test_other_options_are_refused(
    xlm: Xlm, interrupted_xlm: Xlm, models: dict[str, Path], folder: Path, change: list[str], told: str
) -> None:
    arguments = ["translate", "-m", models["translate"], "--src", "en", "--tgt", "fr", "in.txt", "-o", "out"]
    interrupted_xlm(*arguments, "--resume")
    done = xlm(*arguments, *change, "--resume")
    assert done.code == ExitCode.USAGE
    first, _, hint = done.err.splitlines()
    assert re.fullmatch(f"error: --resume: what was interrupted is another job: {told}", first)
    assert hint == f"hint: to begin anew: rm {folder}/out.part {folder}/out.part.json"


def _append(path: Path) -> None:
    path.write_text(path.read_text() + "more\n")


def _touch(path: Path) -> None:
    os.utime(path, (1, 1))


def _edit(path: Path) -> None:
    status = path.stat()
    path.write_text(path.read_text().replace("Good", "Fair"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_append, "size of in.txt was .*; time of in.txt was .*; beginning of in.txt was .*"),
        (_touch, r"time of in.txt was \d{4}-.*, is 1970-01-01 .*"),
        (_edit, "beginning of in.txt was [0-9a-f]{16}, is [0-9a-f]{16}"),
    ],
)
def test_other_input_is_refused(
    xlm: Xlm, interrupted_xlm: Xlm, models: dict[str, Path], folder: Path, change: Callable[[Path], None], told: str
) -> None:
    arguments = ["translate", "-m", models["translate"], "--src", "en", "--tgt", "fr", "in.txt", "-o", "out"]
    interrupted_xlm(*arguments, "--resume")
    change(folder / "in.txt")
    done = xlm(*arguments, "--resume")
    assert done.code == ExitCode.USAGE
    assert re.match(f"error: --resume: what was interrupted is another job: {told}\n", done.err)


def test_another_time_zone_makes_no_difference(
    xlm: Xlm, interrupted_xlm: Xlm, models: dict[str, Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["classify", "-m", models["classify"], "--lang", "en", "in.txt", "-o", "out", "--resume"]
    interrupted_xlm(*arguments)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "XYZ-9")
        time.tzset()
        done = xlm(*arguments)
    time.tzset()
    assert done.code == ExitCode.OK, done.err


def test_another_model_is_refused(xlm: Xlm, interrupted_xlm: Xlm, models: dict[str, Path], folder: Path) -> None:
    options = ["--lang", "en", "in.txt", "-o", "out", "--resume"]
    interrupted_xlm("encode", "-m", models["encode"], *options)
    done = xlm("encode", "-m", models["classify"], *options)
    assert done.code == ExitCode.USAGE
    assert re.match(
        "error: --resume: what was interrupted is another job: model was [0-9a-f]+, is [0-9a-f]+\n", done.err
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("in.txt", "--resume goes on with a file"),
        ("in.txt -o -", "--resume goes on with a file"),
        ("-o out", "--resume goes on in files, not in standard input"),
        ("in.txt - -o out", "--resume goes on in files, not in standard input"),
        ("--text Hello. -o out", "--resume goes on in files, not in --text"),
        ("/dev/null -o out", "--resume: /dev/null cannot be read once more"),
        ("in.txt -o /dev/null", "--resume: /dev/null is no regular file"),
        ("in.txt --nearest in.txt --margin -o out", "--margin reads all input before it writes, and cannot go on"),
    ],
)
def test_what_cannot_be_gone_on_with_is_said(
    xlm: Xlm, models: dict[str, Path], folder: Path, line: str, message: str
) -> None:
    done = xlm("encode", "-m", models["encode"], "--resume", *line.split(), stdin="")
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert done.err.splitlines()[0] == f"error: {message}"
    assert not list(folder.glob("out*"))


def test_a_mistake_may_be_corrected(xlm: Xlm, models: dict[str, Path], folder: Path) -> None:
    arguments = ["translate", "-m", models["translate"], "--src", "en", "in.txt", "-o", "out", "--resume"]
    assert xlm(*arguments, "--tgt", "de").code == ExitCode.MODEL
    assert not list(folder.glob("out*"))
    assert xlm(*arguments, "--tgt", "fr").code == 0
