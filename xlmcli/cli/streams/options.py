"""Options of the commands that answer line by line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, get_args

import click

from xlmcli.cli.help import HeadedCommand
from xlmcli.cli.options import FILE, MODEL, OUTPUT, Function, SingleOption, device_option, grouped
from xlmcli.cli.streams.stream import StreamOptions
from xlmcli.documents.formats import PLAIN_FORMATS, document_format
from xlmcli.errors import UsageError
from xlmcli.lines import content_suffix
from xlmcli.records import MAX_THREADS, TRANSLATION_BATCH_TOKENS
from xlmcli.tables import FormatName, format_of


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


def stream_options(
    *, verb: str, model_help: str, batch_tokens: int = TRANSLATION_BATCH_TOKENS, documents: Sequence[str] = ()
) -> Callable[[Function], Function]:
    """Adds the shared options to a command, which gets them as its parameter ``options``, a `StreamOptions`.

    Args:
        verb: What the command does to text, for the help.
        model_help: What model is named and what is the default.
        batch_tokens: Tokens of a batch by default.
        documents: Formats of documents that it takes, too.
    """

    return grouped(StreamOptions, "options", _shared_options(verb, model_help, batch_tokens, documents))


_COMPUTE_TYPE_HELP = (
    "int8, int8_float32, float16, bfloat16, float32 and so on; auto is the fastest, default the model's own."
)


def format_as_named(files: Iterable[Path], formats: Collection[str]) -> str:
    """Tells which of some formats files are named as; text if their names say nothing.

    Raises:
        UsageError: They differ, or one is named as a document of another format.
    """
    named: dict[str, Path] = {}
    for path in files:
        document = document_format(path)
        if document is not None and document in formats:
            named.setdefault(document, path)
        elif document is None or document in PLAIN_FORMATS:
            named.setdefault("parquet" if content_suffix(path) == ".parquet" else format_of(path), path)
        else:
            raise UsageError(
                f"{path}: {document} is not read here, but by xlm translate", hint="--format text reads it line by line"
            )
    if len(named) > 1:
        (format_name, path), (other_name, other_path), *_ = named.items()
        raise UsageError(
            f"{path} is read as {format_name}, and {other_path} as {other_name}",
            hint="give them apart, or tell with --format how to read all of them",
        )
    return next(iter(named), "text")


def _choose_format(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    assert isinstance(parameter.type, click.Choice)
    return value or format_as_named(context.params.get("files") or (), parameter.type.choices)


def _shared_options(
    verb: str, model_help: str, batch_tokens: int, documents: Sequence[str]
) -> list[Callable[[Any], Any]]:
    do = verb.capitalize()
    formats = (*get_args(FormatName), *documents)
    return [
        click.argument("files", nargs=-1, type=FILE, metavar="[FILE]..."),
        click.option("-m", "--model", metavar="MODEL", type=MODEL, help=model_help),
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
            type=click.Choice(formats),
            callback=_choose_format,
            metavar="FORMAT",
            help=f"Of input and output: {', '.join(formats)}.  [default: as FILE is named, else text]",
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
        device_option,
        click.option(
            "--compute-type",
            default="default",
            show_default=True,
            metavar="TYPE",
            help=_COMPUTE_TYPE_HELP,
        ),
        click.option(
            "--threads",
            type=click.IntRange(1, MAX_THREADS),
            help="Threads that share a batch (default: 1; with --workers, the usable cores divided by it).",
        ),
        click.option(
            "--workers",
            type=click.IntRange(1, MAX_THREADS),
            help="Batches computed at the same time (default: the usable cores divided by --threads).",
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
