"""A run of a command that answers line by line: its input and output, and the summary."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from xlmcli.cli.resumption import describe_models
from xlmcli.console import print_note, show_line_progress
from xlmcli.lines import STDIN

if TYPE_CHECKING:
    from xlmcli.documents.formats import DocumentFormat
    from xlmcli.infer.engine import EngineOptions
    from xlmcli.infer.pipeline import MakePipeline, PipelineOptions, PipelineProgress, Runnable, Sink, Work
    from xlmcli.infer.reading import Input, LineCounter
    from xlmcli.infer.records.parquet import ParquetSink
    from xlmcli.infer.records.protocols import Added, FormatOptions
    from xlmcli.journal import Journal
    from xlmcli.tables import FormatName

Result = TypeVar("Result")
Answer = TypeVar("Answer")
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """The values of the shared options, under their names."""

    files: tuple[Path, ...]
    model: str | None
    output: Path | None
    resume: bool
    text: str | None
    format_name: FormatName | DocumentFormat
    column: str | None
    field: str | None
    delimiter: str | None
    max_batch_tokens: int
    line_buffered: bool
    device: Literal["auto", "cpu", "cuda"]
    compute_type: str
    threads: int | None
    workers: int | None
    errors: Literal["strict", "replace"]
    quiet: bool
    opener: StreamOpener | None = None
    """Opens the input and output in place of `open_stream`."""


class StreamOpener(Protocol):
    """What runs the command, if that is not the user, and reads and writes for it."""

    def open(
        self, options: StreamOptions, formats: FormatOptions, *, is_array: bool
    ) -> contextlib.AbstractContextManager[LineStream]:
        """Opens a stream; as `xlmcli.cli.streams.opening.open_stream`."""


class LineStream:
    """Input and output of a run, open.

    Attributes:
        formats: How input is read.
        file: Where the output goes.
        counts: What happened to lines, by words; also before the run was interrupted.

    Args:
        options: What the user said.
        formats: How input is read.
        inputs: What is read.
        file: Where the output goes.
        journal: How far an interrupted run is.
    """

    def __init__(
        self,
        options: StreamOptions,
        formats: FormatOptions,
        inputs: list[Input],
        file: IO[bytes],
        journal: Journal | None = None,
    ) -> None:
        from xlmcli.infer.reading import LineCounter

        self._options = options
        self.formats = formats
        self._inputs = inputs
        self._counter: LineCounter = LineCounter()
        self._journal = journal
        self._parquet: ParquetSink | None = None
        self.file = file
        self.counts: Counter[str] = Counter() if journal is None else journal.counts

    @property
    def engine_options(self) -> EngineOptions:
        """Where and how to compute."""
        from xlmcli.infer.engine import EngineOptions

        options = self._options
        return EngineOptions(options.device, options.compute_type, options.threads, options.workers)

    def new_sink(self, added: Added | None) -> Sink[Any]:
        """Returns what writes answers in the format of the input.

        Args:
            added: What answers add to records; None where records are written as they were read.
        """
        from xlmcli.infer.sinks import RawSink, TextSink

        if self.formats.name == "parquet":
            from xlmcli.infer.records.parquet import ParquetSink

            self._parquet = ParquetSink(self.file, added)
            return self._parquet
        return RawSink(self.file) if added is None else TextSink(self.file)

    def finish(self) -> None:
        """Completes the output, with what was answered so far."""
        if self._parquet is not None:
            self._parquet.finish()

    def check_models(self, *paths: Path) -> None:
        """Takes the models that answer; a UsageError if others answered when the run was interrupted."""
        if self._journal is not None:
            self._journal.check({"model": describe_models(paths)})

    def keep(self, _name: str, open_it: Callable[[], Kept]) -> Kept:
        """Opens something that takes long, or gives what an earlier stream of this command opened by that name."""
        return open_it()

    def run(
        self,
        work: Work[Result, Answer],
        added: Added,
        sink: Sink[Answer],
        words_of: Callable[[Any], Iterable[str]] = attrgetter("warnings"),
    ) -> None:
        """Answers all input, or what an interrupted run left of it.

        Args:
            work: What to do with records.
            added: What answers add to them.
            sink: Where the answers go.
            words_of: What is counted of an answer.
        """
        from xlmcli.infer.pipeline import Pipeline

        self.run_through(partial(Pipeline, work), added, sink, words_of)

    def run_through(
        self,
        make_pipeline: Callable[[Sink[Any], PipelineOptions, PipelineProgress], Runnable],
        added: Added,
        sink: Sink[Any],
        words_of: Callable[[Any], Iterable[str]],
    ) -> None:
        """Answers all input by a pipeline that is made for it; as `run`."""
        from xlmcli.infer.sinks import CountingSink

        if not self._options.quiet:
            _print_terminal_note(self._inputs)
        make: MakePipeline = partial(make_pipeline, CountingSink(sink, self.counts, words_of))
        if self._journal is not None:
            from xlmcli.infer.resumption import ResumedPipeline

            make = partial(ResumedPipeline, make, self._journal)
        self._run(make, self._inputs, self.formats, added)

    def read_lines(self, work: Work[Result, Answer], source: Input, sink: Sink[Answer]) -> None:
        """Answers the lines of a further input, which is plain text."""
        from xlmcli.infer.pipeline import Pipeline
        from xlmcli.infer.records.protocols import Added, FormatOptions

        self._run(partial(Pipeline, work, sink), [source], FormatOptions(), Added())

    def _run(self, make_pipeline: MakePipeline, inputs: list[Input], formats: FormatOptions, added: Added) -> None:
        from xlmcli.infer.pipeline import PipelineOptions
        from xlmcli.infer.reading import total_bytes
        from xlmcli.infer.records.formats import iter_records

        options = self._options
        with show_line_progress(
            not options.quiet,
            total_bytes(inputs),
            reads_stdin=any(source.is_stdin for source in inputs),
            writes_stdout=options.output in (None, STDIN),
        ) as progress:
            records = iter_records(inputs, formats, options.errors, self._counter, added)
            make_pipeline(PipelineOptions(options.max_batch_tokens, options.line_buffered), progress).run(records)

    def note(self, text: str) -> None:
        """Says something, unless nothing shall be said."""
        if not self._options.quiet:
            print_note(text)

    def _summary(self, counts: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
        return [(self._counter.num_replaced, "with invalid UTF-8, which was replaced"), *counts]

    def print_summary(self, counts: Sequence[tuple[int, str]]) -> None:
        """Says in one line what a user should know; nothing if all went well.

        Args:
            counts: Numbers of lines, and what happened to them.
        """
        if self._options.quiet:
            return
        parts = [
            *self._summary(counts),
            (self._counter.num_unwritten, "left as they were, since the translation cannot have their markup"),
        ]
        happened = [f"{count:,} {'line' if count == 1 else 'lines'} {what}" for count, what in parts if count]
        if happened:
            print_note("; ".join(happened))
        if (delimiter := self._counter.other_delimiter) is not None:
            print_note(f"the first row has no comma, but {delimiter!r}: --delimiter says if that separates columns")


def _print_terminal_note(inputs: list[Input]) -> None:
    if sys.stdin is not None and sys.stdin.isatty() and any(source.is_stdin for source in inputs):
        print_note("reading from the terminal, a text a line; Ctrl-D ends")
