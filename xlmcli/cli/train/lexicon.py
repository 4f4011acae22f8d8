"""`xlm train lexicon`."""

from __future__ import annotations

from pathlib import Path

import click

from xlmcli.cli.help import HeadedCommand
from xlmcli.cli.options import FILE, config_option, parallel_option
from xlmcli.console import print_line
from xlmcli.errors import UsageError
from xlmcli.sources import Source


@click.command("lexicon", cls=HeadedCommand, short_help="Learn which rare words are each other's translation.")
@parallel_option
@click.option(
    "--max-count",
    type=click.IntRange(1, 1_000_000_000),
    default=300,
    show_default=True,
    help="Leave words that stand in the text more often to the translator.",
)
@config_option
@click.argument("out_file", type=FILE)
def command(parallel: tuple[Source, ...], max_count: int, out_file: Path) -> None:
    """Learn a lexicon from sentence pairs, those that a translator learns from, and write it to OUT_FILE.

    A small translator remembers few of the words that it has seen a few times: xlm convert --lexicon puts the lexicon
    into its bundle, and xlm translate looks up there what a translation has lost. OUT_FILE has a row for each word, for
    both directions between the languages: the direction, the word as text mostly has it, its translation, and what else
    it may be, tabs between.

    \b
    Examples:
      xlm train lexicon --parallel en-it=pairs.tsv lexicon.tsv
      xlm convert en-it en-it.bundle --lexicon lexicon.tsv
    """
    if not parallel:
        raise UsageError("there is nothing to learn from", hint="--parallel en-fr=pairs.tsv")
    from xlmcli.train.lexicon import write_lexicon

    write_lexicon(out_file, parallel, max_count, print_line)
    print_line(f"wrote {out_file}")
