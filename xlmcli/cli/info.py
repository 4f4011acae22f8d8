"""``xlm info``: what a bundle or a checkpoint is."""

from __future__ import annotations

import click

from xlmcli.cli.help import HeadedCommand
from xlmcli.cli.options import MODEL


@click.command(cls=HeadedCommand)
@click.argument("model", required=False, type=MODEL)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Of stdout.",
)
def command(model: str | None, output_format: str) -> None:
    """Check a model's files and write what it is: task, languages, directions, sizes, licence, data and scores.

    MODEL is the path of a bundle or of a checkpoint, or the name of an embedded model; the embedded default if it is
    left out. A bundle with a missing or altered file is an error (exit 4), as is one whose parts do not fit each other
    or that has numbers that no model has: here all are looked at, elsewhere only where they are few. Its files are held
    against their sha256 in xlm.json, and xlm.json against nothing: its own sha256 is shown.

    \b
    Examples:
      xlm info
      xlm info en-fr --format json
    """
    from xlmcli.bundle import find_model, is_bundle, is_checkpoint, open_bundle

    path = find_model(model)
    if is_checkpoint(path) and not is_bundle(path):
        from xlmcli.checkpoint import description

        checkpoint = description.describe_checkpoint(path)
        as_text, as_json = description.format_checkpoint_text, description.format_checkpoint_json
        click.echo(as_text(path, checkpoint) if output_format == "text" else as_json(path, checkpoint))
        return
    from xlmcli.bundle.description import format_bundle_json, format_bundle_text

    bundle = open_bundle(path, is_thorough=True)
    bundle.open_tokenizer()
    text = format_bundle_text(bundle) if output_format == "text" else format_bundle_json(bundle)
    click.echo(text)
