"""Settings files: TOML with one table a command, named as the command is (``[pretrain]``, ``[train.translate]``)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import cast

from xlmcli.errors import DataError, UsageError
from xlmcli.lines import iter_file_lines

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_MAX_LINE_CHARS = 10_000


def load_table(path: Path, command: Sequence[str]) -> dict[str, object]:
    """Reads the table of a command from a TOML file.

    Args:
        path: The file.
        command: The words of the command without ``xlm``, for example ``["train", "translate"]``.

    Raises:
        DataError: The file cannot be read or is not TOML.
        UsageError: It has no table for this command.
    """
    try:
        document = tomllib.loads("\n".join(_lines(path)))
    except (ValueError, RecursionError) as error:  # of TOML, and of numbers and brackets without end
        raise DataError(f"{path}: not TOML: {error}") from error
    table: object = document
    for word in command:
        table = cast(Mapping[str, object], table).get(word) if isinstance(table, Mapping) else None
    if not isinstance(table, dict):
        present = ", ".join(f"[{name}]" for name in _table_names(document)) or "no table"
        raise UsageError(f"{path}: no table [{'.'.join(command)}]", hint=f"the file has {present}")
    for name, value in table.items():
        if isinstance(value, date | time):
            raise UsageError(f"{path}: {name} is a date or a time", hint="a text stands in quotes")
    return cast(dict[str, object], table)


def _lines(path: Path) -> Iterator[str]:
    for number, line in enumerate(iter_file_lines(path), start=1):
        if len(line) > _MAX_LINE_CHARS:  # The parser takes for ever on keys of many parts.
            raise DataError(f"{path}:{number}: a line of over {_MAX_LINE_CHARS:,} characters")
        yield line


def _table_names(table: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    """Yields the names of the tables that hold settings of their own."""
    for name, value in table.items():
        if isinstance(value, dict):
            if not value or any(not isinstance(item, dict) for item in value.values()):
                yield prefix + name
            yield from _table_names(value, f"{prefix}{name}.")
