from __future__ import annotations

import gzip
import io
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.errors import DataError
from xlmcli.infer import reading
from xlmcli.infer.reading import Errors, Input, LineCounter, file_input, iter_chunks, text_input, total_bytes


class Trickle(io.RawIOBase):
    """Gives its content in reads of given sizes."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        self._content = io.BytesIO(content)
        self._sizes = iter(sizes)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        part = self._content.read(min(next(self._sizes, 7), len(buffer)))
        buffer[: len(part)] = part
        return len(part)


def read_all(source: Input, errors: str = "strict") -> list[str]:
    chunks = iter_chunks(source, errors, LineCounter())
    return [(line.text + line.ending).removesuffix("\n") for lines in chunks for line in lines]


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n\r")), st.lists(st.integers(1, 9)))
def test_lines_are_those_between_newlines_however_they_arrive(text: str, sizes: list[int]) -> None:
    content = text.encode()
    expected = text.removesuffix("\n").split("\n") if text else []
    if expected:
        expected[0] = expected[0].removeprefix("\ufeff")
    assert read_all(Input("x", lambda: Trickle(content, sizes), None)) == expected


def test_a_line_is_given_as_soon_as_it_is_complete() -> None:
    reads = [b"one\ntw", b"o\nthree\nfour", b"five"]
    source = Input("x", lambda: Trickle(b"".join(reads), [len(read) for read in reads]), None)
    chunks = [[line.text for line in lines] for lines in iter_chunks(source, "strict", LineCounter())]
    assert chunks == [["one"], ["two", "three"], ["fourfive"]]


def test_an_empty_pipe_that_does_not_block_is_waited_for() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)

    def write() -> None:
        os.write(write_end, b"two\n")
        os.close(write_end)

    os.write(write_end, b"one\n")
    chunks = iter_chunks(Input("x", lambda: io.FileIO(read_end), None), "strict", LineCounter())
    assert [line.text for line in next(chunks)] == ["one"]
    timer = threading.Timer(0.1, write)
    timer.start()
    assert [line.text for lines in chunks for line in lines] == ["two"]
    timer.join()


def test_invalid_utf8_comes_after_the_lines_before_it() -> None:
    source = Input("in.txt", lambda: io.BytesIO(b"one\ntwo\nbad \xff\nthree\n"), None)
    chunks = iter_chunks(source, "strict", LineCounter())
    assert [line.text for line in next(chunks)] == ["one", "two"]
    with pytest.raises(DataError, match=r"in\.txt:3: invalid UTF-8"):
        next(chunks)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_line_that_is_too_long_is_named_after_those_before_it(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 50)
    monkeypatch.setattr(reading, "_CHUNK_BYTES", size)
    content = b"one\n\n" + b"x" * 200
    chunks = iter_chunks(Input("text", lambda: io.BytesIO(content), None), "strict", LineCounter())
    with pytest.raises(DataError, match="text:3: a line of over"):
        list(chunks)
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 200)
    chunks = iter_chunks(Input("text", lambda: io.BytesIO(content), None), "strict", LineCounter())
    assert [len(line.text) for chunk in chunks for line in chunk] == [3, 0, 200]


def test_invalid_utf8_is_replaced_and_counted() -> None:
    counter = LineCounter()
    source = Input("x", lambda: io.BytesIO(b"\xff\xff one\ntwo\n\xe9\n"), None)
    texts = [line.text for lines in iter_chunks(source, "replace", counter) for line in lines]
    assert texts == ["\ufffd\ufffd one", "two", "\ufffd"]
    assert counter.num_replaced == 2


@pytest.mark.parametrize("errors", ["strict", "replace"])
def test_another_encoding_is_an_error(errors: Errors) -> None:
    content = "one\ntwo\n".encode("utf-16")
    source = Input("x", lambda: io.BytesIO(content), None)
    with pytest.raises(DataError, match="x: UTF-16"):
        read_all(source, errors)


BYTES = st.binary() | st.lists(st.sampled_from([b"\xef\xbb\xbf", b"\r", b"\n", b"a", b"\xff", b" "])).map(b"".join)


@given(BYTES, st.booleans())
def test_bytes_are_kept_and_counted(content: bytes, returns_end_lines: bool) -> None:
    source = Input("x", lambda: io.BytesIO(content), None)
    chunks = iter_chunks(source, "replace", LineCounter(), returns_end_lines=returns_end_lines)
    try:
        lines = [line for chunk in chunks for line in chunk]
    except DataError:  # It begins as a file in UTF-16 does.
        return
    raw = b"".join(line.raw for line in lines)
    assert raw.startswith(content)
    assert raw.removeprefix(content) in (b"", b"\n", b"\r")
    assert sum(line.num_bytes for line in lines) == len(raw)


def test_returns_end_lines_where_nothing_else_does() -> None:
    def read(content: bytes) -> list[str]:
        source = Input("x", lambda: Trickle(content, [3, 5]), None)
        chunks = iter_chunks(source, "strict", LineCounter(), returns_end_lines=True)
        return [line.text + line.ending for chunk in chunks for line in chunk]

    assert read(b"a,b\rc,d\r\re") == ["a,b\r", "c,d\r", "\r", "e\r"]
    assert read(b"a\rb\nc\r\n") == ["a\rb\n", "c\r\n"]
    assert read(b"a\r\n") == ["a\r\n"]
    assert read(b"a\r") == ["a\r\n"]
    assert read(b'\xef\xbb\xbf"a\nb",c\rd\r') == ['"a\n', 'b",c\r', "d\r"]


@pytest.mark.parametrize("size", [1000, 100_000])
def test_rows_that_returns_end_may_be_more_than_a_line_may(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 1 << 18)
    source = Input("x", lambda: io.BytesIO(b'"a\rb",c\r' * size), None)
    chunks = list(iter_chunks(source, "strict", LineCounter(), returns_end_lines=True))
    assert [line.text + line.ending for chunk in chunks for line in chunk] == ['"a\r', 'b",c\r'] * size
    assert (len(chunks) > 1) == (size > 1000)


def test_the_mark_of_the_first_file_is_kept_apart() -> None:
    content = "\ufeffa\n\ufeffb\n".encode()
    source = Input("x", lambda: io.BytesIO(content), None)
    for is_first in (True, False):
        (lines,) = iter_chunks(source, "strict", LineCounter(), is_first=is_first)
        assert [(line.mark, line.text) for line in lines] == [("\ufeff" * is_first, "a"), ("", "\ufeffb")]
        assert b"".join(line.raw for line in lines) == content


def test_files_are_decompressed_and_sized(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.txt", tmp_path / "a.gz"
    plain.write_bytes(b"one\r\ntwo")
    packed.write_bytes(gzip.compress(b"three\n"))
    assert read_all(file_input(plain)) == ["one\r", "two"]
    assert read_all(file_input(packed)) == ["three"]
    assert total_bytes([file_input(plain), text_input("abc")]) == 11
    assert total_bytes([file_input(plain), file_input(packed)]) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_files_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(0o000)
    with pytest.raises(DataError, match="permission denied"):
        file_input(path)


def test_missing_files_and_folders_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        file_input(tmp_path / "missing")
    with pytest.raises(DataError, match="is a directory"):
        file_input(tmp_path)
