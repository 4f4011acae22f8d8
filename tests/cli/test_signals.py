"""Signals: commands end at once and without a word, whatever they are at, and leave nothing half written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xlmcli.checkpoint.training_state import load_training_state
from xlmcli.signals import ENDING

XLM = [sys.executable, "-m", "xlmcli"]
TIMEOUT_SECONDS = 120.0

# Sends itself a signal when it is about to import a module, then goes on as `python -m xlmcli ARGS` would.
SIGNALLED = """
import runpy, signal, sys

class Sender:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            signal.raise_signal(number)

number, module, sys.argv[1:] = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
sys.meta_path.insert(0, Sender())
runpy.run_module("xlmcli", run_name="__main__", alter_sys=True)
"""

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts ``xlm`` in a process group of its own; what is left of it is killed in the end."""
    processes = []

    def run(*arguments: object, command: list[str] = XLM) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(filter(None, sys.path))
        process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path},
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def wait_for(is_so: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not is_so():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def end(process: subprocess.Popen[bytes], number: signal.Signals) -> tuple[int, bytes, bytes]:
    """Sends a signal to all the group, as a terminal does; returns the exit code, stdout and stderr."""
    os.killpg(process.pid, number)
    stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    return process.returncode, stdout, stderr


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_while_modules_are_imported(start: Start, tiny_bundle: Path, number: signal.Signals) -> None:
    arguments = ["translate", "-m", tiny_bundle, "--src", "en", "--tgt", "fr", "--text", "Hello."]
    modules = ["xlmcli.cli", "click", "xlmcli.cli.translate", "numpy", "numpy._core._multiarray_umath", "ctranslate2"]
    for module in modules:
        process = start(int(number), module, *arguments, command=[sys.executable, "-c", SIGNALLED])
        assert process.wait(TIMEOUT_SECONDS) == 128 + number, module
        assert process.communicate() == (b"", b""), module


def test_a_signal_while_torch_is_imported(start: Start, tiny_checkpoint: Path, tmp_path: Path) -> None:
    for module in ("torch", "torch._C", "torch.nn", "safetensors"):
        command = [sys.executable, "-c", SIGNALLED]
        process = start(int(signal.SIGINT), module, "convert", tiny_checkpoint, tmp_path / "new", command=command)
        assert process.wait(TIMEOUT_SECONDS) == 130, module
        assert process.communicate() == (b"", b""), module


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (signal.SIGTERM, "translate -m {translator} --src en --tgt fr"),
        (signal.SIGHUP, "translate -m {translator} --src en --tgt fr -o out"),
        (signal.SIGTERM, "classify -m {classifier}"),
        (signal.SIGTERM, "encode -m {encoder} --lang en"),
        (signal.SIGHUP, "eval translate --ref - {translator}/xlm.json"),
        (signal.SIGTERM, "tokenizer encode -m {translator}"),
        (signal.SIGINT, "tokenizer train --lang en=/dev/stdin {folder}/new"),
    ],
)
def test_a_signal_while_a_command_waits(
    start: Start,
    tiny_bundle: Path,
    tiny_classifier: Path,
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    models = {"translator": tiny_bundle, "classifier": tiny_classifier, "encoder": tiny_encoder}
    process = start(*line.format(**models, folder=tmp_path).split())
    time.sleep(2)
    assert end(process, number) == (128 + number, b"", b"")
    assert list(tmp_path.iterdir()) == []


def test_a_signal_that_is_ignored_stays_ignored(start: Start, tiny_bundle: Path) -> None:
    nohup = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *XLM]
    process = start("translate", "-m", tiny_bundle, "--src", "en", "--tgt", "fr", command=nohup)
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"Hello.\n")
    process.stdin.flush()
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    assert process.communicate(b"Hello.\n")[0].count(b"\n") == 1
    assert process.returncode == 0


