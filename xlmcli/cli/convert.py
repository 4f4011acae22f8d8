"""``xlm convert``: a checkpoint becomes a bundle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import click

from xlmcli.bundle.manifest import DecodingDefaults, Quantization
from xlmcli.cli.options import DIRECTION, FILE, MONOLINGUAL, config_option, require_extra
from xlmcli.errors import UsageError
from xlmcli.lines import iter_file_lines
from xlmcli.records import Direction
from xlmcli.sources import Source

if TYPE_CHECKING:
    from xlmcli.convert.verification import Agreement

_DEFAULTS = DecodingDefaults()


@click.command()
@click.argument("checkpoint", type=FILE)
@click.argument("bundle", type=FILE)
@click.option(
    "--quantization",
    type=click.Choice(get_args(Quantization)),
    default="int8",
    show_default=True,
    help="How the weights are stored.",
)
@click.option(
    "--direction", type=DIRECTION, metavar="SRC-TGT", help="Write a folder for one direction that CTranslate2 opens."
)
@click.option(
    "--beam-size",
    type=click.IntRange(min=1),
    default=_DEFAULTS.beam_size,
    show_default=True,
    help="The bundle's default beam.",
)
@click.option(
    "--length-penalty",
    type=click.FloatRange(min=0),
    default=_DEFAULTS.length_penalty,
    show_default=True,
    help="The bundle's default length penalty.",
)
@click.option("--card", type=FILE, metavar="FILE.md", help="Put this file in as the model card.")
@click.option("--recipe", type=FILE, metavar="FILE.toml", help="Put this file in as the recipe that made the model.")
@click.option("--licence", metavar="TEXT", help="Under which the model may be used.")
@click.option("--trained-on", multiple=True, metavar="TEXT", help="A text that the model saw; may be repeated.")
@click.option("--scores", type=FILE, metavar="FILE.json", help="Measured scores, to be shown by xlm info.")
@click.option("--verify", is_flag=True, help="Before writing, compare greedy translations with the checkpoint's.")
@click.option(
    "--verify-file",
    type=MONOLINGUAL,
    multiple=True,
    metavar="LANG=FILE",
    help="Sentences to compare on, in place of the built-in ones; may be repeated. Implies --verify.",
)
@click.option(
    "--min-agreement",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Write nothing and exit with 1 if fewer of the translations (0-1) are equal. Implies --verify.  "
    "[default: 1 for float32, else 0]",
)
@click.option("--force", is_flag=True, help="Replace a bundle that is there already.")
@config_option
def command(
    checkpoint: Path,
    bundle: Path,
    quantization: str,
    direction: Direction | None,
    beam_size: int,
    length_penalty: float,
    card: Path | None,
    recipe: Path | None,
    licence: str | None,
    trained_on: tuple[str, ...],
    scores: Path | None,
    verify: bool,
    verify_file: tuple[Source, ...],
    min_agreement: float | None,
    force: bool,
) -> None:
    """Read the translation checkpoint in CHECKPOINT and write BUNDLE, a folder that xlm translate opens.

    One bundle serves all directions of the model. It is written beside and renamed; what is at BUNDLE already stays
    unless --force is given. With --verify, a line a direction on stdout compares the bundle with the checkpoint before
    anything is written at BUNDLE, and too little agreement (--min-agreement) is an error (exit 1).

    With --direction, BUNDLE becomes a folder for that direction alone, which any program that uses CTranslate2 opens:
    give it "</s>", the pieces of a sentence, and "</s>". xlm itself does not open it.

    The file of --scores holds {"scores": [{"direction": "en-fr", "test_set": "…", "metric": "BLEU", "value": 31.4,
    "signature": "…"}, …]}.

    \b
    Examples:
      xlm convert runs/en-fr en-fr.bundle
      xlm convert runs/en-fr en-fr.bundle --quantization float32 --verify --verify-file en=valid.en.txt
      xlm convert runs/en-fr en-fr.ct2 --direction en-fr --quantization float16
    """
    require_extra("train", "torch")
    from xlmcli.bundle import check_free
    from xlmcli.convert.conversion import BundleOptions, open_checkpoint, write_bundle, write_folded
    from xlmcli.convert.scores import read_scores
    from xlmcli.convert.verification import check_agreements, verify_bundle, verify_folded

    if direction is not None and (licence is not None or trained_on or scores is not None):
        raise UsageError(
            "--licence, --trained-on and --scores go into a bundle's manifest, which --direction does not write",
            hint="leave them out, or leave out --direction",
        )
    check_free(bundle, force=force)
    options = BundleOptions(
        quantization=cast(Quantization, quantization),
        decoding=DecodingDefaults(beam_size, length_penalty),
        licence=licence,
        trained_on=trained_on,
        scores=() if scores is None else read_scores(scores),
        card=card,
        recipe=recipe,
        force=force,
    )
    texts = {source.langs[0]: list(iter_file_lines(source.path)) for source in verify_file}
    opened = open_checkpoint(checkpoint)
    if unknown := [lang for lang in texts if lang not in opened.config.lang2id]:
        raise UsageError(
            f"--verify-file: the model has no language {unknown[0]!r}", hint=f"it has {', '.join(opened.config.langs)}"
        )
    min_share = float(quantization == "float32") if min_agreement is None else min_agreement

    def check(agreements: Iterator[Agreement]) -> None:
        if verify or texts or min_agreement is not None:
            check_agreements(_report(agreements), min_share)

    if direction is None:
        write_bundle(opened, bundle, options, check=lambda new: check(verify_bundle(opened, new, texts)))
    else:
        write_folded(
            opened,
            bundle,
            direction,
            options,
            check=lambda folder: check(verify_folded(opened, folder, direction, options.quantization, texts)),
        )
    click.echo(f"wrote {bundle}", err=True)


def _report(agreements: Iterator[Agreement]) -> list[Agreement]:
    """Writes a line for each comparison as soon as it is done."""
    from xlmcli.convert.verification import format_agreement

    done = []
    for agreement in agreements:
        click.echo(format_agreement(agreement))
        done.append(agreement)
    return done
