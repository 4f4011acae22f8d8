"""Where answers go: descriptors, pipes, devices, links, names of any kind; disks and folders that take none."""

from __future__ import annotations

import os
import resource
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from xlmcli.errors import ExitCode

XLM = [sys.executable, "-m", "xlmcli"]
LINES = 3

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "en.txt"
    path.write_text("How are you?\n" * LINES)
    return path


@pytest.fixture(scope="module")
def command(tiny_bundle: Path, text: Path) -> str:
    """Translates three lines."""
    options = ["-m", str(tiny_bundle), "--src", "en", "--tgt", "fr", "--device", "cpu", "--threads", "1"]
    return shlex.join([*XLM, "translate", *options, str(text)])


@pytest.fixture
def shell(tmp_path: Path) -> Run:
    """Runs a script of bash in a folder of its own."""

    def run(script: str, *, cwd: Path = tmp_path, **options: object) -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = ["bash", "-o", "pipefail", "-c", script]
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, timeout=120, **options)

    return run


DESCRIPTORS = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1", "/proc/$$/fd/1", "link"]


@pytest.mark.parametrize("name", DESCRIPTORS)
@pytest.mark.parametrize("redirection", [">", ">>"])
def test_a_descriptor_goes_on_where_it_stands(
    shell: Run, command: str, tmp_path: Path, name: str, redirection: str
) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    (tmp_path / "out").write_text("first\n")
    done = shell(f"{{ echo before; {command} -o {name}; echo after; }} {redirection} out")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = (tmp_path / "out").read_text().splitlines()
    before = ["first", "before"] if redirection == ">>" else ["before"]
    assert lines[: len(before)] == before
    if name == "/proc/$$/fd/1" and redirection == ">":
        return  # The shell's own descriptor: nobody moves it along, so that the shell writes over what was appended.
    assert lines[-1] == "after"
    assert len(lines) == len(before) + LINES + 1


@pytest.mark.parametrize(
    "script",
    [
        *(f"{{}} -o {name} | cat" for name in DESCRIPTORS),
        "{} -o >(cat) | cat",
        "{} -o /dev/fd/7 7> >(cat) | cat",
        "cat fifo & {} -o fifo && wait",
        "{} -o /dev/stderr 2>&1 | cat",
    ],
)
def test_pipes_are_written_directly(shell: Run, command: str, tmp_path: Path, script: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/dev/stdout")
    done = shell(script.replace("{}", command))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == LINES
    assert sorted(os.listdir(tmp_path)) == ["fifo", "link"]


def test_a_reader_of_a_named_pipe_that_goes_away_is_no_error(shell: Run, command: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    done = shell(f"head -n 0 fifo & yes Hello. | {command} - -o fifo")
    assert done.stderr == b""
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("-o folder", "is a directory"),
        ("-o folder/", "is a directory"),
        ("-o missing/", "is a directory"),
        ("-o missing/.", "is a directory"),
        ("-o missing/out", "no such file or directory"),
        ("-o text/out", "not a directory"),
        ("-o loop", "too many levels of symbolic links"),
        ("-o /dev/fd/99", "it is closed"),
        ("-o /dev/stdout >&-", "it is closed"),
        ("-o /dev/full", "no space left on device"),
        (f"-o {'x' * 256}", "file name too long"),
    ],
)
def test_what_cannot_be_written_is_named(shell: Run, command: str, tmp_path: Path, option: str, reason: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").touch()
    (tmp_path / "loop").symlink_to("loop")
    done = shell(f"{command} {option}")
    assert (done.returncode, done.stdout) == (ExitCode.DATA, b"")
    name = option.split()[1]
    assert done.stderr.decode().splitlines()[0] == f"error: cannot write {name}: {reason}"
    assert sorted(os.listdir(tmp_path)) == ["folder", "loop", "text"]


@pytest.mark.parametrize("name", [b"x" * 255, "é".encode() * 127, "😀".encode() * 63, b"caf\xe9.txt", b"new\nline"])
def test_names_of_any_kind(command: str, tmp_path: Path, name: bytes) -> None:
    arguments = [*map(os.fsencode, shlex.split(command)), b"-o", os.fsencode(tmp_path) + b"/" + name]
    for _ in range(2):  # Once new, once in place of the first.
        done = subprocess.run(arguments, capture_output=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, b"")
    assert os.listdir(os.fsencode(tmp_path)) == [name]
    assert len((tmp_path / os.fsdecode(name)).read_text().splitlines()) == LINES


def test_a_link_is_written_through(shell: Run, command: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere/new")
    assert shell(f"{command} -o link").returncode == 0
    assert (tmp_path / "link").is_symlink()
    assert os.listdir(tmp_path / "elsewhere") == ["new"]


def test_a_disk_that_becomes_full_leaves_what_was_there(shell: Run, command: str, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    limit = (20, resource.RLIM_INFINITY)
    done = shell(f"{command} -o out", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    assert (done.returncode, done.stderr) == (ExitCode.DATA, b"error: cannot write out: file too large\n")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"out": "old"}


def test_a_read_only_folder_is_named(shell: Run, command: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o555)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write anywhere")
    done = shell(f"{command} -o folder/out")
    assert (done.returncode, done.stderr) == (ExitCode.DATA, b"error: cannot write folder/out: permission denied\n")
