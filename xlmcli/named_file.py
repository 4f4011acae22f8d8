"""Files that tell their names when they cannot be written. Standard output is one, so this imports little."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any

from xlmcli.errors import DataError


class NamedFile(io.FileIO):
    """An open file that names itself when it cannot be written.

    Attributes:
        error: What writing raised, which a library may hide behind an error of its own.

    Args:
        descriptor: What to write to.
        origin: Its name in messages.
        closefd: Whether the descriptor is closed with the file.
    """

    def __init__(self, descriptor: int, origin: Path | str, *, closefd: bool = True) -> None:
        super().__init__(descriptor, "wb", closefd)
        self.origin = origin
        self.error: DataError | None = None

    def write(self, data: Any) -> int:
        try:
            # A pipe that another process made non-blocking says None where it is full.
            while (num_written := super().write(data)) is None:
                import select

                select.select([], [self], [])
            return num_written
        except BrokenPipeError:
            raise
        except OSError as error:
            self.error = writing_error(self.origin, error)
            raise self.error from error


def writing_error(path: Path | str, error: OSError) -> DataError:
    """What to raise if a file cannot be written."""
    reason = "it is closed" if error.errno == errno.EBADF else error.strerror or str(error)
    return DataError(f"cannot write {path}: {reason.lower()}")
