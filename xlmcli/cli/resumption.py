"""``--resume``: what job a command does, so that only the same one is gone on with."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import click

from xlmcli import __version__
from xlmcli.bundle.names import MANIFEST_NAME
from xlmcli.errors import DataError, UsageError, unreadable
from xlmcli.lines import STDIN

# What the output does not depend on, and what is told in another way.
_NOT_TOLD = {"output", "model", "text", "resume", "quiet", "terms_missing"}
_NOT_TOLD |= {"threads", "workers", "line_buffered", "max_batch_tokens"}
_HEAD_BYTES = 1 << 20


def describe_job() -> dict[str, str]:
    """Returns all that the output of the running command depends on but its models, by names that messages use.

    Raises:
        UsageError: Its input cannot be read once more.
        DataError: Its input cannot be read.
    """
    context = click.get_current_context()
    if context.params.get("text") is not None:
        raise UsageError("--resume goes on in files, not in --text", hint="leave out --resume")
    job = describe_options()
    if not context.params["files"]:
        raise UsageError("--resume goes on in files, not in standard input", hint="name a FILE")
    return job


def describe_options(without: frozenset[str] = frozenset()) -> dict[str, str]:
    """Returns what the running command was told that its output depends on; as `describe_job`.

    Args:
        without: Parameters that are left out.
    """
    context = click.get_current_context()
    job = {"command": context.command_path, "version of xlm": __version__}
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name in _NOT_TOLD | without:
            continue
        values = value if isinstance(value, tuple) else (value,)
        job[max(parameter.opts, key=len)] = "none" if value is None else " ".join(map(str, values))
        for path in values:
            if isinstance(path, Path):
                job |= _describe_file(path)
    return job


def describe_models(paths: Sequence[Path]) -> str:
    """Returns what tells the models in some folders from all others."""
    return " ".join(_sha256_of_head(path / MANIFEST_NAME) for path in paths)


def _describe_file(path: Path) -> dict[str, str]:
    if path == STDIN:
        raise UsageError("--resume goes on in files, not in standard input", hint="name a FILE")
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(unreadable(path, error)) from error
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"--resume: {path} cannot be read once more", hint="name a regular file")
    return {
        f"size of {path}": f"{status.st_size:,} bytes",
        f"time of {path}": datetime.fromtimestamp(status.st_mtime, tz=timezone.utc).isoformat(" "),
        f"beginning of {path}": _sha256_of_head(path),
    }


def _sha256_of_head(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.sha256(file.read(_HEAD_BYTES)).hexdigest()[:16]
    except OSError as error:
        raise DataError(unreadable(path, error)) from error
