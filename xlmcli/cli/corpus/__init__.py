"""``xlm corpus``: the commands that answer line by line, on many files by many workers."""

from __future__ import annotations

import click

from xlmcli.cli import classify, encode, translate
from xlmcli.cli.corpus.commands import over_a_corpus


@click.group("corpus")
def command() -> None:
    """Answer many large files on all processors of a machine or a cluster, and go on after an interruption.

    \b
    Examples:
      xlm corpus translate --src en --tgt fr texts -o translated
      xlm corpus classify 'reviews/*.csv.gz' --column comment -o labelled
    """


command.add_command(over_a_corpus("translate", translate.command, "Translate", "--src en --tgt fr texts -o translated"))
command.add_command(over_a_corpus("classify", classify.command, "Label", "--lang en 'reviews/**/*.txt' -o labelled"))
command.add_command(over_a_corpus("encode", encode.command, "Make vectors of", "-m my-encoder --npy texts -o vectors"))
