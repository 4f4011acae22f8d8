"""Writes what follows from the commands: the shells' completions, the man pages, docs/reference.md.

    python -m docs.pages

A test compares the files with what is written here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from xlmcli import __version__
from xlmcli.cli import COMMANDS, main
from xlmcli.cli.completion import completion_script
from xlmcli.cli.help import HeadedCommand, Paragraph, describe_option, parse_help

REPOSITORY = Path(__file__).parent.parent

_COMPLETIONS = {"bash": "xlm.bash", "zsh": "_xlm", "fish": "xlm.fish"}
_WIDTH = 100
_REFERENCE = """\
# Reference

What `--help` of each command says; `make docs` writes this page.
"""


def iter_pages() -> Iterator[tuple[Path, str]]:
    """Yields the path of each file, from the top of the repository, and what is in it."""
    for shell, name in _COMPLETIONS.items():
        yield Path("completions", name), completion_script(main, shell) + "\n"
    contexts = list(_iter_contexts(_new_context(main, "xlm", None)))
    for context in contexts:
        yield Path("man", f"{_dashed(context)}.1"), format_man_page(context)
    yield Path("docs", "reference.md"), "\n".join([_REFERENCE, *map(_format_reference, contexts)])


def _new_context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    return click.Context(
        command,
        parent,
        info_name=name,
        terminal_width=_WIDTH,
        help_option_names=["-h", "--help"],
        resilient_parsing=True,
    )


def _iter_contexts(context: click.Context) -> Iterator[click.Context]:
    yield context
    for name, child in _subcommands(context):
        yield from _iter_contexts(_new_context(child, name, context))


def _subcommands(context: click.Context) -> list[tuple[str, click.Command]]:
    group = context.command
    if not isinstance(group, click.Group):
        return []
    found = [(name, group.get_command(context, name)) for name in group.list_commands(context)]
    return [(name, command) for name, command in found if command is not None]


def _dashed(context: click.Context) -> str:
    return context.command_path.replace(" ", "-")


def _format_reference(context: click.Context) -> str:
    title = "#" * (1 + len(context.command_path.split()))
    return f"{title} {context.command_path}\n\n```text\n{context.get_help()}\n```\n"


def format_man_page(context: click.Context) -> str:
    """Returns the man page of a command, as troff reads it."""
    command = context.command
    title, *paragraphs = parse_help(command.help or "")
    is_example = [bool(re.fullmatch("Examples?:", item.text)) for item in paragraphs]
    described = [item for item, example in zip(paragraphs, is_example, strict=True) if not example]
    examples = [item for item, example in zip(paragraphs, is_example, strict=True) if example]
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [
        f'.TH "{_dashed(context).upper()}" 1 "" "xlm {__version__}" "xlm manual"',
        *(".ad l", ".nh"),  # Words that may be copied are not to be broken.
        *(".SH NAME", rf"{_escape(_dashed(context))} \- {_escape(_summary(context))}"),
        *(".SH SYNOPSIS", rf"\fB{_escape(context.command_path)}\fR {_escape(usage)}"),
        *(".SH DESCRIPTION", _escape(title.text)),
    ]
    for paragraph in described:
        lines += [".PP", _escape(paragraph.text), *_format_rows(paragraph)]
    if children := _subcommands(context):
        lines.append(".SH COMMANDS")
        for name, child in children:
            child_context = _new_context(child, name, context)
            lines += [".TP", rf"\fB{_escape(_dashed(child_context))}\fR(1)", _escape(_summary(child_context))]
    lines += _format_options(context)
    for paragraph in examples:
        lines += [".SH EXAMPLES", *_format_rows(paragraph)]
    if context.parent is not None:
        lines += [".SH SEE ALSO", rf"\fB{_escape(_dashed(context.parent))}\fR(1)"]
    return "\n".join(lines) + "\n"


def _summary(context: click.Context) -> str:
    """The command in half a sentence, without its full stop."""
    words, command = context.command_path.split(), context.command
    own = command.short_help or parse_help(command.help or "")[0].text
    return (COMMANDS[words[1]].summary if len(words) == 2 else own).rstrip(".")


def _format_options(context: click.Context) -> list[str]:
    command = context.command
    if isinstance(command, HeadedCommand):
        headed = list(command.iter_headed(context))
    else:
        options = [described for param in command.get_params(context) if (described := describe_option(param, context))]
        headed = [("Options", options)]
    lines = [".SH OPTIONS"]
    for heading, options in headed:
        if len(headed) > 1:
            lines.append(f".SS {_escape(heading)}")
        for written, does in options:
            lines += [".TP", rf"\fB{_escape(written)}\fR", _escape(does)]
    return lines


def _format_rows(paragraph: Paragraph) -> list[str]:
    if any(right for _, right in paragraph.rows):
        rows = [[".TP", _escape(left), _escape(right)] for left, right in paragraph.rows]
        return [".RS 4", *(line for row in rows for line in row), ".RE"]
    return [".RS 4", ".nf", *(_escape(left) for left, _ in paragraph.rows), ".fi", ".RE"] if paragraph.rows else []


def _escape(text: str) -> str:
    """Spells a line so that troff shows it as it is: a hyphen that can be copied, no request at its beginning."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text


def write_pages() -> None:
    """Writes all files, and removes man pages of commands that are no more."""
    pages = dict(iter_pages())
    for path in (REPOSITORY / "man").glob("*.1"):
        if path.relative_to(REPOSITORY) not in pages:
            path.unlink()
    for path, text in pages.items():
        (REPOSITORY / path).parent.mkdir(exist_ok=True)
        (REPOSITORY / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_pages()
