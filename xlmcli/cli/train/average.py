"""`xlm train average`."""

from __future__ import annotations

from pathlib import Path

import click

from xlmcli.cli.options import FILE, require_extra
from xlmcli.errors import UsageError


@click.command("average")
@click.argument("checkpoints", nargs=-1, required=True, type=FILE)
@click.argument("out_folder", type=FILE)
def command(checkpoints: tuple[Path, ...], out_folder: Path) -> None:
    """Average the weights of CHECKPOINTS, and write the result to OUT_FOLDER.

    They must be of the same kind, and from the same start with other settings or seeds: the mean is then often better
    than each of them, at the speed of one.

    \b
    Examples:
      xlm train average sentiment-1 sentiment-2 sentiment-3 sentiment
    """
    require_extra("train", "torch")
    from xlmcli.train.averaging import average_checkpoints

    if len(checkpoints) < 2:
        raise UsageError("one checkpoint has no mean", hint="name two or more, and then the folder for the result")
    average_checkpoints(checkpoints, out_folder)
