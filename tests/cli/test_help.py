from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest

from xlmcli.cli import main
from xlmcli.cli.help import HeadedCommand, Paragraph, parse_help
from xlmcli.cli.options import ModelType, PathType

HELP = """Do this
    and that.

    \b
    What is written:
      text          the line; of a long line
                    what fits
      text, --more  more of it

    \b
    Examples:
      xlm do --this  # and that
      xlm do \\
          --more
    """


def iter_commands(command: click.Command, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    yield command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from iter_commands(child, click.Context(child, context, info_name=name))


def new_context() -> click.Context:
    # Each command keeps the help option that it is first asked for.
    return click.Context(main, info_name="xlm", help_option_names=["-h", "--help"])


def test_help_is_taken_apart() -> None:
    assert parse_help(HELP.replace("  # and that", "")) == [
        Paragraph("Do this and that."),
        Paragraph("What is written:", (("text", "the line; of a long line what fits"), ("text, --more", "more of it"))),
        Paragraph("Examples:", (("xlm do --this", ""), ("xlm do \\", ""), ("    --more", ""))),
    ]


def test_every_option_stands_under_one_heading() -> None:
    for command, context in iter_commands(main, new_context()):
        if isinstance(command, HeadedCommand):
            written = [option for _, options in command.iter_headed(context) for option, _ in options]
            params = [param for param in command.get_params(context) if isinstance(param, click.Option)]
            assert len(written) == len(params)
            names = [name for names in command.headings.values() for name in names]
            assert len(names) == len(set(names))


def test_headings_name_parameters_that_exist() -> None:
    pairs = list(iter_commands(main, new_context()))
    for kind in {type(command) for command, _ in pairs if isinstance(command, HeadedCommand)}:
        known = {param.name for command, _ in pairs if type(command) is kind for param in command.params}
        assert {name for names in kind.headings.values() for name in names} <= known


def test_what_many_options_have_is_headed() -> None:
    for command, context in iter_commands(main, new_context()):
        if isinstance(command, HeadedCommand) and len(command.params) > 16:
            other = dict(command.iter_headed(context)).get("Other", [])
            assert {option.split()[-1].strip(",") for option, _ in other} <= {"--help", "FILE.toml", "--quiet"}


@pytest.mark.parametrize("columns", [80, 120])
def test_help_fits_the_terminal(columns: int, xlm: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """But for examples, which may be copied."""
    monkeypatch.setenv("COLUMNS", str(columns))
    for words in (["translate"], ["classify"], ["encode"], ["attention"], ["eval", "translate"], ["models", "list"]):
        text = xlm(*words, "--help").out
        prose = text[: text.index("Example")] + text[text.index("\n\n", text.index("Example")) :]
        assert max(map(len, prose.splitlines())) <= min(columns, 100), words


def test_choices_are_told_on_one_line(xlm: Callable[..., Any]) -> None:
    assert "Choose from: bash, zsh, fish\n" in xlm("completion").err


def test_every_path_and_model_is_one_that_may_not_be_empty() -> None:
    params = [param for command, _ in iter_commands(main, new_context()) for param in command.params]
    paths = [param for param in params if isinstance(param.type, click.Path) or param.metavar == "MODEL"]
    assert paths
    assert all(isinstance(param.type, PathType | ModelType) for param in paths)
