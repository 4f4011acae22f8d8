"""Output that is gone on with where an interrupted run left it.

Beside ``OUT`` lie ``OUT.part``, what was written, and ``OUT.part.json``, the journal: what the job is, how many records
are done and where they end in ``OUT.part``. The journal is replaced every few seconds, whole; what ``OUT.part`` holds
beyond it is written again.

What is compressed is a row of members (gzip), streams (xz) or frames (zstd), which every program reads as one. Each is
made of the same amount of text, so that the file does not depend on where it was interrupted; the text of the one that
is not full yet is in the journal.
"""

from __future__ import annotations

import base64
import fcntl
import io
import json
import os
import stat
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from xlmcli.errors import DataError, UsageError, unreadable
from xlmcli.lines import compressed_suffix
from xlmcli.named_file import NamedFile, writing_error
from xlmcli.outputs import atomic_write, compressed, writing_errors
from xlmcli.signals import undone

SECONDS_BETWEEN_SAVES = 2.0

_FRAME_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Done:
    """How far a job is.

    Attributes:
        num_records: Records of the input whose answers are written.
        num_bytes: Where these end in ``OUT.part``.
        counts: What was counted on the way, by names.
        held: Text that is written and not compressed yet, in base64.
    """

    num_records: int = 0
    num_bytes: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    held: str = ""


@dataclass(frozen=True, slots=True)
class _Mark:
    """Whole records: how many are written, what was counted with them, and the position where they end."""

    num_records: int
    counts: Mapping[str, int]
    end: tuple[int, int]


class Journal:
    """Keeps how far a job is.

    Attributes:
        done: How far it was when that was last saved, or when it was interrupted.
        counts: What is counted on the way, by names; saved with the records that it is of.
        file: Where to write on.

    Args:
        path: The journal's file.
        before: What the interrupted job was.
        done: How far it is.
        part: ``OUT.part``, open where the records end.
        suffix: Of compression, if there is any.
    """

    def __init__(self, path: Path, before: Mapping[str, str], done: Done, part: IO[bytes], suffix: str | None) -> None:
        self.done = done
        self._path = path
        self._before = before
        self._job: dict[str, str] = {}
        self._part = part
        self._frames = None if suffix is None else _FrameWriter(part, suffix, base64.b64decode(done.held))
        self.file: IO[bytes] = part if self._frames is None else cast(IO[bytes], self._frames)
        self.counts = Counter(done.counts)
        self._mark = _Mark(done.num_records, done.counts, self._position)
        self._last_save = time.monotonic()

    def check(self, job: Mapping[str, str]) -> None:
        """Takes in what the job is.

        Args:
            job: Things that the output depends on, by names that messages use.

        Raises:
            UsageError: The interrupted job was another.
        """
        if changed := changes(self._before, job) if self.done.num_records else []:
            raise UsageError(
                f"--resume: what was interrupted is another job: {'; '.join(changed)}",
                hint=_begin_anew(self._path.with_suffix(""), self._path),
            )
        self._job |= job

    def advance(self, num_records: int) -> None:
        """So many more records are written; saves that every few seconds."""
        # At once: a signal may ask for it at any time.
        self._mark = _Mark(self._mark.num_records + num_records, dict(self.counts), self._position)
        if time.monotonic() >= self._last_save + SECONDS_BETWEEN_SAVES:
            self.save()

    def save(self) -> None:
        """Puts on the disk what is done, unless a frame has ended since, in the middle of a record."""
        mark = self._mark
        num_bytes, num_held = mark.end
        held = b"" if self._frames is None else self._frames.held[:num_held]
        if self._frames is not None and self._position[0] != num_bytes:
            return
        self._part.flush()
        os.fsync(self._part.fileno())
        done = Done(mark.num_records, num_bytes, mark.counts, base64.b64encode(held).decode("ascii"))
        with atomic_write(self._path) as file:
            json.dump({"job": self._job, "done": asdict(done)}, file)
        self.done = done
        self._last_save = time.monotonic()

    def finish(self) -> None:
        """Closes ``OUT.part``, complete."""
        if self._frames is not None:
            self._frames.finish()
        self._part.close()

    @property
    def _position(self) -> tuple[int, int]:
        """Where writing stands: bytes of ``OUT.part``, and of the text that is held."""
        return self._part.tell(), 0 if self._frames is None else self._frames.num_held


