"""Where output goes: files and folders that appear once complete, descriptors and devices that are written directly.

What is not complete lies beside its place as ``.NAME.RANDOM.xlm-partial``, locked by the process that writes it. It is
removed when that fails or is ended by a signal and, after a SIGKILL, by the next process that writes into the folder.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal, Protocol, cast, overload

from xlmcli.errors import XlmError
from xlmcli.lines import compressed_suffix
from xlmcli.named_file import NamedFile, writing_error
from xlmcli.signals import undone

_PARTIAL_NAME = re.compile(r"\..*\.[0-9a-f]{8}\.xlm-partial", re.DOTALL)
MAX_NAME_CHARS = 50  # Of four bytes each: with what stands around them, less than the 255 bytes that a name may have.
_DESCRIPTORS = re.compile(r"/dev/fd|/proc/(?P<process>\d+)(/task/\d+)?/fd")
_MAX_LINKS = 40


@overload
def atomic_write(path: Path, mode: Literal["w"] = "w") -> AbstractContextManager[IO[str]]: ...
@overload
def atomic_write(path: Path, mode: Literal["wb"]) -> AbstractContextManager[IO[bytes]]: ...
def atomic_write(path: Path, mode: Literal["w", "wb"] = "w") -> AbstractContextManager[IO[Any]]:
    """Opens a file beside ``path`` for writing; when the block ends well it is renamed to ``path``, else it is removed.

    Text is UTF-8 with ``\\n`` untouched. A symbolic link is followed, an existing file's permissions are kept. What is
    no regular file (``/dev/null``, a named pipe) is written directly; so is a descriptor (``/dev/stdout``,
    ``/dev/fd/3``, ``>(command)``), from where it stands.

    Raises:
        DataError: The place cannot be written, or is full.
    """
    return _atomic_write(path, mode)


@contextmanager
def _atomic_write(path: Path, mode: Literal["w", "wb"]) -> Iterator[IO[Any]]:
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(_open_raw(path))
        except OSError as error:
            raise writing_error(path, error) from error
        buffered = io.BufferedWriter(raw)
        file = buffered if mode == "wb" else io.TextIOWrapper(buffered, encoding="utf-8", newline="\n")
        try:
            with writing_errors(path), file:
                yield file
        except Exception as error:
            if raw.error is None or isinstance(error, XlmError):
                raise
            raise raw.error from error


@contextmanager
def compressing(stream: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    """Compresses what is written to a stream where the file's suffix is .gz, .xz or .zst.

    Args:
        stream: The file, open; it stays so.
        path: Its name.
    """
    suffix = compressed_suffix(path)
    if suffix is None:
        yield stream
        return
    with _CompressingWriter(stream, _new_compressor(suffix)) as writer:
        yield cast(IO[bytes], writer)


def compressed(data: bytes, suffix: str) -> bytes:
    """Compresses data as a file of its own, behind which others may be put."""
    compressor = _new_compressor(suffix)
    return compressor.compress(data) + compressor.flush()


class _Compressor(Protocol):
    def compress(self, data: Any, /) -> bytes: ...
    def flush(self) -> bytes: ...


def _new_compressor(suffix: str) -> _Compressor:
    if suffix == ".gz":
        return zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    if suffix == ".xz":
        import lzma

        return lzma.LZMACompressor()
    import zstandard

    return zstandard.ZstdCompressor().compressobj()


class _CompressingWriter(io.RawIOBase):
    """Flushing it hands nothing on: that would cost compression, and nobody reads a file that is not complete."""

    def __init__(self, stream: IO[bytes], compressor: _Compressor) -> None:
        self._stream = stream
        self._compressor = compressor

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._stream.write(self._compressor.compress(data))
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.write(self._compressor.flush())
        super().close()


@contextmanager
def partial_folder(path: Path) -> Iterator[Path]:
    """Makes a folder beside ``path``, to be filled and renamed; where it still is when the block ends, it is removed.

    Raises:
        OSError: It cannot be made.
    """
    with _claimed(path, _new_folder) as (beside, _):
        yield beside
        _remove(beside)


def temporary_folder() -> AbstractContextManager[Path]:
    """Makes a folder for as long as the block runs."""
    import tempfile

    return partial_folder(Path(tempfile.gettempdir(), "xlm"))


@contextmanager
def writing_errors(name: Path | str) -> Iterator[None]:
    """Turns what writing raises into a `DataError` that names the file.

    A pipe that its reader closed stays a ``BrokenPipeError``, and an error that names a file (another one: writing
    names none) stays what it is.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.filename is not None:
            raise
        raise writing_error(name, error) from error


def _open_raw(path: Path) -> AbstractContextManager[NamedFile]:
    descriptor = _open_descriptor(path)
    if descriptor is not None:
        return NamedFile(descriptor, path)
    target = Path(os.path.realpath(path))
    try:
        status = target.stat()
    except FileNotFoundError:
        status = None
    if status is None or stat.S_ISREG(status.st_mode):
        return _partial_file(path, target, status)
    return NamedFile(os.open(target, os.O_WRONLY), path)


def _open_descriptor(path: Path) -> int | None:
    """Opens the name of a descriptor. It is not resolved: a pipe has no other name, and a file would be replaced."""
    for _ in range(_MAX_LINKS):
        parent = os.path.realpath(path.parent)
        holder = _DESCRIPTORS.fullmatch(parent)
        if holder and path.name.isdecimal():
            if holder["process"] in (None, str(os.getpid())):
                try:
                    return os.dup(int(path.name))
                except OverflowError:  # There are not so many.
                    raise OSError(errno.EBADF, os.strerror(errno.EBADF)) from None
            return os.open(path, os.O_WRONLY | os.O_APPEND)
        if not path.is_symlink():
            return None
        path = Path(parent, path.readlink())
    return None


@contextmanager
def _partial_file(origin: Path, path: Path, status: os.stat_result | None) -> Iterator[NamedFile]:
    # A file that is read-only for us is refused here, although renaming over it would work.
    if status is not None and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    with _claimed(path, partial(_new_file, status)) as (beside, descriptor):
        with NamedFile(os.dup(descriptor), origin) as raw:
            yield raw
        try:
            beside.replace(path)
        except OSError as error:
            raise writing_error(origin, error) from error


@contextmanager
def _claimed(path: Path, create: Callable[[Path], int]) -> Iterator[tuple[Path, int]]:
    """Makes something beside ``path`` with a lock on it, so that nobody takes it for what a killed run left."""
    _remove_stale(path.parent)
    with ExitStack() as stack:
        while True:
            beside = path.with_name(f".{path.name[:MAX_NAME_CHARS]}.{os.urandom(4).hex()}.xlm-partial")
            stack.enter_context(undone(partial(_remove, beside)))
            descriptor = create(beside)
            stack.callback(os.close, descriptor)
            with suppress(OSError):  # Not every file system has locks.
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if beside.exists():  # Or else somebody did, before the lock was there.
                break
        yield beside, descriptor


def _new_file(status: os.stat_result | None, path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    if status is None:
        return os.open(path, flags, 0o666)
    descriptor = os.open(path, flags, 0o600)
    with suppress(OSError):  # Only root gives files away.
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
    return descriptor


def _new_folder(path: Path) -> int:
    path.mkdir()
    return os.open(path, os.O_RDONLY)


def _remove_stale(folder: Path) -> None:
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _PARTIAL_NAME.fullmatch(entry.name):
                _remove_if_stale(Path(entry))


def _remove_if_stale(path: Path) -> None:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(path)
        finally:
            os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        import shutil

        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
