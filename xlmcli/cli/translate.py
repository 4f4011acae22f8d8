"""``xlm translate``."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, NoReturn

import click

from xlmcli.cli.options import FILE
from xlmcli.console import print_note, show_line_progress
from xlmcli.errors import DataError, ExitCode, UsageError
from xlmcli.lines import atomic_write, writing_errors

if TYPE_CHECKING:
    from xlmcli.infer.formats import FormatName
    from xlmcli.infer.reading import Input, LineCounter
    from xlmcli.infer.translate import TranslationCounts

_STDIN = Path("-")


@click.command()
@click.argument("files", nargs=-1, type=FILE, metavar="[FILE]...")
@click.option("--src", metavar="LANG", help="Language of the text; may be left out where the model has only one.")
@click.option("--tgt", metavar="LANG", help="Language to translate into; likewise.")
@click.option("-m", "--model", metavar="MODEL", help="Path of a bundle, or name of an embedded model (default: en-fr).")
@click.option("-o", "--output", type=FILE, metavar="OUT", help="Write to this file, which appears once complete.")
@click.option("--text", metavar="TEXT", help="Translate this in place of files or stdin.")
@click.option("--beam-size", type=click.IntRange(min=1), help="Hypotheses kept; 1 is greedy (default: the model's).")
@click.option(
    "--length-penalty",
    type=click.FloatRange(min=0),
    help="Divide scores by length to this power; more favours longer output (default: the model's).",
)
@click.option("--n-best", type=click.IntRange(min=1), default=1, show_default=True, help="Translations of each text.")
@click.option("--with-scores", is_flag=True, help="Write the score of each translation.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["text", "tsv", "csv", "jsonl"]),
    default="text",
    show_default=True,
    help="Of input and output.",
)
@click.option("--column", help="tsv, csv: number from 1 (no header), or name in the header.  [default: 1]")
@click.option("--field", help="jsonl: name of the field.  [default: text]")
@click.option(
    "--max-batch-tokens",
    type=click.IntRange(min=1),
    default=2048,
    show_default=True,
    help="Most source tokens of a batch, padding counted.",
)
@click.option("--line-buffered", is_flag=True, help="Translate and write each line by itself: first answers sooner.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where to compute."
)
@click.option(
    "--compute-type",
    default="default",
    show_default=True,
    metavar="TYPE",
    help="int8, int8_float32, float16, bfloat16, float32 and so on; auto is the fastest, default the model's own.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Threads that share a batch (default: 1, or the usable cores shared out among --workers).",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Batches computed at the same time (default: as many as the usable cores have room for).",
)
@click.option(
    "--errors",
    type=click.Choice(["strict", "replace"]),
    default="strict",
    show_default=True,
    help="Invalid UTF-8: stop and name the line, or replace it and count.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress bar and no notes on stderr.")
def command(
    files: tuple[Path, ...],
    src: str | None,
    tgt: str | None,
    model: str | None,
    output: Path | None,
    text: str | None,
    beam_size: int | None,
    length_penalty: float | None,
    n_best: int,
    with_scores: bool,
    format_name: FormatName,
    column: str | None,
    field: str | None,
    max_batch_tokens: int,
    line_buffered: bool,
    device: Literal["auto", "cpu", "cuda"],
    compute_type: str,
    threads: int | None,
    workers: int | None,
    errors: Literal["strict", "replace"],
    quiet: bool,
) -> None:
    """Translate lines of text from FILEs (plain, .gz, .xz or .zst) or stdin, and write a line for each, in order.

    An empty line gives an empty line. A line that is too long for the model is split at its sentences. Translations
    come as soon as the input pauses, so the command can stand in a slow pipe. A translation that loops is searched for
    once more, without repeats. Only translations go to stdout.

    \b
    What is written for each line:
      text                   translation
      text, --with-scores    score TAB translation
      text, --n-best N       N lines: number of the input line from 0 ||| translation ||| score
      tsv, csv               the row with its column translated; --with-scores adds a column at the end;
                             --n-best N gives N rows
      jsonl                  the object with its field translated; --with-scores adds "score", --n-best N "nbest"
                             (a list of {"text", "score"}), and what went wrong stands in "warnings": "cut" (inside a
                             sentence longer than the model), "repetition", "unfinished" (stopped at the length limit)

    A score is the log probability of the translation divided by its length in tokens to the power of --length-penalty.

    \b
    Examples:
      echo "How are you?" | xlm translate --src en --tgt fr
      xlm translate --src fr --tgt en letter.txt -o letter.en.txt
      xlm translate --src en --tgt fr --format csv --column comment < reviews.csv
      tail -f app.log | xlm translate --src en --tgt fr
    """
    from xlmcli.infer.formats import FormatOptions, iter_records
    from xlmcli.infer.reading import LineCounter, total_bytes

    format_options = FormatOptions(format_name, column, field, with_scores, n_best)
    inputs = _open_inputs(files, text)
    counter = LineCounter()
    with _leaving_at_once(), _open_output(output) as stream:
        from xlmcli.bundle import find_model
        from xlmcli.infer.engine import EngineOptions
        from xlmcli.infer.pipeline import PipelineOptions
        from xlmcli.infer.translate import SearchOptions, open_translation, translate_records

        search = SearchOptions(beam_size, length_penalty, n_best, with_scores)
        engine_options = EngineOptions(device, compute_type, threads, workers)
        translation = open_translation(find_model(model), src, tgt, search, engine_options)
        if not quiet:
            _print_terminal_note(inputs)
        with show_line_progress(not quiet, total_bytes(inputs)) as progress:
            translate_records(
                translation,
                iter_records(inputs, format_options, errors, counter),
                lambda lines: _write(stream, lines),
                PipelineOptions(max_batch_tokens, translation.num_workers, line_buffered),
                progress,
            )
    if not quiet:
        _print_summary(counter, translation.counts)


def _open_inputs(files: tuple[Path, ...], text: str | None) -> list[Input]:
    from xlmcli.infer.reading import file_input, stdin_input, text_input

    if text is not None:
        if files:
            raise UsageError("--text and files together", hint="give one of them")
        return [text_input(text)]
    if files.count(_STDIN) > 1:
        raise UsageError("standard input can be read once only", hint="give - once")
    return [stdin_input() if path == _STDIN else file_input(path) for path in files or (_STDIN,)]


@contextlib.contextmanager
def _open_output(path: Path | None) -> Iterator[IO[bytes]]:
    if path is None or path == _STDIN:
        if sys.stdout is None:
            raise DataError("standard output is closed", hint="write to a file with -o OUT")
        with writing_errors("standard output"):
            yield sys.stdout.buffer
    else:
        with atomic_write(path, "wb") as stream:
            yield stream


def _write(stream: IO[bytes], lines: str) -> None:
    stream.write(lines.encode("utf-8"))
    stream.flush()


@contextlib.contextmanager
def _leaving_at_once() -> Iterator[None]:
    """Ends the process on Ctrl-C, SIGTERM and a closed pipe without waiting for the batches that the engine has."""
    previous = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except KeyboardInterrupt:
        _leave(ExitCode.INTERRUPTED)
    except SystemExit:
        _leave(ExitCode.TERMINATED)
    except BrokenPipeError:
        _leave(ExitCode.OK)
    finally:
        signal.signal(signal.SIGTERM, previous)


def _terminate(_number: int, _frame: object) -> NoReturn:
    # An exception, so that what was half written is removed on the way out.
    raise SystemExit(ExitCode.TERMINATED)


def _leave(code: int) -> NoReturn:
    # The usual way out destroys the engine, which first works through its queue.
    os._exit(code)


def _print_terminal_note(inputs: list[Input]) -> None:
    from xlmcli.infer.reading import STDIN_NAME

    if sys.stdin is not None and sys.stdin.isatty() and any(source.name == STDIN_NAME for source in inputs):
        print_note("reading from the terminal, a text a line; Ctrl-D ends")


def _print_summary(counter: LineCounter, counts: TranslationCounts) -> None:
    """Says in one line what a user should know; nothing if all went well."""
    parts = [
        (counter.num_replaced, "with invalid UTF-8, which was replaced"),
        (counts.num_cut, "with a sentence longer than the model, which was cut"),
        (counts.num_repeating, "whose translation repeats itself"),
        (counts.num_unfinished, "whose translation was stopped at the length limit"),
    ]
    happened = [f"{count:,} {'line' if count == 1 else 'lines'} {what}" for count, what in parts if count]
    if happened:
        print_note("; ".join(happened))
