"""A disk that is full, folders that cannot be written, and several processes at once."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from xlmcli.errors import DataError, ExitCode
from xlmcli.locking import locked

Run = Callable[..., tuple[int, str, str]]
NAME = "team/mt-en-fr"


def names(xlm: Run) -> list[str]:
    """Names of the pulled models, as list tells them."""
    return [item["name"] for item in json.loads(xlm("models", "list", "--format", "json")[1]) if not item["embedded"]]


@contextmanager
def held(path: Path) -> Iterator[None]:
    """A lock as another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_a_full_disk_is_told_before_the_download(xlm: Run, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10))
    code, _, err = xlm("models", "pull", NAME)
    assert code == ExitCode.DATA
    assert "are to be downloaded, 10 bytes are free" in err
    assert "hint: XLM_HOME names another place" in err
    assert served.downloads("model.bin") == []


def test_a_disk_that_becomes_full_is_an_error_and_the_next_pull_goes_on(served: Any, xlm: Run, home: Path) -> None:
    most = 2_000_000  # A file cannot be larger, which is the nearest to a full disk that a process can do to itself.
    done = subprocess.run(
        [sys.executable, "-m", "xlmcli", "models", "pull", NAME],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY)),
    )
    [partial] = home.rglob("model.bin.partial")
    assert (done.returncode, done.stdout) == (ExitCode.DATA, "")
    assert f"cannot write {partial}: {os.strerror(errno.EFBIG).lower()}" in done.stderr.lower()
    assert partial.stat().st_size == most
    assert names(xlm) == []
    assert xlm("models", "pull", NAME)[0] == ExitCode.OK
    assert served.downloads("model.bin")[-1] == f"bytes={most}-"


@pytest.mark.parametrize("folder", ["models", "downloads"])
def test_a_folder_that_cannot_be_written(xlm: Run, served: Any, home: Path, folder: str) -> None:
    home.mkdir()
    (home / folder).touch()
    code, _, err = xlm("models", "pull", NAME)
    assert code == ExitCode.DATA
    assert f"{home / folder}: cannot be written" in err
    assert "hint: XLM_HOME names another place" in err


def test_two_pulls_do_not_write_the_same_files(xlm: Run, served: Any, home: Path) -> None:
    with held(home / f"downloads/team--mt-en-fr@{served.repositories[NAME].commit}.lock"):
        code, _, err = xlm("models", "pull", NAME, "--name", "mine")
    assert code == ExitCode.DATA
    assert f"another process is downloading {NAME}" in err
    assert xlm("models", "pull", NAME)[0] == ExitCode.OK


def test_two_pulls_do_not_give_the_same_name(xlm: Run, served: Any, home: Path) -> None:
    with held(home / "models/.mt-en-fr.lock"):
        code, _, err = xlm("models", "pull", NAME)
    assert code == ExitCode.DATA
    assert "another process is pulling a model named 'mt-en-fr'" in err
    assert served.downloads("model.bin") == []
    assert xlm("models", "pull", NAME)[0] == ExitCode.OK


def test_many_pulls_at_once_leave_one_whole_model(xlm: Run, served: Any, home: Path) -> None:
    served.repositories["others/mt-en-fr"] = served.repositories[NAME]
    pulled = [NAME, NAME, "others/mt-en-fr", "others/mt-en-fr"]
    command = [sys.executable, "-m", "xlmcli", "models", "pull"]
    processes = [
        subprocess.Popen([*command, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for name in pulled
    ]
    answers = [process.communicate()[1] for process in processes]
    codes = [process.returncode for process in processes]
    assert ExitCode.OK in codes
    for code, err in zip(codes, answers, strict=True):
        assert code == ExitCode.OK or "another process " in err or "is taken: that model is" in err, err
    assert names(xlm) == ["mt-en-fr"]
    assert xlm("models", "verify")[0] == ExitCode.OK
    assert [path.name for path in (home / "models").iterdir()] == ["mt-en-fr"]


def test_a_pull_leaves_what_others_download(xlm: Run, served: Any, home: Path) -> None:
    other = home / f"downloads/team--mt-en-fr@{'0' * 40}"
    with held(other.with_name(f"{other.name}.lock")):
        other.mkdir()
        assert xlm("models", "pull", NAME)[0] == ExitCode.OK
        assert other.is_dir()


def test_what_is_being_pulled_is_not_removed(xlm: Run, served: Any, home: Path) -> None:
    served.stall_after["model.bin"] = 1_000_000
    process = subprocess.Popen([sys.executable, "-m", "xlmcli", "models", "pull", NAME], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not any(home.rglob("model.bin.partial")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    code, _, err = xlm("models", "remove", "--unfinished")
    assert code == ExitCode.DATA
    assert re.search(r"another process \(pid \d+\) is pulling a model", err)
    served.resume.set()
    assert process.wait(60) == ExitCode.OK
    assert names(xlm) == ["mt-en-fr"]


def is_held(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.parametrize("command", [["remove", "--unfinished"], ["pull", NAME]])
def test_what_was_left_is_removed_under_its_lock(
    xlm: Run, served: Any, home: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    left = home / f"downloads/team--mt-en-fr@{'0' * 40}"
    left.mkdir(parents=True)
    seen = []
    remove = shutil.rmtree

    def watch(folder: Path, *args: Any, **options: Any) -> None:
        if folder == left:
            seen.append(is_held(left.with_name(f"{left.name}.lock")))
        remove(folder, *args, **options)

    monkeypatch.setattr(shutil, "rmtree", watch)
    code, _, err = xlm("models", *command)
    assert code == ExitCode.OK, err
    assert seen == [True]
    assert not any((home / "downloads").iterdir())


def test_a_lock_is_for_one_and_leaves_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "a/b.lock"
    with locked(lock, "sleeping"):
        for _ in range(2):
            with (
                pytest.raises(DataError, match=rf"another process \(pid {os.getpid()}\) is sleeping"),
                locked(lock, "sleeping"),
            ):
                pass
    assert not list(lock.parent.iterdir())


def test_a_lock_of_a_process_that_died_is_free(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    lock.touch()
    with locked(lock, "sleeping"):
        assert lock.read_text() == f"{os.getpid()}\n"
    assert not lock.exists()
