"""The command line: commands that are imported when they are called, and the funnel that all errors leave by."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import click

from xlmcli import __version__
from xlmcli.cli.offline import offline_option
from xlmcli.environment import DEBUG_VARIABLE
from xlmcli.errors import DataError, ExitCode, XlmError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


_PROGRAM = "xlm"
_COMPLETION_VARIABLE = "_XLM_COMPLETE"
# As the loader, the engine and Python say it.
_LACKS_MEMORY = "failed to map segment|[Cc]annot allocate memory|bad_alloc|out of memory|can't start new thread"


class _Entry(NamedTuple):
    module: str
    summary: str


COMMANDS = {
    "translate": _Entry("xlmcli.cli.translate", "Translate lines of text."),
    "eval": _Entry("xlmcli.cli.eval", "Score translations and labels, and compare systems."),
    "classify": _Entry("xlmcli.cli.classify", "Label lines of text."),
    "encode": _Entry("xlmcli.cli.encode", "Make vectors of lines of text, compare them, find the nearest."),
    "corpus": _Entry("xlmcli.cli.corpus", "Translate, label or encode many files, on one machine or a cluster."),
    "attention": _Entry("xlmcli.cli.attention", "Show what a model looks at."),
    "info": _Entry("xlmcli.cli.info", "Show what a bundle or a checkpoint is."),
    "tokenizer": _Entry("xlmcli.cli.tokenizer", "Learn a shared vocabulary and use it."),
    "pretrain": _Entry("xlmcli.cli.pretrain", "Pretrain an XLM encoder on text."),
    "train": _Entry("xlmcli.cli.train", "Train a translation model or a classifier from a pretrained XLM."),
    "convert": _Entry("xlmcli.cli.convert", "Convert a checkpoint into a bundle that runs anywhere."),
    "models": _Entry("xlmcli.cli.models", "Get models from the hub, and look after those that are here."),
    "doctor": _Entry("xlmcli.cli.doctor", "Say what this machine has, and whether it will translate."),
    "completion": _Entry("xlmcli.cli.completion", "Write the script for a shell's completion."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports a command's module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = import_module(entry.module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=entry.summary) for name, entry in COMMANDS.items() if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name=_PROGRAM, message="%(prog)s %(version)s")
@offline_option
def main() -> None:
    """Translate and classify text in the shell with cross-lingual language models (XLM), and make such models.

    \b
    Examples:
      echo "How are you?" | xlm translate --src en --tgt fr
      xlm translate --src fr --tgt en letter.txt -o letter.en.txt
    """
    # The engine's libraries are not found from a folder that is gone, and end the process.
    try:
        Path.cwd()
    except FileNotFoundError:
        raise DataError("the working folder is gone", hint="cd to one that exists") from None


def run(args: Sequence[str] | None = None) -> NoReturn:
    """Runs ``xlm`` with ``args`` (the process's own if None) and exits with its code."""
    sys.exit(_run(sys.argv[1:] if args is None else args))


def _run(args: Sequence[str]) -> int:
    try:
        exit_code = _invoke(args)
        sys.stdout.flush()
    except BrokenPipeError:
        return ExitCode.OK
    except (KeyboardInterrupt, click.Abort):
        return ExitCode.INTERRUPTED
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            _print_traceback(error)
        return _report(error)
    finally:
        _discard_what_cannot_be_written()
    return exit_code


def _invoke(args: Sequence[str]) -> int:
    # Click's own main() would end closed pipes with 1 and take an EOFError for Ctrl-D.
    if instruction := os.environ.get(_COMPLETION_VARIABLE):
        from click.shell_completion import shell_complete

        return shell_complete(main, {}, _PROGRAM, _COMPLETION_VARIABLE, instruction)
    try:
        with main.make_context(_PROGRAM, list(args)) as context:
            main.invoke(context)
    except click.exceptions.Exit as error:
        return error.exit_code
    return ExitCode.OK


def _print_traceback(error: Exception) -> None:
    import traceback

    from xlmcli.console import print_line

    for line in "".join(traceback.format_exception(error)).splitlines():
        print_line(line)


def _report(error: Exception) -> int:
    """Says on stderr what went wrong; returns the exit code."""
    from xlmcli.console import print_error

    if isinstance(error, XlmError):
        print_error(error.message, error.hint)
        return error.exit_code
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return ExitCode.USAGE
    if isinstance(error, click.ClickException):
        print_error(_uncapitalized(error.format_message()), _usage_hint(error))
        return ExitCode.USAGE
    if isinstance(error, MemoryError) or re.search(_LACKS_MEMORY, str(error)):
        print_error(f"not enough memory: {error}".removesuffix(": "), "free some, or raise the limit (ulimit -v, -u)")
        return ExitCode.UNEXPECTED
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        print_error(f"{place}{error.strerror.lower()}", None)
        return ExitCode.DATA
    name = type(error).__name__
    print_error(f"unexpected {name}: {error}", "this is a bug in xlm; XLM_DEBUG=1 shows where it happened")
    return ExitCode.UNEXPECTED


def _uncapitalized(message: str) -> str:
    # Click puts choices on lines of their own, some behind a tab.
    return message[:1].lower() + " ".join(line.strip("\t") for line in message[1:].split("\n")).rstrip(".")


def _usage_hint(error: click.ClickException) -> str | None:
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return None
    return f"{error.ctx.command_path} --help shows how it is used"


def _discard_what_cannot_be_written() -> None:
    try:
        sys.stdout.flush()
    except (OSError, XlmError):
        # It must not fail again when the interpreter flushes it on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
