"""`xlm train average`."""

from __future__ import annotations

from pathlib import Path

import click

from xlmcli.cli.help import HeadedCommand
from xlmcli.cli.options import FILE, MONOLINGUAL, config_option, require_extra
from xlmcli.cli.training.flags import ColumnFlags
from xlmcli.cli.training.options import column_options
from xlmcli.errors import UsageError
from xlmcli.sources import Source


@click.command("average", cls=HeadedCommand, short_help="Average the weights of several models.")
@click.option(
    "--valid",
    type=MONOLINGUAL,
    multiple=True,
    metavar="LANG=FILE",
    help="Held-out labelled text to calibrate a classifier's probabilities on; may be repeated.",
)
@column_options
@config_option
@click.argument("checkpoints", nargs=-1, required=True, type=FILE)
@click.argument("out_folder", type=FILE)
def command(valid: tuple[Source, ...], checkpoints: tuple[Path, ...], out_folder: Path, columns: ColumnFlags) -> None:
    """Average the weights of CHECKPOINTS, and write the result to OUT_FOLDER.

    They must be of the same kind, and from the same start with other settings or seeds: the mean is then often better
    than each of them, at the speed of one. The temperature of classifiers is averaged too; better, fitted to --valid: a
    mean is less sure of itself than they are.

    \b
    Examples:
      xlm train average sentiment-1 sentiment-2 sentiment-3 sentiment --valid en=dev.en.tsv --valid fr=dev.fr.tsv
    """
    require_extra("train", "torch")
    from xlmcli.train.averaging import average_checkpoints

    if len(checkpoints) < 2:
        raise UsageError("one checkpoint has no mean", hint="name two or more, and then the folder for the result")
    average_checkpoints(checkpoints, out_folder, valid, columns.columns(multi_label=False))
