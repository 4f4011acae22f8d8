"""Standard streams that are closed, full, gone or in another encoding, for every command."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from xlmcli.errors import ExitCode

XLM = [sys.executable, "-m", "xlmcli"]

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]

# All that writes to standard output. {translator}, {classifier}, {encoder} are bundles; {checkpoint} is one; lines.txt
# is text.
COMMANDS = [
    "--help",
    "--version",
    "convert --help",
    "info {translator}",
    "info {checkpoint} --format json",
    "models list",
    "models show en-fr",
    "models verify en-fr --format json",
    "models path",
    "models remove --unfinished --format json",
    "doctor",
    "translate -m {translator} --src en --tgt fr lines.txt",
    "translate -m {translator} --src en --tgt fr lines.txt -o /dev/stdout",
    "classify -m {classifier} lines.txt",
    "encode -m {encoder} --lang en lines.txt",
    "eval translate --ref lines.txt lines.txt",
    "eval translate --ref lines.txt lines.txt --format table",
    "eval translate --ref lines.txt lines.txt --sentence",
    "eval classify --gold lines.txt lines.txt --format json",
    "tokenizer encode -m {translator}",
    "convert {checkpoint} new --verify",
]
FEW = ["--help", "info {translator}", "models list", "eval translate --ref lines.txt lines.txt --format table -q"]


@pytest.fixture
def shell(tmp_path: Path, tiny_bundle: Path, tiny_checkpoint: Path, tiny_classifier: Path, tiny_encoder: Path) -> Run:
    """Runs ``xlm`` with what follows it in a shell."""
    (tmp_path / "lines.txt").write_text("How are you?\nGood morning.\n")
    models = {
        "translator": tiny_bundle,
        "checkpoint": tiny_checkpoint,
        "classifier": tiny_classifier,
        "encoder": tiny_encoder,
    }
    path = os.pathsep.join(filter(None, sys.path))

    def run(line: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
        script = f"{shlex.join(XLM)} {line.format(**models)}"
        environment = {**os.environ, "PYTHONPATH": path, "XLM_HOME": str(tmp_path / "home"), **variables}
        command = ["bash", "-o", "pipefail", "-c", script]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, input=b"Hello.\n", capture_output=True, timeout=240
        )

    return run


@pytest.mark.parametrize("line", COMMANDS)
def test_standard_output_that_is_closed_is_an_error(shell: Run, line: str) -> None:
    done = shell(f"{line} >&-")
    name = "/dev/stdout" if "/dev/stdout" in line else "standard output"
    assert (done.returncode, done.stdout) == (ExitCode.DATA, b""), done.stderr
    assert f"error: cannot write {name}: it is closed\n" in done.stderr.decode()


@pytest.mark.parametrize("line", FEW)
def test_a_full_disk_behind_standard_output_is_an_error(shell: Run, line: str) -> None:
    done = shell(f"{line} >/dev/full")
    assert done.returncode == ExitCode.DATA
    assert done.stderr == b"error: cannot write standard output: no space left on device\n"


def test_completion_says_so_too(shell: Run) -> None:
    done = shell(">&-", _XLM_COMPLETE="bash_source")
    assert done.returncode == ExitCode.DATA
    assert b"error: cannot write standard output: it is closed\n" in done.stderr


@pytest.mark.parametrize("line", FEW)
def test_a_closed_pipe_ends_quietly(shell: Run, line: str) -> None:
    done = shell(f"{line} | true")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("end", ["2>&-", "2>/dev/full"])
def test_nothing_depends_on_standard_error(shell: Run, end: str) -> None:
    done = shell(f"translate -m {{translator}} --src en --tgt fr --text {'word ' * 300!r} {end}")
    assert done.returncode == 0
    assert done.stdout
    assert shell(f"info nothing {end}").returncode == ExitCode.MODEL


def test_no_file_gets_the_number_of_a_closed_stream(shell: Run, tmp_path: Path) -> None:
    """Else libraries print into it."""
    done = shell("translate -m {translator} --src en --tgt fr lines.txt -o out <&- 2>&-")
    assert done.returncode == 0
    assert (tmp_path / "out").read_text().count("\n") == 2


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1251:strict"])
@pytest.mark.parametrize("line", [*FEW, "convert --help", "info --format json", "models list --format json"])
def test_any_terminal_shows_help_and_tables(shell: Run, line: str, encoding: str) -> None:
    done = shell(line, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert done.stdout
