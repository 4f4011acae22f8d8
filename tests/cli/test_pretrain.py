"""`xlm pretrain`: what it writes and says, and what its errors look like."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmcli.errors import ExitCode
from xlmcli.text import load_tokenizer

SIZES = ("--dim", 16, "--layers", 1, "--heads", 2, "--max-positions", 48, "--max-len", 40, "--block-len", 24)
RUN = ("--batch-tokens", 160, "--warmup", 2, "--log-every", 2, "--valid-every", 2, "--device", "cpu")

Xlm = Callable[..., tuple[int, str]]
ReadLog = Callable[[Path], list[dict[str, Any]]]


@pytest.fixture
def arguments(pairs: Path, tiny_tokenizer: Path) -> tuple[object, ...]:
    text = ("--parallel", f"en-fr={pairs}", "--valid", f"en-fr={pairs}")
    return ("pretrain", "--tokenizer", tiny_tokenizer, *text, *SIZES, *RUN)


def test_a_run_writes_a_checkpoint_and_a_log(
    arguments: tuple[object, ...], silent_xlm: Xlm, tmp_path: Path, read_log: ReadLog
) -> None:
    folder = tmp_path / "deep" / "run"
    options = ("--objectives", "mlm,tlm", "--embeddings", "cooccurrence", "--max-steps", 4)
    exit_code, stderr = silent_xlm(*arguments, *options, folder)
    assert exit_code == 0, stderr
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    files = {"config.json", "model.safetensors", "tokenizer.model", "log.jsonl"}
    assert names == files | {"training/state.pt"}
    assert json.loads((folder / "config.json").read_text())["architectures"] == ["XLMWithLMHeadModel"]
    log = read_log(folder)
    assert [(event["event"], event["step"]) for event in log] == [
        ("train", 2), ("valid", 2), ("train", 4), ("valid", 4)
    ]  # fmt: skip
    train, valid = log[0], log[1]
    assert set(train) == {"event", "step", "losses", "tokens_per_second", "lr", "elapsed_seconds"}
    assert set(train["losses"]) == {"mlm", "tlm"}
    assert train["lr"] == pytest.approx(5e-4)
    assert set(valid) == {"event", "step", "elapsed_seconds", "scores", "best"}
    assert set(valid["scores"]) == {
        f"{name} {figure}" for name in ("en mlm", "fr mlm", "en-fr tlm") for figure in ("ppl", "acc")
    }
    assert valid["best"] is True
    text, *lines = stderr.splitlines()
    assert re.fullmatch(r"en-fr: \d+ lines", text)
    assert len(lines) == 4
    assert lines[0].startswith(" 50%  step 2  mlm ")
    assert lines[1].startswith("step 2  0 min  en mlm ppl ")
    assert lines[1].endswith("best so far")


def test_quiet_says_nothing(arguments: tuple[object, ...], silent_xlm: Xlm, tmp_path: Path, read_log: ReadLog) -> None:
    assert silent_xlm(*arguments, "--max-steps", 2, "--quiet", tmp_path / "run") == (0, "")
    assert len(read_log(tmp_path / "run")) == 2


def test_resuming_goes_on(arguments: tuple[object, ...], silent_xlm: Xlm, tmp_path: Path, read_log: ReadLog) -> None:
    assert silent_xlm(*arguments, "--max-steps", 2, tmp_path / "run")[0] == 0
    exit_code, stderr = silent_xlm(*arguments, "--max-steps", 4, "--resume", tmp_path / "run")
    assert exit_code == 0, stderr
    assert [event["step"] for event in read_log(tmp_path / "run")] == [2, 2, 4, 4]


def test_pretraining_and_translation_share_a_cache(
    arguments: tuple[object, ...], silent_xlm: Xlm, pairs: Path, tiny_tokenizer: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    text = (f"en-fr={pairs}", "--valid", f"en-fr={pairs}", "--max-len", 40, "--cache", cache)
    sizes = ("--dim", 16, "--layers", 1, "--heads", 2, "--max-positions", 48)
    pretraining = (*arguments, "--cache", cache, "--max-steps", 1, tmp_path / "a")
    translation = ("train", "translate", "--tokenizer", tiny_tokenizer, "--parallel", *text, *sizes, *RUN, "--seed", 1)
    for command in (pretraining, (*translation, "--max-steps", 1, tmp_path / "b")):
        exit_code, stderr = silent_xlm(*command)
        assert exit_code == 0, stderr
        (entry,) = cache.iterdir()
    assert {path.name for path in entry.iterdir()} >= {"entry.json", "ids-0.npy", "starts-1.npy"}


def test_settings_come_from_a_file(pairs: Path, silent_xlm: Xlm, tmp_path: Path, read_log: ReadLog) -> None:
    names = [str(name).removeprefix("--") for name in (*SIZES, *RUN)[::2]]
    values = [json.dumps(value) for value in (*SIZES, *RUN)[1::2]]
    settings = [f"{name} = {value}" for name, value in zip(names, values, strict=True)]
    settings += [f'parallel = ["en-fr={pairs}"]', f'valid = ["en-fr={pairs}"]', 'objectives = "clm"']
    settings += ["vocab-size = 420", 'max-time = "1h"', "max-steps = 100"]
    config = tmp_path / "recipe.toml"
    config.write_text("[pretrain]\n" + "\n".join(settings), encoding="utf-8")
    exit_code, stderr = silent_xlm("pretrain", "--config", config, "--max-steps", 2, tmp_path / "run")
    assert exit_code == 0, stderr
    log = read_log(tmp_path / "run")
    assert [event["step"] for event in log] == [2, 2]
    assert set(log[0]["losses"]) == {"clm"}


def test_errors(arguments: tuple[object, ...], silent_xlm: Xlm, pairs: Path, tmp_path: Path) -> None:
    run = (*arguments, "--max-steps", 2)
    (tmp_path / "bad.tsv").write_text("a\tb\nc\n", encoding="utf-8")
    (tmp_path / "empty.tsv").write_text("\t\n", encoding="utf-8")
    without_text = ("pretrain", "--tokenizer", arguments[2], *SIZES, "--max-steps", 2)
    text = ("--parallel", f"en-fr={pairs}")
    cases: list[tuple[ExitCode, str, str | None, tuple[object, ...]]] = [
        (ExitCode.USAGE, "the run would never end", "give --max-steps, --max-time or --patience", arguments),
        (ExitCode.USAGE, "no training text", "name some with --mono or --parallel", without_text),
        (
            ExitCode.USAGE,
            "no validation text",
            "name some with --valid, such as --valid en-fr=FILE.tsv",
            (*without_text, *text),
        ),
        (
            ExitCode.USAGE,
            "validation text in de, which has no training text",
            None,
            (*run, "--valid", f"de={pairs}"),
        ),
        (ExitCode.USAGE, "--block-len 49 is above --max-positions 48", None, (*run, "--block-len", 49)),
        (
            ExitCode.USAGE,
            "--max-len 47 leaves no room for </s> in --max-positions 48",
            None,
            (*run, "--max-len", 47),
        ),
        (ExitCode.USAGE, "--dim 16 is not a multiple of --heads 3", None, (*run, "--heads", 3)),
        (ExitCode.MODEL, f"no tokenizer.model in {tmp_path}", None, (*run, "--tokenizer", tmp_path)),
        (
            ExitCode.DATA,
            f"{tmp_path / 'bad.tsv'}:2: expected 2 columns, found 1",
            None,
            (*run, "--parallel", f"en-fr={tmp_path / 'bad.tsv'}"),
        ),
        (
            ExitCode.DATA,
            f"no usable line in {tmp_path / 'empty.tsv'}",
            "is --max-len too small, or the `only` pattern wrong?",
            (*without_text, "--parallel", f"en-fr={tmp_path / 'empty.tsv'}", "--valid", f"en-fr={pairs}"),
        ),
        (ExitCode.DATA, f"no such file: {tmp_path / 'none'}", None, (*run, "--mono", f"en={tmp_path / 'none'}")),
    ]
    for exit_code, message, hint, args in cases:
        code, stderr = silent_xlm(*args, tmp_path / "run")
        expected = f"error: {message}" + (f"\n\nhint: {hint}" if hint else "")
        assert (code, stderr.startswith(expected)) == (exit_code, True), stderr
        assert not (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.parametrize(
    "option",
    [
        ("--dropout", "1"),
        ("--beta2", "1"),
        ("--lr", "0"),
        ("--max-time", "soon"),
        ("--objectives", "mlm,nsp"),
        ("--objectives", "mlm,mlm"),
    ],
)
def test_values_out_of_range(
    arguments: tuple[object, ...], silent_xlm: Xlm, tmp_path: Path, option: tuple[str, str]
) -> None:
    exit_code, stderr = silent_xlm(*arguments, "--max-steps", 2, *option, tmp_path / "run")
    assert exit_code == ExitCode.USAGE
    assert f"invalid value for '{option[0]}'" in stderr


def test_a_run_is_neither_overwritten_nor_invented(
    arguments: tuple[object, ...], silent_xlm: Xlm, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    assert silent_xlm(*arguments, "--max-steps", 2, "--resume", folder) == (
        ExitCode.USAGE,
        f"error: {folder} has no run to resume\n\nhint: leave --resume out to start one\n",
    )
    assert silent_xlm(*arguments, "--max-steps", 2, "--quiet", folder)[0] == 0
    before = (folder / "model.safetensors").read_bytes()
    assert silent_xlm(*arguments, "--max-steps", 4, folder) == (
        ExitCode.USAGE,
        f"error: {folder} has a model already\n\nhint: add --resume to go on, or name another folder\n",
    )
    exit_code, stderr = silent_xlm(*arguments, "--max-steps", 4, "--resume", "--dim", 32, folder)
    assert exit_code == ExitCode.USAGE
    assert "has another model: dim: 16, not 32\n\nhint: give the options that it was started with" in stderr
    assert (folder / "model.safetensors").read_bytes() == before
    (folder / "training" / "state.pt").write_bytes(b"damaged")
    exit_code, stderr = silent_xlm(*arguments, "--max-steps", 4, "--resume", folder)
    assert exit_code == ExitCode.MODEL
    assert "state.pt: damaged training state" in stderr
    (folder / "training" / "state.pt").unlink()
    assert "has a model already\n\nhint: name another folder" in silent_xlm(*arguments, "--max-steps", 4, folder)[1]


@pytest.mark.parametrize("name", ["xlm.json", "model.bin", "pytorch_model.bin", "model.safetensors.index.json"])
def test_a_folder_with_another_model_is_left_alone(
    arguments: tuple[object, ...], silent_xlm: Xlm, tmp_path: Path, name: str
) -> None:
    (tmp_path / "config.json").write_text("theirs")
    (tmp_path / name).write_text("theirs")
    exit_code, stderr = silent_xlm(*arguments, "--max-steps", 2, tmp_path)
    assert (exit_code, stderr) == (
        ExitCode.USAGE,
        f"error: {tmp_path} has a model already\n\nhint: name another folder\n",
    )
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == sorted(["config.json", name])
    assert (tmp_path / "config.json").read_text() == "theirs"


@pytest.mark.parametrize("name", ["config.json", "tokenizer.model", "vocab.json", "merges.txt"])
def test_parts_of_another_model_are_left_alone(
    arguments: tuple[object, ...], silent_xlm: Xlm, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("theirs")
    exit_code, stderr = silent_xlm(*arguments, "--max-steps", 2, tmp_path)
    assert (exit_code, stderr) == (
        ExitCode.USAGE,
        f"error: {tmp_path} has {name} already\n\nhint: name another folder\n",
    )
    assert (tmp_path / name).read_text() == "theirs"


@pytest.mark.parametrize("vocabulary", ["learned", "given", "its own"])
def test_a_run_that_died_early_is_begun_again(
    pairs: Path, tiny_tokenizer: Path, silent_xlm: Xlm, tmp_path: Path, vocabulary: str
) -> None:
    """What it left is gone: its vocabulary, which may be of another kind, its settings, its log and its weights."""
    folder = tmp_path / "run"
    (folder / "training").mkdir(parents=True)
    left = {"vocab.json", "merges.txt", "config.json", "log.jsonl", "training/step-2.safetensors"}
    for name in {*left, "tokenizer.model"}:
        (folder / name).write_text("dead")
    given: tuple[object, ...] = ("--vocab-size", 340)
    if vocabulary != "learned":
        given = ("--tokenizer", tiny_tokenizer if vocabulary == "given" else folder)
    if vocabulary == "its own":
        left -= {"vocab.json", "merges.txt"}
        shutil.copy(tiny_tokenizer / "tokenizer.model", folder)
    text = ("--parallel", f"en-fr={pairs}", "--valid", f"en-fr={pairs}", *given)
    assert silent_xlm("pretrain", *text, *SIZES, *RUN, "--max-steps", 2, "--quiet", folder) == (0, "")
    for name in left:
        assert not (folder / name).exists() or b"dead" not in (folder / name).read_bytes()
    words = json.loads((folder / "config.json").read_text())["vocab_size"]
    assert load_tokenizer(folder).vocab_size == words == (340 if vocabulary == "learned" else 420)


def test_a_folder_called_training_makes_no_dead_run(
    arguments: tuple[object, ...], silent_xlm: Xlm, tmp_path: Path
) -> None:
    (tmp_path / "training").mkdir()
    for name in ("vocab.json", "training/text"):
        (tmp_path / name).write_text("mine")
    exit_code, stderr = silent_xlm(*arguments, "--max-steps", 2, tmp_path)
    assert (exit_code, stderr.splitlines()[0]) == (ExitCode.USAGE, f"error: {tmp_path} has vocab.json already")
    assert all((tmp_path / name).read_text() == "mine" for name in ("vocab.json", "training/text"))


@pytest.mark.parametrize("fault", ["empty", "Good morning.\n", "\xff\tx\n"])
@pytest.mark.parametrize("is_new", [True, False])
def test_a_run_that_fails_on_its_text_leaves_nothing(
    pairs: Path, silent_xlm: Xlm, tmp_path: Path, fault: str, is_new: bool
) -> None:
    (tmp_path / "valid.tsv").write_bytes(b"" if fault == "empty" else fault.encode("latin-1"))
    folder = tmp_path / "run"
    if not is_new:
        folder.mkdir()
        (folder / "notes").write_text("mine")
    text = ("--parallel", f"en-fr={pairs}", "--valid", f"en-fr={tmp_path / 'valid.tsv'}", "--vocab-size", 340)
    code, _ = silent_xlm("pretrain", *text, *SIZES, *RUN, "--max-steps", 2, folder)
    assert code == ExitCode.DATA
    assert [path.name for path in tmp_path.iterdir() if path.name != "valid.tsv"] == ([] if is_new else ["run"])
    assert is_new or [path.name for path in folder.iterdir()] == ["notes"]


def test_a_vocabulary_that_was_there_stays(pairs: Path, silent_xlm: Xlm, tiny_tokenizer: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_tokenizer, tmp_path / "run"))
    text = ("--parallel", f"en-fr={pairs}", "--valid", f"en-fr={tmp_path / 'none.tsv'}", "--tokenizer", folder)
    assert silent_xlm("pretrain", *text, *SIZES, *RUN, "--max-steps", 2, folder)[0] == ExitCode.DATA
    assert (folder / "tokenizer.model").read_bytes() == (tiny_tokenizer / "tokenizer.model").read_bytes()


def test_a_diverging_run_is_a_training_error(arguments: tuple[object, ...], silent_xlm: Xlm, tmp_path: Path) -> None:
    exit_code, stderr = silent_xlm(
        *arguments, "--lr", "1e30", "--warmup", 0, "--max-steps", 20, "--quiet", tmp_path / "run"
    )
    assert exit_code == ExitCode.TRAINING
    assert stderr.startswith("error: step ")
    assert stderr.endswith("the gradient is not a number\n\nhint: lower the learning rate, or raise --warmup\n")


@pytest.mark.parametrize(
    ("option", "value"), [("--vocab-size", ("--vocab-size", 340)), ("--lowercase", ("--lowercase",))]
)
def test_a_given_vocabulary_is_not_learned(
    pairs: Path,
    silent_xlm: Xlm,
    tiny_tokenizer: Path,
    tiny_checkpoint: Path,
    tmp_path: Path,
    option: str,
    value: tuple[object, ...],
) -> None:
    text = ("--parallel", f"en-fr={pairs}", "--valid", f"en-fr={pairs}", "--max-steps", 2)
    for given in (("--tokenizer", tiny_tokenizer), ("--init", tiny_checkpoint)):
        message = f"error: {option} is for a vocabulary that is learned, and {given[0]} has one"
        done = silent_xlm("pretrain", *text, *given, *value, tmp_path / "run")
        assert done == (ExitCode.USAGE, f"{message}\n\nhint: leave out {option}\n")


def test_ctrl_c_saves_and_resuming_goes_on(
    arguments: tuple[object, ...],
    silent_xlm: Xlm,
    tmp_path: Path,
    read_log: ReadLog,
    await_first_step: Callable[[Path, subprocess.Popen[bytes]], None],
) -> None:
    folder = tmp_path / "run"
    settings = ("--valid-every", 10**6, "--log-every", 1, "--precision", "fp32")
    command = [*arguments, "--max-steps", 10**6, *settings, "--quiet", folder]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "xlmcli", *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    with process:
        await_first_step(folder, process)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (ExitCode.INTERRUPTED, b"", b"")
    steps = [event["step"] for event in read_log(folder)]
    assert steps == list(range(1, steps[-1] + 1))
    assert (folder / "training" / "state.pt").exists()
    assert not (folder / "model.safetensors").exists()
    assert silent_xlm(*arguments, *settings, "--max-steps", steps[-1] + 2, "--quiet", "--resume", folder) == (0, "")
    events = [(event["event"], event["step"]) for event in read_log(folder)[len(steps) :]]
    last = steps[-1] + 2
    assert events == [("train", last - 1), ("train", last), ("valid", last)]
    assert (folder / "model.safetensors").exists()