def changes(before: Mapping[str, str], job: Mapping[str, str]) -> list[str]:
    """Returns what a job has otherwise than the one before."""
    return [
        f"{name} was {before.get(name, 'none')}, is {value}" for name, value in job.items() if before.get(name) != value
    ]


class _FrameWriter(io.RawIOBase):
    """Compresses text in pieces of one size, each for itself."""

    def __init__(self, stream: IO[bytes], suffix: str, held: bytes) -> None:
        self._stream = stream
        self._suffix = suffix
        self._text = bytearray(held)

    @property
    def held(self) -> bytes:
        """The text that fills no piece yet."""
        return bytes(self._text)

    @property
    def num_held(self) -> int:
        """How many bytes that is."""
        return len(self._text)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._text += data
        while len(self._text) >= _FRAME_BYTES:
            self._write_frame(_FRAME_BYTES)
        return len(data)

    def finish(self) -> None:
        """Compresses what is left; of no text at all there is a frame, too."""
        if self._text or not self._stream.tell():
            self._write_frame(len(self._text))

    def _write_frame(self, size: int) -> None:
        self._stream.write(compressed(bytes(self._text[:size]), self._suffix))
        del self._text[:size]


@contextmanager
def resumed_write(path: Path) -> Iterator[Journal]:
    """Opens ``OUT.part`` where an interrupted run left it; when the block ends well it is renamed to ``OUT``.

    Args:
        path: ``OUT``. A symbolic link is followed, an existing file's permissions are kept.

    Raises:
        UsageError: ``OUT`` is no regular file.
        DataError: The place cannot be written, another process writes there, or the journal is not one.
    """
    target = Path(os.path.realpath(path))
    part = target.with_name(f"{target.name}.part")
    journal_path = part.with_name(f"{part.name}.json")
    with _locked_part(path, target, part) as raw, writing_errors(path):
        before, done = _read_journal(journal_path, part)
        raw.truncate(done.num_bytes)
        raw.seek(done.num_bytes)
        journal = Journal(journal_path, before, done, io.BufferedWriter(raw), compressed_suffix(target))

        def remove_if_nothing_is_done() -> None:
            if not journal.done.num_records:
                part.unlink(missing_ok=True)
                journal_path.unlink(missing_ok=True)

        with undone(remove_if_nothing_is_done):
            if not done.num_records:
                journal.save()
            yield journal
        journal.finish()
        part.replace(target)
        journal_path.unlink()


@contextmanager
def _locked_part(origin: Path, target: Path, part: Path) -> Iterator[NamedFile]:
    """Opens ``OUT.part`` for as long as the block runs, as nobody else can meanwhile."""
    try:
        status = target.stat() if target.exists() else None
        if status is not None and not stat.S_ISREG(status.st_mode):
            raise UsageError(f"--resume: {origin} is no regular file", hint="leave out --resume, or name a file")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise writing_error(origin, error) from error
    with NamedFile(descriptor, origin) as raw:
        if status is not None:
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"another process is writing {part}", hint="wait until it is done") from None
        except OSError:
            pass  # Not every file system has locks.
        if not part.exists() or not os.path.samestat(os.fstat(descriptor), part.stat()):
            raise DataError(f"another process has just finished {origin}")
        yield raw


def _read_journal(path: Path, part: Path) -> tuple[dict[str, str], Done]:
    """Returns what the interrupted job was and how far it is: nowhere if there is no journal.

    Args:
        path: The journal.
        part: ``OUT.part``.
    """
    size = part.stat().st_size
    if not path.exists():
        if size:
            raise DataError(f"{part} is there without its journal {path}", hint=_begin_anew(part))
        return {}, Done()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        job, done = dict(content["job"]), Done(**content["done"])
        is_short = size < done.num_bytes
    except OSError as error:
        raise DataError(unreadable(path, error)) from error
    except (ValueError, TypeError, KeyError):
        raise DataError(f"{path} is no journal", hint=_begin_anew(part, path)) from None
    if is_short:
        raise DataError(f"{part} is shorter than {path} says", hint=_begin_anew(part, path))
    return job, done if done.num_records else Done()


def _begin_anew(*paths: Path) -> str:
    return f"to begin anew: rm {' '.join(map(str, paths))}"
