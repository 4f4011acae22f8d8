"""``xlm models``: get models from a hub, and look after those that are here."""

from __future__ import annotations

from typing import cast, get_args

import click

from xlmcli.bundle.manifest import Quantization
from xlmcli.cli.help import HeadedGroup
from xlmcli.cli.hub import print_found, print_licence
from xlmcli.cli.offline import offline_option
from xlmcli.console import print_line, show_download_progress
from xlmcli.errors import ModelError, UsageError

_format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Of stdout.",
)


def _complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Completes the name of a model; remove takes pulled ones alone."""
    from xlmcli.bundle import embedded_models, pulled_models

    names = [*pulled_models()] if ctx.info_name == "remove" else [*embedded_models(), *pulled_models()]
    return [name for name in names if name.startswith(incomplete)]


@click.group(cls=HeadedGroup)
def command() -> None:
    """Get models from the hub, and list, show, verify and remove those that are here.

    A model is found by its short name, as in xlm translate -m NAME. Pulled models lie in the user's cache directory, or
    in XLM_HOME. Only pull, xlm convert OWNER/NAME and xlm eval translate (--testset, --tokenize) use the network, and
    not even they do with --offline, XLM_OFFLINE=1 or HF_HUB_OFFLINE=1.

    \b
    Example:
      xlm models list
    """


@command.command(short_help="Get a model from the hub.")
@click.argument("repository", metavar="OWNER/NAME")
@click.option("--revision", default="main", show_default=True, help="A branch, a tag or a commit of the repository.")
@click.option("--name", metavar="SHORT", help="What -m calls it from now on (default: NAME).")
@click.option(
    "--quantization",
    type=click.Choice(get_args(Quantization)),
    metavar="TYPE",
    help="How the weights of a converted checkpoint are stored; see xlm convert.  [default: int8]",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress bar and no notes on stderr.")
@_format_option
@offline_option
def pull(
    repository: str, revision: str, name: str | None, quantization: str | None, quiet: bool, output_format: str
) -> None:
    """Download the model OWNER/NAME, check it, make a bundle of it, and write its short name.

    A repository that holds a bundle (xlm.json) is taken as it is. All else that xlm convert takes is converted, which
    needs the train extra: of it, configuration, tokenizer, card and weights are downloaded, safetensors rather than
    .bin. What cannot be converted is refused before its weights are downloaded. What was interrupted goes on where it
    stopped. Hashes are checked, and the model appears when it is complete. Its licence is shown on stderr: look whether
    it allows what you want to do. HF_TOKEN or a login (hf auth login) opens gated and private ones.

    \b
    Examples:
      xlm models pull FacebookAI/xlm-mlm-en-2048
      xlm models pull some-team/mt-en-ro --revision v2 --name en-ro
    """
    from xlmcli.store.hub import Hub
    from xlmcli.store.pulling import PullRequest, pull_model
    from xlmcli.store.report import format_models_json

    request = PullRequest(repository, revision, name, cast("Quantization | None", quantization))
    hub = Hub()
    with show_download_progress(not quiet) as progress:
        model = pull_model(hub, request, progress, lambda found: None if quiet else print_found(found))
    if not quiet and model.origin is not None and model.origin.licence is None and model.origin.kind == "bundle":
        print_licence(model.licence)
    click.echo(model.name if output_format == "text" else format_models_json([model]))


@command.command("list", short_help="List the models that are here.")
@click.option(
    "--directions", is_flag=True, help="A line for each direction: the direction TAB the model that is found for it."
)
@_format_option
def list_(directions: bool, output_format: str) -> None:
    """Write a line for each model that is here: embedded ones, then pulled ones.

    With --directions, what xlm translate --src and --tgt find without -m. Models that translate between any two of many
    languages have a line of their own.

    JSON has all languages of each. What a model translates stands in "directions" or, where that is any of many
    languages into any of many, in "sources" and "targets".

    \b
    Examples:
      xlm models list
      xlm models list --format json
    """
    from xlmcli.store.registry import list_models
    from xlmcli.store.report import format_directions, format_models_json, format_models_text

    if directions:
        from xlmcli.bundle.choosing import iter_directions

        if output_format == "json":
            raise UsageError("--directions is text", hint="--format json has all directions of each model")
        click.echo(format_directions(iter_directions()), nl=False)
        return
    models = list_models()
    click.echo(format_models_text(models) if output_format == "text" else format_models_json(models))


@command.command(short_help="Show what a model is and where it came from.")
@click.argument("name", shell_complete=_complete)
@_format_option
def show(name: str, output_format: str) -> None:
    """Check the files of the model NAME and write what it is, as xlm info does, and where it was pulled from.

    \b
    Examples:
      xlm models show en-fr
    """
    from xlmcli.store.registry import get_model, open_model
    from xlmcli.store.report import format_model_json, format_model_text

    model = get_model(name)
    bundle = open_model(model)
    click.echo(format_model_text(model, bundle) if output_format == "text" else format_model_json(model, bundle))


@command.command(short_help="Check the files of models.")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=_complete)
@_format_option
def verify(names: tuple[str, ...], output_format: str) -> None:
    """Compare every file of the models NAME, or of all, with its sha256, and write a line for each model.

    A missing or altered file is an error (exit 4).

    \b
    Examples:
      xlm models verify
      xlm models verify en-fr --format json
    """
    from xlmcli.store.registry import verify_models
    from xlmcli.store.report import format_verifications_json, format_verifications_text

    done = verify_models(names)
    click.echo(format_verifications_text(done) if output_format == "text" else format_verifications_json(done))
    if damaged := [item.name for item in done if item.problem is not None]:
        raise ModelError(
            f"damaged: {', '.join(damaged)}",
            hint="xlm models pull gets a pulled model once more; installing xlmcli anew, an embedded one",
        )


@command.command(short_help="Remove pulled models.")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=_complete)
@click.option("--unfinished", is_flag=True, help="Remove what interrupted pulls left, too.")
@_format_option
def remove(names: tuple[str, ...], unfinished: bool, output_format: str) -> None:
    """Remove the pulled models NAME from this machine.

    \b
    Examples:
      xlm models remove xlm-mlm-en-2048
      xlm models remove --unfinished
    """
    import json

    from xlmcli.facts import format_bytes
    from xlmcli.store.registry import remove_downloads, remove_models

    names = tuple(dict.fromkeys(names))
    if not names and not unfinished:
        raise UsageError("nothing to remove", hint="name models, or give --unfinished")
    num_bytes = remove_models(names) + (remove_downloads() if unfinished else 0)
    if output_format == "json":
        click.echo(json.dumps({"removed": list(names), "num_bytes": num_bytes}))
    else:
        print_line(f"removed {', '.join(names) or 'unfinished downloads'}: {format_bytes(num_bytes)}")


@command.command(short_help="Write the folder of a model.")
@click.argument("name", required=False, shell_complete=_complete)
@_format_option
def path(name: str | None, output_format: str) -> None:
    """Write the folder of the model NAME, or the folder that holds the pulled models.

    \b
    Examples:
      xlm models path en-fr
      du -sh "$(xlm models path)"
    """
    import json

    from xlmcli.environment import pulled_folder
    from xlmcli.store.registry import get_model

    folder = pulled_folder() if name is None else get_model(name).path
    click.echo(folder if output_format == "text" else json.dumps({"name": name, "path": str(folder)}))
