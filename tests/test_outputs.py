"""Files that appear once complete, and what is written directly."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from xlmcli.errors import DataError
from xlmcli.outputs import atomic_write

FULL_DISK = Path("/dev/full")


def test_atomic_write_shows_nothing_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with atomic_write(path) as file:
        file.write("é\r\n")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == "é\r\n".encode()
    assert os.listdir(tmp_path) == ["out"]


def test_atomic_write_leaves_the_old_file_on_error(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), atomic_write(path, "wb") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out"]


def test_atomic_write_keeps_permissions_and_follows_links(tmp_path: Path) -> None:
    path, link = tmp_path / "out", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    with atomic_write(link) as file:
        file.write("new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_atomic_write_makes_files_as_the_umask_says(tmp_path: Path) -> None:
    plain, atomic = tmp_path / "plain", tmp_path / "atomic"
    plain.write_text("")
    with atomic_write(atomic):
        pass
    assert atomic.stat().st_mode == plain.stat().st_mode


def test_atomic_write_writes_devices_directly() -> None:
    with atomic_write(Path(os.devnull)) as file:
        file.write("gone")
    assert Path(os.devnull).is_char_device()


@pytest.mark.skipif(not FULL_DISK.exists(), reason="no device that is always full here")
@pytest.mark.parametrize("content", ["small", "large" * 10_000])
def test_atomic_write_names_the_file_that_is_full(content: str) -> None:
    with pytest.raises(DataError, match="cannot write /dev/full: no space left"), atomic_write(FULL_DISK) as file:
        file.write(content)


def test_atomic_write_names_the_file_that_cannot_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with pytest.raises(DataError, match=f"cannot write {path}: is a directory"), atomic_write(path):
        path.mkdir()
    assert os.listdir(tmp_path) == ["out"]


def test_atomic_write_leaves_errors_of_other_files_alone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "out"):
        (tmp_path / "other").read_text()


def test_atomic_write_leaves_a_closed_pipe_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), atomic_write(tmp_path / "out"):
        raise BrokenPipeError


@pytest.mark.parametrize("name", ["missing/out", "."])
def test_atomic_write_says_what_it_cannot_write(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot write"), atomic_write(tmp_path / name):
        pytest.fail("the block must not run")
