"""Pieces of files together are the files, and begin where lines do."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.corpus.files import CorpusFile
from xlmcli.corpus.pieces import Cutting, FilePiece, cut_file

MARK = "\ufeff".encode()


def cut(path: Path, content: bytes, cutting: Cutting | None) -> list[FilePiece]:
    path.write_bytes(content)
    return cut_file(CorpusFile(path, "name", len(content), 0), cutting)


def read(piece: FilePiece) -> bytes:
    with piece.open() as stream:
        return stream.read()


@given(
    lines=st.lists(st.sampled_from([b"", b"a", b"long line", "é".encode(), MARK + b"x", b"\r"]), max_size=30),
    ends=st.booleans(),
    num_bytes=st.integers(1, 40),
)
def test_pieces_are_lines_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], ends: bool, num_bytes: int
) -> None:
    content = b"\n".join(lines) + b"\n" * ends
    pieces = cut(tmp_path_factory.getbasetemp() / "cut.txt", content, Cutting(num_bytes))
    parts = [read(piece) for piece in pieces]
    assert b"".join(parts) == content
    assert all(part.endswith(b"\n") for part in parts[:-1])
    assert all(not part.startswith(MARK) for part in parts[1:])
    assert all(parts) or parts == [b""]
    assert [piece.num_bytes for piece in pieces] == list(map(len, parts))


@pytest.mark.parametrize("head", [b"n\ttext\n", b"\n\r\nn\ttext\n", MARK + b"n\ttext\r\n"])
def test_a_header_comes_before_every_piece(tmp_path: Path, head: bytes) -> None:
    rows = [b"%d\trow\n" % number for number in range(50)]
    pieces = cut(tmp_path / "t.tsv", head + b"".join(rows), Cutting(64, has_header=True))
    assert len(pieces) > 3
    assert all(read(piece).startswith(head) for piece in pieces)
    assert b"".join(read(piece).removeprefix(head) for piece in pieces) == b"".join(rows)
    assert [piece.num_head_lines for piece in pieces] == [0] + [head.count(b"\n")] * (len(pieces) - 1)


def test_a_header_longer_than_a_piece_stays_whole(tmp_path: Path) -> None:
    head = b"n\t" + b"x" * 100 + b"\n"
    first, *rest = cut(tmp_path / "t.tsv", head + b"1\t2\n" * 10, Cutting(8, has_header=True))
    assert read(first).startswith(head)
    assert all(read(piece).startswith(head) for piece in rest)


def test_what_is_small_compressed_or_has_no_borders_stays_whole(tmp_path: Path) -> None:
    lines = b"line\n" * 100
    for path, content, cutting in (
        (tmp_path / "a.txt", lines, Cutting(500)),
        (tmp_path / "a.txt.gz", gzip.compress(lines * 100), Cutting(5)),
        (tmp_path / "a.csv", lines, None),
    ):
        (piece,) = cut(path, content, cutting)
        assert piece.is_whole
        assert piece.num_bytes == len(content)


def test_a_piece_says_where_it_begins(tmp_path: Path) -> None:
    first, second, *_ = cut(tmp_path / "a.txt", b"line\n" * 1000, Cutting(2000))
    assert (first.place, second.place) == (f"{tmp_path}/a.txt", f"{tmp_path}/a.txt, from byte 2,001")
