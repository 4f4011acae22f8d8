"""A command run on pieces, in a worker that keeps what was opened; or as far as to learn which its models are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from xlmcli.cli import COMMANDS
from xlmcli.cli.streams.opening import can_resume
from xlmcli.cli.streams.stream import Kept, LineStream, StreamOptions
from xlmcli.corpus.files import CorpusFile
from xlmcli.corpus.folder import CorpusFolder
from xlmcli.corpus.pieces import FilePiece
from xlmcli.corpus.run import Outcome, PieceProgress
from xlmcli.errors import LateModelError, MissingExtraError, UsageError, XlmError
from xlmcli.outputs import atomic_write, compressing

if TYPE_CHECKING:
    from xlmcli.infer.pipeline import MakePipeline
    from xlmcli.infer.reading import Input
    from xlmcli.infer.records.protocols import Added, FormatOptions, Record
    from xlmcli.journal import Journal

# Parameters of a command that a worker answers itself; the rest are the user's.
ANSWERED_ALONE: Mapping[str, Any] = {
    "text": None,
    "resume": False,
    "line_buffered": False,
    "terms_missing": "warn",
    "margin": False,
    "redo_all": False,
    "no_fuzzy": False,
    "only_missing": None,
    "max_line_length": None,
    "threads": None,
    "workers": None,
}

_NUM_TRIES = 2
_MAX_DEATHS = 3


def find_models(name: str, file: CorpusFile, values: Mapping[str, Any]) -> Sequence[Path]:
    """Returns the folders of the models that a command would take; raises what it raises of its options.

    Args:
        name: The command's.
        file: What it would read.
        values: Its parameters, but for those that a worker answers.
    """
    try:
        _call(name, values, file.path, file.name, _ModelFinder())
    except _ModelsFound as found:
        return found.paths
    raise AssertionError(f"{name} takes no model")


def _call(name: str, values: Mapping[str, Any], path: Path, output: str, opener: object) -> None:
    single: click.Command = import_module(COMMANDS[name].module).command
    assert single.callback is not None
    own = {
        parameter.name: ANSWERED_ALONE[parameter.name]
        for parameter in single.params
        if parameter.name in ANSWERED_ALONE
    }
    told = {**own, **values} | {"files": (path,), "output": Path(output), "quiet": True, "opener": opener}
    # What an exit code tells, such as that nothing was selected, is about all input.
    with contextlib.suppress(click.exceptions.Exit):
        single.callback(**told)


class _ModelsFound(Exception):  # noqa: N818
    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths


class _ModelFinder:
    """Opens streams that end where the models are known."""

    @contextlib.contextmanager
    def open(self, options: StreamOptions, formats: FormatOptions, *, is_array: bool) -> Iterator[LineStream]:
        import io

        yield _EndingStream(options, formats, [], io.BytesIO())


class _EndingStream(LineStream):
    def check_models(self, *paths: Path) -> None:
        raise _ModelsFound(paths)


class PieceAnswerer:
    """Runs a command on pieces; pickled, it goes to every worker.

    Args:
        name: The command's.
        values: Its parameters, but for those that a worker answers.
        folder: Where outputs go.
        num_cores: Cores of the worker; None where the engine shall choose.
    """

    def __init__(self, name: str, values: Mapping[str, Any], folder: CorpusFolder, num_cores: int | None) -> None:
        self._name = name
        self._values = {**values, "threads": None if num_cores is None else 1, "workers": num_cores}
        self._folder = folder
        self._kept: dict[str, Any] = {}

    def __call__(self, piece: FilePiece, report: PieceProgress) -> Outcome:
        """Answers a piece, in two tries, unless too many workers have died of it."""
        outcome = Outcome(error=f"{_MAX_DEATHS} workers died of it")
        if self._folder.begin_try(piece) > _MAX_DEATHS:
            return outcome
        for _ in range(_NUM_TRIES):
            opener = _PieceOpener(piece, self._folder, report, self._kept)
            try:
                _call(self._name, self._values, Path(piece.path), piece.name, opener)
            except (UsageError, MissingExtraError, LateModelError) as error:
                return Outcome(error=error.message, hint=error.hint, exit_code=error.exit_code)
            except Exception as error:
                if isinstance(error, XlmError) and opener.is_opening:
                    return Outcome(error=error.message, hint=error.hint, exit_code=error.exit_code)
                outcome = Outcome(opener.num_lines, error=_message(error))
                continue
            return Outcome(opener.num_lines, opener.counts)
        return outcome


def _message(error: Exception) -> str:
    if isinstance(error, XlmError):
        return error.message
    return f"unexpected {type(error).__name__}: {error}"


class _PieceOpener:
    """Opens the stream of a piece.

    Attributes:
        num_lines: Lines that were answered.
        counts: What the summary says of lines, by what it says.
        is_opening: Whether a model is being opened.

    Args:
        piece: What to read.
        folder: Where its output goes.
        report: Who wants to know how far it is.
        kept: What streams before opened, by its name.
    """

    def __init__(self, piece: FilePiece, folder: CorpusFolder, report: PieceProgress, kept: dict[str, Any]) -> None:
        self.piece = piece
        self.report = report
        self.kept = kept
        self.num_lines = 0
        self.counts: dict[str, int] = {}
        self.is_opening = False
        self._folder = folder

    @contextlib.contextmanager
    def open(self, options: StreamOptions, formats: FormatOptions, *, is_array: bool) -> Iterator[LineStream]:
        from xlmcli.journal import resumed_write

        path = self._folder.piece_path(self.piece)
        if can_resume(formats.name):
            with resumed_write(path) as journal:
                journal.check({})
                yield self._stream(options, formats, journal.file, journal)
            return
        with atomic_write(path, "wb") as raw, compressing(raw, path) as file:
            stream = self._stream(options, formats, file)
            try:
                yield stream
            finally:
                stream.finish()

    def advance(self, num_lines: int, num_tokens: int, num_bytes: int) -> None:
        """Takes what was done since the last call."""
        self.num_lines += num_lines
        self.report.advance(num_lines, num_tokens, num_bytes)

    def _stream(
        self, options: StreamOptions, formats: FormatOptions, file: IO[bytes], journal: Journal | None = None
    ) -> _PieceStream:
        from xlmcli.infer.reading import Input, file_input

        piece = self.piece
        source = file_input(Path(piece.path)) if piece.is_whole else Input(piece.place, piece.open, piece.num_bytes)
        return _PieceStream(options, formats, source, file, journal, self)


class _PieceStream(LineStream):
    """Input and output of a piece, open."""

    def __init__(
        self,
        options: StreamOptions,
        formats: FormatOptions,
        source: Input,
        file: IO[bytes],
        journal: Journal | None,
        opener: _PieceOpener,
    ) -> None:
        super().__init__(options, formats, [source], file, journal)
        self._opener = opener

    def keep(self, name: str, open_it: Callable[[], Kept]) -> Kept:
        kept = self._opener.kept
        if name not in kept:
            self._opener.is_opening = True
            kept[name] = open_it()
            self._opener.is_opening = False
        opened: Kept = kept[name]
        return opened

    def print_summary(self, counts: Sequence[tuple[int, str]]) -> None:
        self._opener.counts = {what: count for count, what in self._summary(counts) if count}

    def _run(self, make_pipeline: MakePipeline, inputs: list[Input], formats: FormatOptions, added: Added) -> None:
        from xlmcli.infer.pipeline import PipelineOptions
        from xlmcli.infer.records.formats import iter_records
        from xlmcli.infer.resumption import skip_records

        opener, is_main = self._opener, inputs is self._inputs
        records: Iterable[Sequence[Record]] = iter_records(inputs, formats, self._options.errors, self._counter, added)
        if is_main and opener.piece.num_head_lines:
            records = skip_records(records, opener.piece.num_head_lines, _NOBODY)
        make_pipeline(PipelineOptions(self._options.max_batch_tokens), opener if is_main else _NOBODY).run(records)


class _Nobody:
    def advance(self, *counts: int) -> None:
        """Nothing was done."""


_NOBODY = _Nobody()
