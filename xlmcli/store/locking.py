"""Locks between processes: files that their holder removes. If the holder dies, the lock is free at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _acquire(path)
    except OSError as error:
        raise unwritable(path.parent, error) from None
    if descriptor is None:
        raise DataError(f"another process is {occupation}", hint="wait until it is done, then try again")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Tells whether a process holds a lock."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def unwritable(folder: Path, error: OSError) -> DataError:
    """What to raise if a folder of the store cannot be written."""
    return DataError(f"{folder}: cannot be written ({error.strerror or error})", hint="XLM_HOME names another place")


def _acquire(path: Path) -> int | None:
    """Returns the open file of the lock; None if another process holds it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if not _try_lock(descriptor):
            os.close(descriptor)
            return None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)  # Its last holder removed it in between.


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
