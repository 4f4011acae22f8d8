"""Locks between processes: files that their holder removes. If the holder dies, the lock is free at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from xlmcli.errors import DataError

LOCK_SUFFIX = ".lock"


@contextlib.contextmanager
def locked(path: Path, occupation: str) -> Iterator[None]:
    """Holds a lock while the block runs.

    Args:
        path: The file of the lock; its folder is made if it is missing.
        occupation: What another process does that holds it, such as ``"pulling NAME"``.

    Raises:
        DataError: Another process holds it, or the folder cannot be written.
    """
    lock = FileLock(path, timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise DataError(f"another process is {occupation}", hint="wait until it is done, then try again") from None
    except OSError as error:
        raise unwritable(path.parent, error) from None
    try:
        yield
    finally:
        # Removed while it is held: who opened the file before finds it gone once the lock is free, and makes another.
        path.unlink(missing_ok=True)
        lock.release()


def is_locked(path: Path) -> bool:
    """Tells whether a process holds a lock."""
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def unwritable(folder: Path, error: OSError) -> DataError:
    """What to raise if a folder of the store cannot be written."""
    return DataError(f"{folder}: cannot be written ({error.strerror or error})", hint="XLM_HOME names another place")
