"""How commands present themselves: options under headings, and tables in their help that fit the terminal.

Click writes options in one list, and blocks of lines (after ``\\b``) as they stand. Here a block's lines of two columns
become a list whose right column is wrapped, and other lines, such as examples, stay as they are.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import click

_TWO_COLUMNS = re.compile(r"( +)(\S.*?) {2,}(?=\S)")
_RANGE = re.compile(r"(?<=[\[ ])(-?[\d.]+)<=x<=([\d.]+)(?=\])")
_NUMBERS = {" INTEGER RANGE": " N", " FLOAT RANGE": " X"}
_AS_GOOD_AS_ENDLESS = 1_000_000


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of a help text.

    Attributes:
        text: Prose, or the title of a block.
        rows: The lines of a block: left and right column; of a line without columns, the left one is all.
    """

    text: str
    rows: tuple[tuple[str, str], ...] = ()


def parse_help(text: str) -> list[Paragraph]:
    """Takes the docstring of a command apart."""
    return [_parse_paragraph(part) for part in re.split(r"\n\s*\n", inspect.cleandoc(text)) if part.strip("\b\n ")]


def _parse_paragraph(text: str) -> Paragraph:
    if not text.startswith("\b\n"):
        return Paragraph(" ".join(text.split()))
    title, *lines = text.removeprefix("\b\n").split("\n")
    rows: list[tuple[str, str]] = []
    column = 0
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if column and indent >= column:
            left, right = rows[-1]
            rows[-1] = (left, f"{right} {line.strip()}")
        elif match := _TWO_COLUMNS.match(line):
            column = match.end()
            rows.append((match[2], line[column:]))
        else:
            column = 0
            rows.append((line.removeprefix("  "), ""))
    return Paragraph(title, tuple(rows))


def describe_option(option: click.Parameter, context: click.Context) -> tuple[str, str] | None:
    """Returns how an option is written and what it does, in click's words but for numbers; None where it is none."""
    record = option.get_help_record(context) if isinstance(option, click.Option) else None
    if record is None:
        return None
    written, does = record
    for long, short in _NUMBERS.items():
        written = written.replace(long, short)
    return written, _RANGE.sub(_describe_range, does)


def _describe_range(match: re.Match[str]) -> str:
    least, most = match.groups()
    return f"at least {least}" if float(most) >= _AS_GOOD_AS_ENDLESS else f"{least} to {most}"


class HeadedCommand(click.Command):
    """A command whose options stand under headings.

    Attributes:
        headings: Each with the names of the parameters under it.
    """

    headings: ClassVar[Mapping[str, Sequence[str]]] = {}

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for paragraph in parse_help(self.help or ""):
            formatter.write_paragraph()
            with formatter.indentation():
                if not paragraph.rows:
                    formatter.write_text(paragraph.text)
                    continue
                formatter.write(f"{'':{formatter.current_indent}}{paragraph.text}\n")
                with formatter.indentation():
                    _write_rows(paragraph.rows, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, options in self.iter_headed(ctx):
            with formatter.section(heading):
                formatter.write_dl(options)

    def iter_headed(self, ctx: click.Context) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Yields the headings, each with how its options are written and what they do."""
        described = {param.name or "": describe_option(param, ctx) for param in self.get_params(ctx)}
        groups = [(heading, [described.pop(name, None) for name in names]) for heading, names in self.headings.items()]
        for heading, options in [*groups, ("Other" if groups else "Options", list(described.values()))]:
            if shown := [option for option in options if option is not None]:
                yield heading, shown


def _write_rows(rows: Sequence[tuple[str, str]], formatter: click.HelpFormatter) -> None:
    if any(right for _, right in rows):
        formatter.write_dl(rows, col_max=32)
        return
    for line, _ in rows:
        formatter.write(f"{'':{formatter.current_indent}}{line}\n")


class HeadedGroup(click.Group):
    """A group of such commands."""

    command_class = HeadedCommand
