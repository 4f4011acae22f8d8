"""What ``xlm translate`` is told of documents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xlmcli.cli.options import FILE, Function, grouped
from xlmcli.documents.formats import DOCUMENT_FORMATS, DocumentFormat, DocumentOptions
from xlmcli.errors import UsageError

if TYPE_CHECKING:
    from xlmcli.cli.streams.stream import StreamOptions
    from xlmcli.infer.records.protocols import FormatOptions

_USED_BY: dict[str, tuple[DocumentFormat, ...]] = {
    "--all": ("po", "xliff"),
    "--no-fuzzy": ("po",),
    "--only-missing": ("json", "properties"),
    "--max-line-length": ("srt", "vtt"),
}


@dataclass(frozen=True, slots=True)
class DocumentChoices:
    """The values of the options, under their names."""

    redo_all: bool
    no_fuzzy: bool
    only_missing: Path | None
    max_line_length: int | None


def document_options(function: Function) -> Function:
    """Adds the options to a command, which gets them as its parameter ``documents``, a `DocumentChoices`."""
    options: list[Callable[[Any], Any]] = [
        click.option("--all", "redo_all", is_flag=True, help="po, xliff: translate what is translated already, too."),
        click.option("--no-fuzzy", is_flag=True, help="po: do not mark what is filled in as fuzzy."),
        click.option(
            "--only-missing",
            type=FILE,
            metavar="OTHER",
            help="json, properties: take over the texts that this file has for keys of FILE, and translate the others.",
        ),
        click.option(
            "--max-line-length",
            type=click.IntRange(10, 1000),
            metavar="N",
            help="srt, vtt: most characters of a line; a cue has two at most.  [default: 42]",
        ),
    ]
    return grouped(DocumentChoices, "documents", options)(function)


def choose_formats(options: StreamOptions, choices: DocumentChoices, *, has_more: bool) -> FormatOptions:
    """Returns how input is read.

    Args:
        options: What the user said of streams.
        choices: What they said of documents.
        has_more: Whether more is wanted than translations.

    Raises:
        UsageError: Options contradict each other.
    """
    from xlmcli.infer.records.protocols import FormatOptions

    name = options.format_name
    document = None
    if name in DOCUMENT_FORMATS:
        if len(options.files) > 1:
            raise UsageError("several documents at once", hint="give them one after the other, with -o for each")
        if has_more:
            raise UsageError(
                f"--format {name} holds a translation of each text and no more",
                hint="leave out --n-best, --with-scores, --alignment and --symmetric",
            )
        document = DocumentOptions(
            only_missing=choices.only_missing,
            redoes=choices.redo_all,
            marks_fuzzy=not choices.no_fuzzy,
            max_line_length=choices.max_line_length or DocumentOptions().max_line_length,
        )
    _check_use(name, choices)
    return FormatOptions(name, options.column, options.field, delimiter=options.delimiter, document=document)


def _check_use(name: str, choices: DocumentChoices) -> None:
    given = {
        "--all": choices.redo_all,
        "--no-fuzzy": choices.no_fuzzy,
        "--only-missing": choices.only_missing is not None,
        "--max-line-length": choices.max_line_length is not None,
    }
    for option, formats in _USED_BY.items():
        if given[option] and name not in formats:
            raise UsageError(f"{option} is for {' and '.join(formats)}", hint=f"add --format {formats[0]}")