@pytest.mark.parametrize("number", ENDING)
def test_a_conversion_leaves_nothing(
    start: Start, make_checkpoint: Callable[..., Path], model_sizes: type, tmp_path: Path, number: signal.Signals
) -> None:
    process = start("convert", make_checkpoint(model_sizes(dim=256), 1), tmp_path / "new", "--verify")
    wait_for(lambda: any(tmp_path.iterdir()), process)
    assert end(process, number) == (128 + number, b"", b"")
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_whose_attention_is_read_leaves_no_bundle(
    start: Start,
    make_checkpoint: Callable[..., Path],
    model_sizes: type,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    checkpoint = make_checkpoint(model_sizes(dim=256), 1)
    process = start("attention", "-m", checkpoint, "--src", "en", "--tgt", "fr", "--text", "The cat sleeps.")
    wait_for(lambda: any(tmp_path.iterdir()), process)
    assert end(process, signal.SIGTERM) == (128 + signal.SIGTERM, b"", b"")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def training(tiny_tokenizer: Path, tmp_path: Path, sentences: dict[str, list[str]]) -> list[object]:
    text = tmp_path / "en.txt"
    text.write_text("".join(f"{line}\n" for line in sentences["en"]))
    sizes = ("--dim", 16, "--layers", 1, "--heads", 2, "--max-positions", 48, "--max-len", 40, "--batch-tokens", 160)
    source = f"en={text}"
    return ["pretrain", "--tokenizer", tiny_tokenizer, "--mono", source, "--valid", source, *sizes, "--block-len", 16]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_training_is_saved(
    start: Start,
    training: list[object],
    tmp_path: Path,
    await_first_step: Callable[[Path, subprocess.Popen[bytes]], None],
    number: signal.Signals,
) -> None:
    folder = tmp_path / "run"
    process = start(*training, "--max-steps", 10**6, "--log-every", 1, "--quiet", folder)
    await_first_step(folder, process)
    assert end(process, number) == (128 + number, b"", b"")
    assert load_training_state(folder / "training" / "state.pt")["run"]["step"] >= 1
    left = {path.name for path in folder.rglob("*")}
    assert left == {"config.json", "log.jsonl", "state.pt", "tokenizer.model", "training"}


# On any number of cores.
TWO_WORKERS = """
from xlmcli.__main__ import run
from xlmcli.train.data import loading

loading.cores_of_process = lambda: 2
run()
"""


def test_ctrl_c_while_worker_processes_tokenise(start: Start, training: list[object], tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("The cat sleeps on the warm roof.\n" * 300_000)
    for seconds in (0.0, 0.1, 0.5, 1.0):
        command = [sys.executable, "-c", TWO_WORKERS]
        process = start(*training, "--max-steps", 1, "--quiet", tmp_path / "run", command=command)
        wait_for((tmp_path / "run").exists, process)
        wait_for(lambda number=process.pid: b"spawn_main" in children(number), process)
        time.sleep(seconds)
        assert end(process, signal.SIGINT) == (130, b"", b"")
        assert not (tmp_path / "run").exists()


def children(parent: int) -> bytes:
    """The command lines of the processes that a process has started."""
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    numbers = [number for task in tasks for number in task.read_text().split()]
    return b"\n".join(Path(f"/proc/{number}/cmdline").read_bytes() for number in numbers)


def test_what_a_killed_run_left_is_removed_by_the_next(start: Start, tiny_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    line = ["translate", "-m", tiny_bundle, "--src", "en", "--tgt", "fr", "-o", out]
    killed, alive = start(*line), start(*line)
    for process in (killed, alive):
        wait_for(lambda: any(tmp_path.iterdir()), process)
    wait_for(lambda: len(list(tmp_path.iterdir())) == 2, alive)
    killed.kill()
    killed.wait()
    assert start(*line, "--text", "Hello.").wait(TIMEOUT_SECONDS) == 0
    assert len(list(tmp_path.iterdir())) == 2
    assert alive.communicate(b"Hello.\nHello.\n") == (b"", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert out.read_text().count("\n") == 2
