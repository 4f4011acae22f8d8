"""Locks between processes: files that their holder removes. If the holder dies, the lock is free at once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from xlmcli.errors import DataError, XlmError
from xlmcli.signals import undone

LOCK_SUFFIX = ".lock"

_ELSEWHERE = "XLM_HOME names another place"


def lock_beside(folder: Path) -> Path:
    """Returns the lock of a folder: it has to be held by whoever fills the folder, and by whoever removes it."""
    return folder.with_name(f"{folder.name}{LOCK_SUFFIX}")


@contextlib.contextmanager
def locked(
    path: Path, occupation: str, *, error: type[XlmError] = DataError, elsewhere: str = _ELSEWHERE
) -> Iterator[None]:
    """Holds a lock while the block runs.

    Args:
        path: The file of the lock; its folder is made if it is missing.
        occupation: What another process does that holds it, such as ``"pulling NAME"``.
        error: What is raised then.
        elsewhere: The way out if the folder cannot be written.

    Raises:
        XlmError: Another process holds it.
        DataError: The folder cannot be written.
    """
    lock = FileLock(path, timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        holder = _read_holder(path)
        lock.acquire()
        path.write_text(f"{os.getpid()}\n", encoding="ascii")
    except Timeout:
        raise error(f"another process {holder}is {occupation}", hint="wait until it is done, then try again") from None
    except OSError as failure:
        raise unwritable(path.parent, failure, elsewhere) from None
    # Removed while it is held: who opened the file before finds it gone once the lock is free, and makes another.
    remove = partial(path.unlink, missing_ok=True)
    try:
        with undone(remove):
            yield
        remove()
    finally:
        lock.release()


def _read_holder(path: Path) -> str:
    try:
        process = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
    return f"(pid {process}) " if process else ""


def unwritable(folder: Path, error: OSError, elsewhere: str = _ELSEWHERE) -> DataError:
    """What to raise if a folder, by default of the store, cannot be written."""
    return DataError(f"{folder}: cannot be written ({error.strerror or error})", hint=elsewhere)
