"""Files that appear once complete, and what is written directly."""

from __future__ import annotations

import fcntl
import io
import os
import stat
import threading
from pathlib import Path

import pytest

from xlmcli.errors import DataError
from xlmcli.lines import iter_file_lines
from xlmcli.named_file import NamedFile
from xlmcli.outputs import atomic_write, compressing, partial_folder

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


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".zst", ".GZ", ".Zst"])
def test_what_is_written_is_what_the_name_says(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    with atomic_write(path, "wb") as raw, compressing(raw, path) as file:
        for line in ["a\rb", "", "é"] * 5000:
            file.write(f"{line}\n".encode())
            file.flush()
    assert list(iter_file_lines(path)) == ["a\rb", "", "é"] * 5000
    assert (path.stat().st_size < 20_000) == bool(suffix)


@pytest.mark.skipif(not FULL_DISK.exists(), reason="no device that is always full here")
@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".zst"])
def test_a_full_disk_is_an_error_for_compressed_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    path.symlink_to(FULL_DISK)
    with (
        pytest.raises(DataError, match="no space left on device"),
        atomic_write(path, "wb") as raw,
        compressing(raw, path) as file,
    ):
        file.write(b"a")


def test_what_a_library_hides_is_told(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_write(FULL_DISK, "wb") as file:
            try:
                file.write(b"large" * 10_000)
            except DataError:
                raise RuntimeError("unexpected pos 64 vs 0") from None

    with pytest.raises(DataError, match="cannot write /dev/full: no space left"):
        write()


def test_nobody_else_reads_what_is_not_complete(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.touch(0o600)
    with atomic_write(path):
        [beside] = [entry for entry in tmp_path.iterdir() if entry != path]
        assert stat.S_IMODE(beside.stat().st_mode) == 0o600


def test_names_of_what_is_not_complete_cannot_be_foreseen(tmp_path: Path) -> None:
    names = set()
    for _ in range(3):
        with atomic_write(tmp_path / "out"):
            names |= {entry.name for entry in tmp_path.iterdir()}
    assert len(names - {"out"}) == 3


def test_what_nobody_writes_any_more_is_removed(tmp_path: Path) -> None:
    stale = [tmp_path / f".{name}.0123abcd.xlm-partial" for name in ("out", "other", "folder")]
    stale[0].touch()
    stale[1].symlink_to("elsewhere")
    stale[2].mkdir()
    (stale[2] / "model.bin").touch()
    strange = [tmp_path / name for name in (".out.partial", ".out.0123.xlm-partial", "out.0123abcd.xlm-partial")]
    for path in strange:
        path.touch()
    with atomic_write(tmp_path / "first") as first, partial_folder(tmp_path / "second") as second:
        first.write("x")
        with atomic_write(tmp_path / "third"):
            pass
        assert second.is_dir()
    assert sorted(tmp_path.iterdir()) == sorted([*strange, stale[1], tmp_path / "first", tmp_path / "third"])


def test_a_file_that_is_taken_for_stale_at_once_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock = fcntl.flock

    def remove_the_first(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        for path in tmp_path.iterdir():
            path.unlink()

    monkeypatch.setattr(fcntl, "flock", remove_the_first)
    with atomic_write(tmp_path / "out") as file:
        file.write("x")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out", "x")]


def test_a_full_pipe_that_does_not_block_is_waited_for() -> None:
    """A program at its other end may make it so."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    content = bytes(range(256)) * 4000
    with NamedFile(writing, "pipe") as raw, open(reading, "rb") as reader:  # a descriptor
        received: list[bytes] = []
        thread = threading.Thread(target=lambda: received.append(reader.read(len(content))))
        thread.start()
        with io.BufferedWriter(raw) as writer:
            writer.write(content)
        thread.join(timeout=30)
    assert received == [content]
