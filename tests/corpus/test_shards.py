"""Outputs shared out among files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from xlmcli.corpus.shards import Sharding, describe_shards, name_shard, write_shards


@pytest.mark.parametrize(
    ("name", "shard", "pattern"),
    [
        ("a.txt", "a-00007.txt", "a-*.txt"),
        ("sub/a.b.tsv.gz", "sub/a.b-00007.tsv.gz", "sub/a.b-*.tsv.gz"),
        ("plain", "plain-00007", "plain-*"),
        ("a.zst", "a-00007.zst", "a-*.zst"),
        (".hidden", ".hidden-00007", ".hidden-*"),
    ],
)
def test_names_keep_their_endings(name: str, shard: str, pattern: str) -> None:
    assert name_shard(name, 7) == shard
    assert describe_shards(name) == pattern


@pytest.mark.parametrize(
    ("content", "sharding", "shards"),
    [
        (b"", Sharding(2), [b""]),
        (b"a\nb\nc\nd\n", Sharding(2), [b"a\nb\n", b"c\nd\n"]),
        (b"a\r\n\nb\nc", Sharding(3), [b"a\r\n\nb\n", b"c"]),
        (b"a\nb\n", Sharding(9), [b"a\nb\n"]),
        (b"n\tm\n1\t2\n3\t4\n5\t6\n", Sharding(2, True), [b"n\tm\n1\t2\n3\t4\n", b"n\tm\n5\t6\n"]),
        (b"\xef\xbb\xbf\n \nn\n1\n2\n", Sharding(1, True), [b"\xef\xbb\xbf\n \nn\n1\n", b"n\n2\n"]),
        (b"n\tm\n", Sharding(2, True), [b"n\tm\n"]),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_records_are_shared_out_in_order(
    tmp_path: Path, content: bytes, sharding: Sharding, shards: list[bytes], suffix: str
) -> None:
    lines = content.splitlines(keepends=True)
    halves = [b"".join(lines[:3]), b"".join(lines[3:])]
    for number, half in enumerate(halves):
        (tmp_path / f"part{number}{suffix}").write_bytes(gzip.compress(half) if suffix else half)
    parts = [tmp_path / f"part{number}{suffix}" for number in range(2)]
    assert write_shards(parts, sharding, lambda number: tmp_path / f"{number}{suffix}") == len(shards)
    written = [(tmp_path / f"{number}{suffix}").read_bytes() for number in range(len(shards))]
    assert [gzip.decompress(shard) if suffix else shard for shard in written] == shards
