"""`xlm eval`: scores that can be trusted and compared."""

from __future__ import annotations

import click

from xlmcli.cli.eval import classify, translate


@click.group("eval")
def command() -> None:
    """Score translations or labels, say how sure the scores are, and compare systems.

    Results are tables on a terminal and TSV in a pipe; --format json, markdown and latex are for programs and papers.
    --fail-under ends with exit code 1 where a score falls short.

    \b
    Examples:
      xlm translate --src en --tgt fr < test.en | xlm eval translate --ref test.fr
      xlm eval translate --ref test.fr old.fr new.fr
      xlm eval classify --gold test.tsv predicted.tsv
    """


command.add_command(translate.command)
command.add_command(classify.command)
