"""``xlm completion``."""

from __future__ import annotations

import click

from xlmcli.cli.help import HeadedCommand

SHELLS = ("bash", "zsh", "fish")


@click.command(cls=HeadedCommand)
@click.argument("shell", type=click.Choice(SHELLS), metavar="bash|zsh|fish")
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Write the script that makes a shell complete commands, options and names of models.

    \b
    Examples:
      xlm completion bash >> ~/.bashrc
      xlm completion zsh > ~/.zfunc/_xlm                          # a folder of fpath
      xlm completion fish > ~/.config/fish/completions/xlm.fish
    """
    click.echo(completion_script(context.find_root().command, shell))


def completion_script(program: click.Command, shell: str) -> str:
    """Returns the script.

    Args:
        program: ``xlm``.
        shell: One of `SHELLS`.
    """
    from click.shell_completion import ShellComplete, get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    # Not the class's own: for bash it asks the one that is installed for its version, which changes nothing.
    return ShellComplete.source(kind(program, {}, "xlm", "_XLM_COMPLETE")).strip("\n")
