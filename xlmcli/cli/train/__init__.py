"""`xlm train`: a model for a task."""

from __future__ import annotations

import click

from xlmcli.cli.train import average, classify, lexicon, translate


@click.group("train")
def command() -> None:
    """Train a model for a task, starting from a pretrained XLM.

    \b
    Examples:
      xlm train translate --init xlm-en-fr --parallel en-fr=pairs.tsv --valid en-fr=dev.tsv --max-time 2h mt-en-fr
      xlm train classify --init xlm-15 --train en=reviews.tsv --valid en=dev.en.tsv --valid fr=dev.fr.tsv \\
          --max-epochs 10 --patience 5 sentiment
    """


command.add_command(translate.command)
command.add_command(classify.command)
command.add_command(average.command)
command.add_command(lexicon.command)
