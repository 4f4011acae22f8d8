"""Outputs in shards: files of so many records each, in order, named as the output with a number."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path, PurePath

from xlmcli.lines import compressed_suffix, open_bytes
from xlmcli.outputs import atomic_write, compressing


@dataclass(frozen=True, slots=True)
class Sharding:
    """How an output is shared out.

    Attributes:
        num_records: Most of a shard; a record is a line.
        has_header: Whether the first line that is not blank names the columns of a table; every shard gets it.
    """

    num_records: int
    has_header: bool = False


def name_shard(name: str, number: int) -> str:
    """Returns what a shard is called: ``a/b.tsv.gz`` becomes ``a/b-00000.tsv.gz`` and so on."""
    return _with_mark(name, f"{number:05}")


def describe_shards(name: str) -> str:
    """Returns the pattern of the names of all shards."""
    return _with_mark(name, "*")


def write_shards(parts: Sequence[Path], sharding: Sharding, place: Callable[[int], Path]) -> int:
    """Writes the lines of files, one after the other, into shards.

    Args:
        parts: The files; the suffix says how they are compressed.
        sharding: How lines are shared out.
        place: Returns where a shard goes; the suffix says how it is compressed.

    Returns:
        How many there are: at least one, which may be empty.
    """
    lines = chain.from_iterable(map(_iter_lines, parts))
    blank, head = _read_head(lines) if sharding.has_header else ([], b"")
    num_shards = 0
    while (first := next(lines, None)) is not None or not num_shards:
        path = place(num_shards)
        with atomic_write(path, "wb") as raw, compressing(raw, path) as file:
            file.writelines([*blank, head, first or b""])
            file.writelines(islice(lines, sharding.num_records - 1))
        num_shards += 1
        blank = []
    return num_shards


def _iter_lines(path: Path) -> Iterator[bytes]:
    with open_bytes(path) as stream:
        yield from stream


def _read_head(lines: Iterator[bytes]) -> tuple[list[bytes], bytes]:
    """Returns the lines before the first that is not blank, and that one."""
    blank: list[bytes] = []
    for line in lines:
        if line.removeprefix(codecs.BOM_UTF8).strip():
            return blank, line
        blank.append(line)
    return blank, b""


def _with_mark(name: str, mark: str) -> str:
    path = PurePath(name)
    compression = path.suffix if compressed_suffix(Path(name)) else ""
    plain = PurePath(path.name.removesuffix(compression))
    return (path.parent / f"{plain.stem}-{mark}{plain.suffix}{compression}").as_posix()
