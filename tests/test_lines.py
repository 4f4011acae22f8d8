from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from xlmcli import lines as lines_module
from xlmcli.errors import DataError
from xlmcli.lines import iter_file_lines

CONTENT = "a\rb\nc\r\n\n\u2028é\x00\x85end"
LINES = ["a\rb", "c", "", "\u2028é\x00\x85end"]

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
        with pytest.raises(DataError, match=rf"{path}:1: a line of over 10 MB"):
            list(iter_file_lines(path))
        assert tracemalloc.get_traced_memory()[1] < 320_000_000
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


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["Hello", "« déjà vu »", "Привет, мир", "مرحبا", "▁ t h e", "a,b\r\n1,2\r\n"])
def test_other_encodings_are_named(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "wide.txt"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(DataError, match=rf"{path}: UTF-16") as caught:
        list(iter_file_lines(path))
    assert f"iconv -f {encoding.replace('-le', 'le').replace('-be', 'be')} " in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("program", "compress"),
    [
        ("gzip", gzip.compress),
        ("xz", lzma.compress),
        ("bzip2", bz2.compress),
        ("bzip2", lambda text: bz2.compress(text, 1)),
        ("zstd", zstandard.compress),
    ],
)
def test_a_compressed_file_without_the_ending_is_named(
    tmp_path: Path, program: str, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "text"
    path.write_bytes(compress(b"Hello.\n" * 9))
    with pytest.raises(DataError, match=rf"{path}: compressed by {program}") as caught:
        list(iter_file_lines(path))
    assert caught.value.hint == f"decompress it first: {program} -dc"


@pytest.mark.parametrize(
    ("content", "name"), [(b"PAR1\x15", "Parquet"), (b"PK\x03\x04\x14", "a ZIP archive"), (b"%PDF-1.7\n", "PDF")]
)
def test_what_is_no_text_is_named(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(DataError, match=f"text: {name}.*, not text"):
        list(iter_file_lines(tmp_path / "text"))


@pytest.mark.parametrize(
    "content",
    ["", "\0", "\0\0\0\0\0\0\0\0\0", "a\0b\0", "ab\0\x01\x02\x03", "日本語テキスト", "é\0", "1\x012\x013\x014\x015"],
)
def test_utf8_with_nuls_is_no_other_encoding(tmp_path: Path, content: str) -> None:
    path = tmp_path / "text"
    path.write_text(content, encoding="utf-8")
    assert list(iter_file_lines(path)) == ([content] if content else [])


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        list(iter_file_lines(tmp_path / "missing"))
    with pytest.raises(DataError, match="directory"):
        list(iter_file_lines(tmp_path))
