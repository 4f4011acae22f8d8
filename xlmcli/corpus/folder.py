"""The folder of a corpus's outputs, which appear once complete.

Until then, what is done lies in ``.xlm-corpus``: ``job.json`` says what the job is and which files it has, and below
``pieces`` lie the outputs of the pieces of each file, each called as the byte where it begins. A piece that is there is
done; beside one that is not lies what `xlmcli.journal` keeps of it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import IO

from xlmcli.corpus.files import CorpusFile
from xlmcli.corpus.pieces import FilePiece
from xlmcli.corpus.shards import Sharding, describe_shards, name_shard, write_shards
from xlmcli.errors import DataError, UsageError, unreadable
from xlmcli.journal import changes
from xlmcli.lines import compressed_suffix
from xlmcli.locking import locked, unwritable
from xlmcli.outputs import atomic_write

FAILED_NAME = "failed.jsonl"

_STATE_NAME = ".xlm-corpus"
_TRIES_SUFFIX = ".tries"
_SHARDS_NAME = "shards"


class CorpusFolder:
    """What is done of a corpus.

    Args:
        path: The folder; it need not be there.
        sharding: How each output is shared out; None if it is one file.
    """

    def __init__(self, path: Path, sharding: Sharding | None = None) -> None:
        self.path = path.absolute()
        self._sharding = sharding
        self._state = self.path / _STATE_NAME
        self._job_path = self._state / "job.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes off while the block runs; as `xlmcli.locking.locked`."""
        with locked(self._state / "lock", f"writing into {self.path}", elsewhere="-o FOLDER names another place"):
            yield

    def check(self, job: Mapping[str, str], files: Sequence[CorpusFile]) -> None:
        """Compares a job with the one that was begun here.

        Args:
            job: What outputs depend on, by names that messages use.
            files: What is to be read.

        Raises:
            UsageError: Another job was begun, a file of which something is done has changed, or an output would be
                called as what is kept of the job.
            DataError: There is a file already where an output is to be, or the folder cannot be read.
        """
        before, seen = self._read()
        if changed := changes(before, job) if before else []:
            raise UsageError(
                f"{self.path} has the outputs of another job: {'; '.join(changed)}",
                hint=f"-o another folder, or to begin anew: rm -r {self.path}",
            )
        for file in files:
            output, pieces = self._output(file.name), self._pieces(file.name)
            if output.relative_to(self.path).parts[0] in (FAILED_NAME, _STATE_NAME):
                raise UsageError(f"{file.path} would be written to {output}, which has another use", hint="rename it")
            all_of_it = output if self._sharding is None else self.path / describe_shards(file.name)
            if output.exists() and file.name not in seen:
                raise DataError(f"{output} is there already", hint="-o names a new folder")
            if seen.get(file.name) not in (None, _state(file)) and (output.exists() or pieces.exists()):
                raise UsageError(
                    f"{file.path} has changed since it was answered, or another file was",
                    hint=f"to do it anew: rm -rf {all_of_it} {pieces}",
                )

    def begin(self, job: Mapping[str, str], files: Sequence[CorpusFile]) -> None:
        """Writes down what is done here.

        Raises:
            DataError: The folder cannot be written.
        """
        _, seen = self._read()
        try:
            for tries in self._state.rglob(f"*{_TRIES_SUFFIX}"):
                tries.unlink()
            with atomic_write(self._job_path) as file:
                json.dump({"job": job, "files": seen | {file.name: _state(file) for file in files}}, file)
        except OSError as error:
            raise unwritable(self.path, error, "-o FOLDER names another place") from error

    def is_done(self, file: CorpusFile) -> bool:
        """Tells whether a file's output is complete."""
        return self._output(file.name).exists()

    def is_piece_done(self, piece: FilePiece) -> bool:
        """Tells whether a piece's output is complete."""
        return self.piece_path(piece).exists()

    def piece_path(self, piece: FilePiece) -> Path:
        """Returns where the output of a piece goes."""
        suffix = compressed_suffix(Path(piece.name)) or ""
        return self._pieces(piece.name) / f"{piece.start:015}{suffix}"

    def begin_try(self, piece: FilePiece) -> int:
        """Makes the folder of `piece_path`; returns how many workers have begun with the piece in this run."""
        self._pieces(piece.name).mkdir(parents=True, exist_ok=True)
        with (self._pieces(piece.name) / f"{piece.start:015}{_TRIES_SUFFIX}").open("ab") as file:
            file.write(b".")
            return file.tell()

    def finish(self, pieces: Sequence[FilePiece]) -> None:
        """Puts the output of a file in its place; of shards the first one last, which says that all are there.

        Args:
            pieces: All pieces of the file, in order, each done.

        Raises:
            DataError: The place cannot be written.
        """
        output = self._output(pieces[0].name)
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            if self._sharding is not None:
                self._finish_shards(pieces, self._sharding)
            elif len(pieces) == 1:
                self.piece_path(pieces[0]).replace(output)
            else:
                with atomic_write(output, "wb") as file:
                    for piece in pieces:
                        with self.piece_path(piece).open("rb") as part:
                            shutil.copyfileobj(part, file, 1 << 20)
            shutil.rmtree(self._pieces(pieces[0].name))
        except OSError as error:
            raise unwritable(output, error, "-o FOLDER names another place") from error

    def _finish_shards(self, pieces: Sequence[FilePiece], sharding: Sharding) -> None:
        name = pieces[0].name
        unfinished = self._pieces(name) / _SHARDS_NAME
        unfinished.mkdir(exist_ok=True)

        def place(number: int) -> Path:
            return unfinished / PurePath(name_shard(name, number)).name

        num_shards = write_shards([self.piece_path(piece) for piece in pieces], sharding, place)
        for number in reversed(range(num_shards)):
            place(number).replace(self.path / name_shard(name, number))

    @contextmanager
    def failures(self) -> Iterator[Failures]:
        """Opens the list of what failed; there is no such file if nothing does while the block runs."""
        path = self.path / FAILED_NAME
        path.unlink(missing_ok=True)
        failures = Failures(path)
        try:
            yield failures
        finally:
            failures.close()

    def _output(self, name: str) -> Path:
        return self.path / (name if self._sharding is None else name_shard(name, 0))

    def _pieces(self, name: str) -> Path:
        return self._state / "pieces" / name

    def _read(self) -> tuple[dict[str, str], dict[str, list[int]]]:
        """Returns the job that was begun, and the files that it had; nothing if there was none."""
        try:
            content = json.loads(self._job_path.read_text(encoding="utf-8"))
            return dict(content["job"]), dict(content["files"])
        except FileNotFoundError:
            return {}, {}
        except OSError as error:
            raise DataError(unreadable(self._job_path, error)) from error
        except (ValueError, TypeError, KeyError):
            raise DataError(f"{self._job_path} is damaged", hint=f"to begin anew: rm -r {self.path}") from None


class Failures:
    """The pieces that failed, one JSON object a line.

    Attributes:
        path: Where they are written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def add(self, piece: FilePiece, error: str) -> None:
        """Writes one down, at once."""
        if self._file is None:
            # Names may have bytes that are no UTF-8: JSON can say which.
            self._file = self.path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n")
        failure = {"input": piece.path, "output": piece.name, "start": piece.start, "end": piece.end, "error": error}
        print(json.dumps(failure, ensure_ascii=False), file=self._file, flush=True)

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()


def _state(file: CorpusFile) -> list[int]:
    return [file.num_bytes, file.time]
