"""What the commands share that answer line by line: options, input and output, leaving at once, the summary."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar

import click
from click.core import ParameterSource

from xlmcli.cli.help import HeadedCommand
from xlmcli.cli.options import FILE, OUTPUT, Function, SingleOption, complete_model, grouped, require_extra
from xlmcli.cli.resumption import describe_job, describe_models
from xlmcli.console import print_note, show_line_progress
from xlmcli.documents.formats import DOCUMENT_FORMATS, DocumentFormat, document_format
from xlmcli.errors import ExitCode, UsageError
from xlmcli.lines import STDIN, content_suffix
from xlmcli.outputs import atomic_write, compressing

if TYPE_CHECKING:
    from xlmcli.infer.engine import EngineOptions
    from xlmcli.infer.pipeline import MakePipeline, PipelineOptions, PipelineProgress, Runnable, Sink, Work
    from xlmcli.infer.reading import Input, LineCounter
    from xlmcli.infer.records.parquet import ParquetSink
    from xlmcli.infer.records.protocols import Added, FormatOptions
    from xlmcli.journal import Journal
    from xlmcli.tables import FormatName

_UNWRITTEN_ENDINGS = {
    ".npy", ".npz", ".bz2", ".lz", ".lz4", ".lzma", ".lzo", ".br", ".z", ".zip", ".7z", ".rar", ".tar", ".tgz", ".txz",
    ".parquet", ".arrow", ".feather", ".orc", ".avro", ".xls", ".xlsx", ".ods", ".doc", ".docx", ".odt", ".rtf", ".pdf",
    ".h5", ".hdf5", ".mat", ".pt", ".pth", ".pkl", ".pickle", ".safetensors", ".db", ".sqlite",
}  # fmt: skip

# Any text may be called so.
_PLAIN_FORMATS: frozenset[DocumentFormat] = frozenset(("md", "json", "properties"))

Result = TypeVar("Result")
Answer = TypeVar("Answer")
Kept = TypeVar("Kept")


class StreamOpener(Protocol):
    """What runs the command, if that is not the user, and reads and writes for it."""

    def open(
        self, options: StreamOptions, formats: FormatOptions, *, is_array: bool
    ) -> contextlib.AbstractContextManager[LineStream]:
        """Opens a stream; as `open_stream`."""


class StreamCommand(HeadedCommand):
    """A command with these options."""

    headings: ClassVar = {
        "Model and language": ("model", "src", "tgt", "lang", "pair_lang", "force", "pivot"),
        "Input": (
            *("text", "format_name", "column", "field", "delimiter", "pair_column", "pair_field", "errors"),
            *("redo_all", "only_missing"),
        ),
        "Output": (
            *("output", "resume", "with_scores", "n_best", "alignment", "symmetric", "no_fuzzy", "max_line_length"),
            *("num_best", "all_labels", "threshold", "abstain", "only", "excluded", "explain", "echo"),
            *("pooling", "tokens", "similarity", "nearest", "margin", "quiet"),
        ),
        "Search": ("beam_size", "length_penalty", "no_protect", "terms", "terms_missing", "translate_memory"),
        "Engine": ("device", "compute_type", "threads", "workers", "max_batch_tokens", "line_buffered"),
    }


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """The values of the shared options, under their names."""

    files: tuple[Path, ...]
    model: str | None
    output: Path | None
    resume: bool
    text: str | None
    format_name: FormatName | DocumentFormat | None
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


def stream_options(
    *, verb: str, model_help: str, batch_tokens: int = 2048, documents: Sequence[str] = ()
) -> Callable[[Function], Function]:
    """Adds the shared options to a command, which gets them as its parameter ``options``, a `StreamOptions`.

    Args:
        verb: What the command does to text, for the help.
        model_help: What model is named and what is the default.
        batch_tokens: Tokens of a batch by default. More than 512 cost time where the engine only encodes.
        documents: Formats of documents that it takes, too; then ``format_name`` is None where it is not given.
    """

    return grouped(StreamOptions, "options", _shared_options(verb, model_help, batch_tokens, documents))


_COMPUTE_TYPE_HELP = (
    "int8, int8_float32, float16, bfloat16, float32 and so on; auto is the fastest, default the model's own."
)


def _format_by_ending(context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    is_default = context.get_parameter_source("format_name") == ParameterSource.DEFAULT
    files: tuple[Path, ...] = context.params.get("files") or ()
    return "parquet" if is_default and any(path.suffix.lower() == ".parquet" for path in files) else value


def _shared_options(
    verb: str, model_help: str, batch_tokens: int, documents: Sequence[str]
) -> list[Callable[[Any], Any]]:
    do = verb.capitalize()
    return [
        click.argument("files", nargs=-1, type=FILE, metavar="[FILE]..."),
        click.option("-m", "--model", metavar="MODEL", shell_complete=complete_model, help=model_help),
        click.option(
            "-o",
            "--output",
            type=OUTPUT,
            metavar="OUT",
            help="Write to this file, which appears once complete; .gz, .xz and .zst are compressed.",
        ),
        click.option(
            "--resume",
            is_flag=True,
            help="With -o OUT: go on where this command was interrupted. Until it is done, OUT.part holds what is.",
        ),
        click.option("--text", metavar="TEXT", help=f"{do} this in place of files or stdin."),
        click.option(
            "--format",
            "format_name",
            type=click.Choice(["text", "tsv", "csv", "jsonl", "parquet", *documents]),
            default=None if documents else "text",
            callback=_format_by_ending,
            metavar="FORMAT",
            help=f"Of input and output: text, tsv, csv, jsonl, parquet{''.join(f', {name}' for name in documents)}.  "
            f"[default: as FILE is named if {'a document or ' if documents else ''}Parquet, else text]",
        ),
        click.option(
            "--column",
            cls=SingleOption,
            help="tsv, csv: number from 1 (no header), or name in the header.  [default: 1]  parquet: name.",
        ),
        click.option("--field", cls=SingleOption, help="jsonl: name of the field.  [default: text]"),
        click.option(
            "--delimiter",
            metavar="CHAR",
            help="csv: what separates columns.  [default: comma, or what makes --column's name one in the header]",
        ),
        click.option(
            "--max-batch-tokens",
            type=click.IntRange(1, 65_536),
            default=batch_tokens,
            show_default=True,
            help="Most source tokens of a batch, padding counted.",
        ),
        click.option(
            "--line-buffered",
            is_flag=True,
            help=f"{do} and write each line by itself: first answers sooner.",
        ),
        click.option(
            "--device",
            type=click.Choice(["auto", "cpu", "cuda"]),
            default="auto",
            show_default=True,
            help="Where to compute.",
        ),
        click.option(
            "--compute-type",
            default="default",
            show_default=True,
            metavar="TYPE",
            help=_COMPUTE_TYPE_HELP,
        ),
        click.option(
            "--threads",
            type=click.IntRange(1, 256),
            help="Threads that share a batch (default: 1, or the usable cores shared out among --workers).",
        ),
        click.option(
            "--workers",
            type=click.IntRange(1, 256),
            help="Batches computed at the same time (default: as many as the usable cores have room for).",
        ),
        click.option(
            "--errors",
            type=click.Choice(["strict", "replace"]),
            default="strict",
            show_default=True,
            help="Invalid UTF-8: stop and name the line, or replace it and count.",
        ),
        click.option("-q", "--quiet", is_flag=True, help="No progress bar and no notes on stderr."),
    ]


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
        from xlmcli.infer.records.protocols import Added
        from xlmcli.infer.sinks import RawSink, TextSink

        if self.formats.name == "parquet":
            from xlmcli.infer.records.parquet import ParquetSink

            self._parquet = ParquetSink(self.file, added or Added())
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
        from xlmcli.infer.reading import STDIN_NAME, total_bytes
        from xlmcli.infer.records.formats import iter_records

        options = self._options
        with show_line_progress(
            not options.quiet,
            total_bytes(inputs),
            reads_stdin=any(source.name == STDIN_NAME for source in inputs),
            writes_stdout=options.output in (None, STDIN),
        ) as progress:
            records = iter_records(inputs, formats, options.errors, self._counter, added)
            make_pipeline(PipelineOptions(options.max_batch_tokens, options.line_buffered), progress).run(records)

    def note(self, text: str) -> None:
        """Says something, unless nothing shall be said."""
        if not self._options.quiet:
            print_note(text)

    def _summary(self, counts: Sequence[tuple[int, str]], num_replaced: int) -> list[tuple[int, str]]:
        return [(num_replaced, "with invalid UTF-8, which was replaced"), *counts]

    def print_summary(self, counts: Sequence[tuple[int, str]]) -> None:
        """Says in one line what a user should know; nothing if all went well.

        Args:
            counts: Numbers of lines, and what happened to them.
        """
        if self._options.quiet:
            return
        parts = [
            *self._summary(counts, self._counter.num_replaced),
            (self._counter.num_unwritten, "left as they were, since the translation cannot have their markup"),
        ]
        happened = [f"{count:,} {'line' if count == 1 else 'lines'} {what}" for count, what in parts if count]
        if happened:
            print_note("; ".join(happened))
        if (delimiter := self._counter.other_delimiter) is not None:
            print_note(f"the first row has no comma, but {delimiter!r}: --delimiter says if that separates columns")


def can_resume(format_name: str) -> bool:
    """Tells whether output in a format can be gone on with in its middle."""
    return format_name in ("text", "tsv", "csv", "jsonl")


@contextlib.contextmanager
def open_stream(options: StreamOptions, formats: FormatOptions, *, is_array: bool = False) -> Iterator[LineStream]:
    """Opens input and output; a file for output appears when the block ends well.

    Args:
        options: What the user said.
        formats: How input is read.
        is_array: Whether the output is an array, and not text.
    """
    if options.opener is not None:
        with options.opener.open(options, formats, is_array=is_array) as stream:
            yield stream
        return
    if options.resume and not can_resume(formats.name):
        raise UsageError(f"--resume cannot go on in the middle of {formats.name}", hint="leave out --resume")
    if formats.name == "parquet":
        require_extra("parquet", "pyarrow")
    elif options.output is not None and not is_array:
        _check_ending(options.output, formats.name)
    inputs = _open_inputs(options.files, options.text)
    if options.resume:
        with _open_journal(options.output) as journal:
            yield LineStream(options, formats, inputs, journal.file, journal)
        return
    with leaving_at_once(), _open_output(options.output) as file:
        stream = LineStream(options, formats, inputs, file)
        try:
            yield stream
        finally:
            stream.finish()


def _open_inputs(files: tuple[Path, ...], text: str | None) -> list[Input]:
    from xlmcli.infer.reading import file_input, stdin_input, text_input

    if text is not None:
        if files:
            raise UsageError("--text and files together", hint="give one of them")
        return [text_input(text)]
    if files.count(STDIN) > 1:
        raise UsageError("standard input can be read once only", hint="give - once")
    return [stdin_input() if path == STDIN else file_input(path) for path in files or (STDIN,)]


def _check_ending(path: Path, name: FormatName | DocumentFormat) -> None:
    """Refuses names that promise another format than the one that is written."""
    ending = content_suffix(path)
    document = document_format(path)
    is_document = name in DOCUMENT_FORMATS
    if document is not None and document != name and (is_document or document not in _PLAIN_FORMATS):
        raise UsageError(
            f"-o {path}: {ending} is a format that is not written from {name}",
            hint=f"xlm translate --format {document} reads and writes it",
        )
    if ending in _UNWRITTEN_ENDINGS:
        raise UsageError(
            f"-o {path}: {ending} is a format that is not written",
            hint="text is, which may be compressed (.gz, .xz or .zst); xlm encode also writes vectors as .npy",
        )


@contextlib.contextmanager
def _open_output(path: Path | None) -> Iterator[IO[bytes]]:
    if path is None or path == STDIN:
        yield sys.stdout.buffer
    else:
        with atomic_write(path, "wb") as stream, compressing(stream, path) as file:
            yield file


@contextlib.contextmanager
def _open_journal(path: Path | None) -> Iterator[Journal]:
    from xlmcli.journal import resumed_write

    if path is None or path == STDIN:
        raise UsageError("--resume goes on with a file", hint="-o OUT names it")
    job = describe_job()
    with resumed_write(path) as journal:
        journal.check(job)
        yield journal


@contextlib.contextmanager
def leaving_at_once() -> Iterator[None]:
    """Ends the process on a closed pipe without waiting for the batches that the engine has."""
    try:
        yield
    except BrokenPipeError:
        # The usual way out destroys the engine, which first works through its queue.
        os._exit(ExitCode.OK)


def _print_terminal_note(inputs: list[Input]) -> None:
    from xlmcli.infer.reading import STDIN_NAME

    if sys.stdin is not None and sys.stdin.isatty() and any(source.name == STDIN_NAME for source in inputs):
        print_note("reading from the terminal, a text a line; Ctrl-D ends")
