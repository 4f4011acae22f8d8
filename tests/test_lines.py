from __future__ import annotations

import gzip
import lzma
import os
import stat
import tracemalloc
import zlib
from pathlib import Path

import pytest
import zstandard

from xlmcli import lines as lines_module
from xlmcli.errors import DataError
from xlmcli.lines import MAX_LINE_BYTES, atomic_write, iter_file_lines

CONTENT = "a\rb\nc\r\n\n\u2028é\x00\x85end"
LINES = ["a\rb", "c", "", "\u2028é\x00\x85end"]

FULL_DISK = Path("/dev/full")

COMPRESS = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstandard.compress}


@pytest.mark.parametrize("suffix", COMPRESS)
def test_only_newline_ends_a_line(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_bytes(COMPRESS[suffix](f"\ufeff{CONTENT}\ufeff".encode()))
    assert list(iter_file_lines(path)) == [*LINES[:-1], f"{LINES[-1]}\ufeff"]


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_joined_compressed_files_hold_both(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_bytes(COMPRESS[suffix](b"one\n" * 50_000) + COMPRESS[suffix](b"two\n"))
    lines = list(iter_file_lines(path))
    assert len(lines) == 50_001
    assert lines[-2:] == ["one", "two"]


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_a_compressed_file_cut_short_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_bytes(COMPRESS[suffix](os.urandom(5000).hex().encode())[:-20])
    with pytest.raises(DataError, match="cannot read"):
        list(iter_file_lines(path))


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_a_suffix_that_lies_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_bytes(b"plain text\n")
    with pytest.raises(DataError, match="cannot read"):
        list(iter_file_lines(path))


@pytest.mark.parametrize("num_frames", [1, 100])
def test_a_small_file_of_much_text_is_no_way_to_fill_the_memory(num_frames: int, tmp_path: Path) -> None:
    path = tmp_path / "bomb.zst"
    frame = zstandard.ZstdCompressor().compressobj()
    content = b"".join(frame.compress(bytes(1 << 20)) for _ in range(1000 // num_frames)) + frame.flush()
    path.write_bytes(content * num_frames)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=rf"{path}:1: a line of over 64 MB"):
            list(iter_file_lines(path))
        assert tracemalloc.get_traced_memory()[1] < 5 * MAX_LINE_BYTES
    finally:
        tracemalloc.stop()


def test_a_line_that_is_too_long_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 5)
    path = tmp_path / "text"
    path.write_bytes(b"one\ntwos\nthree!\n")
    lines = iter_file_lines(path)
    assert [next(lines), next(lines)] == ["one", "twos"]
    with pytest.raises(DataError, match=rf"{path}:3: a line of over 0 MB"):
        next(lines)


def test_an_xz_file_that_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    content = bytearray(lzma.compress(b"text\n", check=lzma.CHECK_NONE))
    header = slice(12, 12 + 4 * (content[12] + 1))
    block = content[header]
    block[block.index(b"\x21\x01") + 2] = 40  # a dictionary of 4 GB
    block[-4:] = zlib.crc32(block[:-4]).to_bytes(4, "little")
    content[header] = block
    path = tmp_path / "text.xz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="Memory usage limit exceeded"):
        list(iter_file_lines(path))


def test_invalid_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "latin1.txt"
    path.write_bytes(b"good\nbad \xe9t\xe9\n")
    lines = iter_file_lines(path)
    assert next(lines) == "good"
    with pytest.raises(DataError, match=rf"{path}:2: invalid UTF-8 \(byte 0xe9 at byte 5") as caught:
        next(lines)
    assert "iconv" in (caught.value.hint or "")


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        list(iter_file_lines(tmp_path / "missing"))
    with pytest.raises(DataError, match="directory"):
        list(iter_file_lines(tmp_path))


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
