"""How errors look, and what the process exits with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from xlmcli import cli
from xlmcli.errors import (
    DataError,
    ExitCode,
    MissingExtraError,
    ModelError,
    TrainingError,
    UsageError,
    XlmError,
)

XLM = [sys.executable, "-m", "xlmcli"]

RunFailing = Callable[[BaseException], tuple[int, str]]


@pytest.fixture
def run_failing(monkeypatch: pytest.MonkeyPatch, silent_xlm: Callable[..., tuple[int, str]]) -> RunFailing:
    """Runs ``xlm info`` with a command that raises; returns the exit code and stderr."""

    def run(error: BaseException) -> tuple[int, str]:
        def fail() -> None:
            raise error

        monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: click.Command("info", callback=fail))
        return silent_xlm("info")

    return run


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (UsageError, 2),
        (DataError, 3),
        (ModelError, 4),
        (MissingExtraError, 5),
        (TrainingError, 6),
    ],
)
def test_errors_have_their_codes_and_one_look(run_failing: RunFailing, error: type[XlmError], exit_code: int) -> None:
    assert run_failing(error("it broke")) == (exit_code, "error: it broke\n")
    assert run_failing(error("it broke", hint="mend it")) == (exit_code, "error: it broke\n\nhint: mend it\n")


def test_system_errors_name_the_file(run_failing: RunFailing) -> None:
    assert run_failing(FileNotFoundError(2, "No such file or directory", "a.txt")) == (
        ExitCode.DATA,
        "error: a.txt: no such file or directory\n",
    )


def test_click_errors_have_the_same_look(run_failing: RunFailing) -> None:
    assert run_failing(click.UsageError("This is wrong.")) == (
        ExitCode.USAGE,
        "error: this is wrong\n\nhint: xlm info --help shows how it is used\n",
    )


def test_unexpected_errors_are_one_line(run_failing: RunFailing) -> None:
    exit_code, stderr = run_failing(ValueError("surprise"))
    assert exit_code == ExitCode.UNEXPECTED
    assert stderr.startswith("error: unexpected ValueError: surprise\n\nhint: ")
    assert "Traceback" not in stderr


def test_debugging_shows_the_traceback(run_failing: RunFailing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLM_DEBUG", "1")
    exit_code, stderr = run_failing(ValueError("surprise"))
    assert exit_code == ExitCode.UNEXPECTED
    assert "Traceback" in stderr


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_interruption_is_quiet(run_failing: RunFailing, error: BaseException) -> None:
    assert run_failing(error) == (ExitCode.INTERRUPTED, "")


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["tokeniser"], "no such command 'tokeniser'. Did you mean 'tokenizer'?", "xlm --help"),
        (["tokenizer", "encod"], "no such command 'encod'", "xlm tokenizer --help"),
        (["--colour"], "no such option '--colour'", "xlm --help"),
        (["tokenizer", "train"], "missing argument 'OUT_FOLDER'", "xlm tokenizer train --help"),
        (["tokenizer", "encode"], "missing option '-m' / '--model'", "xlm tokenizer encode --help"),
    ],
)
def test_usage_errors_say_where_the_help_is(args: list[str], message: str, hint: str) -> None:
    done = subprocess.run([*XLM, *args], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {message}")
    assert f"\n\nhint: {hint} shows how it is used\n" in done.stderr


@pytest.mark.parametrize("args", [[], ["tokenizer"]])
def test_a_group_without_a_command_shows_its_help_on_stderr(args: list[str]) -> None:
    done = subprocess.run([*XLM, *args], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Commands:" in done.stderr


def test_version() -> None:
    from xlmcli import __version__

    done = subprocess.run([*XLM, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"xlm {__version__}\n", "")


def test_full_disk_is_an_error() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*XLM, "--version"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (3, "error: cannot write standard output: no space left on device\n")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        ImportError("x.so: failed to map segment from shared object"),
    ],
)
def test_too_little_memory_is_no_bug(run_failing: RunFailing, error: Exception) -> None:
    exit_code, stderr = run_failing(error)
    assert exit_code == ExitCode.UNEXPECTED
    message = f"not enough memory: {error}".removesuffix(": ")
    assert stderr == f"error: {message}\n\nhint: free some, or raise the limit (ulimit -v, -u)\n"


def test_a_working_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    script = (
        f'mkdir "{tmp_path}/x" && cd "{tmp_path}/x" && rmdir "{tmp_path}/x" && "{sys.executable}" -m xlmcli models list'
    )
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        ExitCode.DATA,
        "error: the working folder is gone\n\nhint: cd to one that exists\n",
    )


def test_closed_pipe_is_quiet() -> None:
    script = f"{sys.executable} -m xlmcli --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(("no_color", "colored"), [(None, True), ("1", False)])
def test_color_is_for_terminals_only_and_can_be_refused(no_color: str | None, colored: bool) -> None:
    script = textwrap.dedent("""
        import os, pty, sys
        read = lambda fd: os.read(fd, 1024)
        status = pty.spawn([sys.executable, "-m", "xlmcli", "nonsense"], read)
        sys.exit(os.waitstatus_to_exitcode(status))
    """)
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment |= {} if no_color is None else {"NO_COLOR": no_color}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, stdin=subprocess.DEVNULL, env=environment
    )
    assert done.returncode == 2
    assert b"no such command" in done.stdout
    assert (b"\x1b[" in done.stdout) is colored


def test_ctrl_c_ends_a_waiting_process(tmp_path: Path) -> None:
    # A pipe that nobody writes to: the command is inside its work when the signal comes.
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [*XLM, "tokenizer", "train", "--lang", f"en={fifo}", str(tmp_path / "v")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process, fifo.open("wb"):  # opening waits until the command reads
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout, stderr) == (130, b"", b"")
    assert not (tmp_path / "v").exists()
