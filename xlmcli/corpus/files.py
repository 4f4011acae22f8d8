"""The files of a corpus, and what their outputs are called."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from xlmcli.errors import DataError, UsageError, unreadable
from xlmcli.lines import STDIN

_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file to read.

    Attributes:
        path: Where it is, from the root.
        name: What its output is called, below the folder of all outputs.
        num_bytes: Its size.
        time: When it was written, in nanoseconds.
    """

    path: Path
    name: str
    num_bytes: int
    time: int


def find_files(arguments: Sequence[Path], output: Path, suffix: str = "") -> list[CorpusFile]:
    """Returns the files that are meant, in order.

    Args:
        arguments: Files; folders, of which all files are meant whose name does not begin with a dot; and patterns as
            a shell has them, ``**`` for folders of any depth. Outputs keep the folders below one, or behind the first
            wildcard.
        output: The folder of the outputs, which is never read.
        suffix: What the names of outputs end with besides.

    Raises:
        DataError: There is no such file, or it cannot be read.
        UsageError: Two outputs have the same name.
    """
    found: dict[str, CorpusFile] = {}
    for argument in arguments:
        for path, name in _iter_named(argument, output.resolve()):
            file = _describe(path, name + suffix)
            if found.setdefault(file.name, file).path != file.path:
                raise UsageError(
                    f"{found[file.name].path} and {path} would both be written to {output / file.name}",
                    hint="give the folder that both are in",
                )
    for name in found:
        for parent in map(str, PurePath(name).parents):
            if parent in found:
                raise UsageError(f"{output / parent} would be a file and a folder", hint="rename one of the inputs")
    return list(found.values())


def _iter_named(argument: Path, output: Path) -> Iterator[tuple[Path, str]]:
    """Yields files that an argument means, and their names below it."""
    if argument == STDIN:
        raise UsageError("a corpus is files, not standard input", hint="xlm translate, classify and encode read it")
    if argument.is_dir():
        paths, root, missing = _walk(argument, output), argument, f"no files in {argument}"
    elif not argument.exists() and _WILDCARDS & set(str(argument)):
        root = _fixed_part(argument)
        matches = map(Path, glob.glob(str(argument), recursive=True))  # noqa: PTH207  # Path.glob takes no whole path
        paths = sorted(path for path in matches if path.is_file() and output not in path.resolve().parents)
        missing = f"no files match {argument}"
    else:
        paths, root, missing = [argument], argument.parent, ""
    if not paths:
        raise DataError(missing)
    for path in paths:
        yield path, path.relative_to(root).as_posix()


def _walk(folder: Path, output: Path) -> list[Path]:
    paths = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != "." and Path(place, name).resolve() != output)
        paths += [Path(place, name) for name in sorted(names) if name[0] != "."]
    return paths


def _fixed_part(pattern: Path) -> Path:
    """Returns the folders before the first wildcard."""
    parts = pattern.parts[:-1]
    fixed = next((number for number, part in enumerate(parts) if _WILDCARDS & set(part)), len(parts))
    return Path(*parts[:fixed])


def _describe(path: Path, name: str) -> CorpusFile:
    try:
        status = path.stat()
        if not path.is_file():
            raise DataError(f"{path} is no regular file")
        path.open("rb").close()
    except OSError as error:
        raise DataError(unreadable(path, error)) from error
    return CorpusFile(path.absolute(), name, status.st_size, status.st_mtime_ns)
