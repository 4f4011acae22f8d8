"""``xlm convert``: a checkpoint becomes a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast, get_args

import click
from click.core import ParameterSource

from xlmcli.bundle.manifest import DecodingDefaults, Quantization
from xlmcli.cli.help import HeadedCommand
from xlmcli.cli.hub import local_checkpoint
from xlmcli.cli.offline import offline_option
from xlmcli.cli.options import DIRECTION, FILE, MONOLINGUAL, FiniteRange, config_option, require_extra
from xlmcli.console import print_line
from xlmcli.errors import UsageError
from xlmcli.records import MAX_BEAM_SIZE, MAX_LENGTH_PENALTY, Direction
from xlmcli.sources import Source, iter_rows

if TYPE_CHECKING:
    from xlmcli.convert.options import Refusals

_DEFAULTS = DecodingDefaults()
_FLOAT32_MAX_DIFFERENCE = 1e-3

_COMMAND_LINE = (ParameterSource.COMMANDLINE,)
_ANYWHERE = (ParameterSource.COMMANDLINE, ParameterSource.DEFAULT_MAP)


class _ConvertCommand(HeadedCommand):
    headings: ClassVar = {
        "Checkpoint": ("codes", "vocab", "kind", "offline"),
        "Bundle": ("quantization", "direction", "beam_size", "length_penalty", "lexicon", "force"),
        "What is told of the model": ("card", "recipe", "licence", "trained_on", "scores"),
        "Comparison with the checkpoint": ("verify", "verify_file", "min_agreement", "max_difference"),
    }


@click.command(cls=_ConvertCommand)
@click.argument("checkpoint", type=FILE)
@click.argument("bundle", type=FILE)
@click.option(
    "--quantization",
    type=click.Choice(get_args(Quantization)),
    default="int8",
    show_default=True,
    metavar="TYPE",
    help=f"How the weights are stored: {', '.join(get_args(Quantization))}.",
)
@click.option(
    "--direction", type=DIRECTION, metavar="SRC-TGT", help="Write a folder for one direction that CTranslate2 opens."
)
@click.option(
    "--beam-size",
    type=click.IntRange(1, MAX_BEAM_SIZE),
    default=_DEFAULTS.beam_size,
    show_default=True,
    help="The beam by which a bundle for translation translates by default.",
)
@click.option(
    "--length-penalty",
    type=FiniteRange(0, MAX_LENGTH_PENALTY),
    default=_DEFAULTS.length_penalty,
    show_default=True,
    help="Its default length penalty.",
)
@click.option(
    "--codes", type=FILE, help="fastBPE's codes of a .pth file; by default the file that is called codes beside it."
)
@click.option("--vocab", type=FILE, help="fastBPE's vocabulary of a .pth file, to check that it fits; may be left out.")
@click.option(
    "--from",
    "kind",
    type=click.Choice(["ctranslate2"]),
    help="What CHECKPOINT is, where it does not show: a model of CTranslate2 with its tokenizer.",
)
@click.option("--card", type=FILE, metavar="FILE.md", help="Put this file in as the model card.")
@click.option("--recipe", type=FILE, metavar="FILE.toml", help="Put this file in as the recipe that made the model.")
@click.option("--licence", "--license", metavar="TEXT", help="Under which the model may be used.")
@click.option("--trained-on", multiple=True, metavar="TEXT", help="A text that the model saw; may be repeated.")
@click.option("--scores", type=FILE, metavar="FILE.json", help="Measured scores, to be shown by xlm info.")
@click.option(
    "--lexicon", type=FILE, metavar="FILE.tsv", help="Put in what rare words are, as xlm train lexicon writes it."
)
@click.option("--verify", is_flag=True, help="Before writing, compare the bundle with the checkpoint.")
@click.option(
    "--verify-file",
    type=MONOLINGUAL,
    multiple=True,
    metavar="LANG=FILE",
    help="Sentences to compare on, in place of the built-in ones; may be repeated. Implies --verify.",
)
@click.option(
    "--min-agreement",
    type=FiniteRange(0, 1),
    metavar="SHARE",
    help="Write nothing and exit with 1 if fewer of the translations or labels (0-1) are equal. Implies --verify.  "
    "[default: 1 for float32, else 0]",
)
@click.option(
    "--max-difference",
    type=FiniteRange(min=0),
    metavar="X",
    help="Write nothing and exit with 1 if the states of an encoder or a classifier differ by more. Implies --verify.  "
    f"[default: {_FLOAT32_MAX_DIFFERENCE:g} for float32, else any]",
)
@click.option("--force", is_flag=True, help="Replace a bundle that is there already.")
@config_option
@offline_option
def command(
    checkpoint: Path,
    bundle: Path,
    quantization: str,
    direction: Direction | None,
    beam_size: int,
    length_penalty: float,
    codes: Path | None,
    vocab: Path | None,
    kind: str | None,
    card: Path | None,
    recipe: Path | None,
    licence: str | None,
    trained_on: tuple[str, ...],
    scores: Path | None,
    lexicon: Path | None,
    verify: bool,
    verify_file: tuple[Source, ...],
    min_agreement: float | None,
    max_difference: float | None,
    force: bool,
) -> None:
    """Read the model in CHECKPOINT and write BUNDLE, a folder that xlm translate, classify or encode opens.

    CHECKPOINT is a folder that xlm pretrain or xlm train wrote, or one of Hugging Face's with an XLMModel,
    XLMWithLMHeadModel or XLMForSequenceClassification, or a .pth file of the original XLM code with its BPE codes.
    Models of other families work as well: Marian (OPUS-MT), M2M-100, NLLB and mBART-50 translate, XLM-R classifies and
    encodes. A model that is CTranslate2's already, a folder with its tokenizer or a package of Argos Translate
    (.argosmodel), keeps its weights as they are. Languages have one code in all of them: en is eng_Latn and en_XX.
    OWNER/NAME, where no folder OWNER is, is downloaded from the hub first (see xlm models). What cannot be converted
    is listed (exit 4).

    The bundle is written beside and renamed; what is at BUNDLE already stays unless --force is given. With --verify,
    a line on stdout for each direction or language compares the bundle with the checkpoint, run by torch, before
    anything is written at BUNDLE: equal greedy translations, equal labels, and how far states differ. Too little
    agreement is an error (exit 1). A model that translates between many languages is compared from each language that
    there are sentences in into the next one.

    One bundle for translation serves all directions of the model. With --direction, BUNDLE becomes a folder for that
    direction alone, which any program that uses CTranslate2 opens: give it "</s>", the pieces of a sentence, and
    "</s>". xlm itself does not open it.

    The file of --scores holds {"scores": [{"direction": "en-fr", "test_set": "…", "metric": "BLEU", "value": 31.4,
    "signature": "…"}, …]}, with "lang" in place of "direction" for what does not translate.

    \b
    Examples:
      xlm convert runs/en-fr en-fr.bundle
      xlm convert FacebookAI/xlm-mlm-en-2048 xlm-en.bundle
      xlm convert dumped/mt_enfr/best.pth en-fr.bundle --codes data/codes
      xlm convert facebook/nllb-200-distilled-600M nllb.bundle
      xlm convert translate-en_de-1_9.argosmodel en-de.bundle
      xlm convert runs/sentiment sentiment.bundle --verify --min-agreement 0.98
      xlm convert runs/en-fr en-fr.bundle --quantization float32 --verify --verify-file en=valid.en.txt
      xlm convert runs/en-fr en-fr.ct2 --direction en-fr --quantization float16
    """
    require_extra("train", "torch")
    from xlmcli.bundle import check_free
    from xlmcli.convert.bundling import BundleOptions, write_bundle
    from xlmcli.convert.opening import open_convertible
    from xlmcli.convert.options import VerificationOptions
    from xlmcli.convert.scores import read_scores
    from xlmcli.convert.xlm.translator import Checkpoint, write_folded
    from xlmcli.lines import iter_file_lines
    from xlmcli.text.lexicon import read_entries

    if direction is not None and (licence is not None or trained_on or scores is not None):
        raise UsageError(
            "--licence, --trained-on and --scores go into a bundle's manifest, which --direction does not write",
            hint="leave them out, or leave out --direction",
        )
    if direction is not None and lexicon is not None:
        raise UsageError(
            "--lexicon is for bundles, which --direction does not write", hint="leave it out, or leave out --direction"
        )
    check_free(bundle, force=force)
    local = click.get_current_context().with_resource(local_checkpoint(checkpoint))
    options = BundleOptions(
        quantization=cast(Quantization, quantization),
        decoding=DecodingDefaults(beam_size, length_penalty),
        licence=licence or local.licence,
        trained_on=trained_on,
        scores=() if scores is None else read_scores(scores),
        card=card,
        recipe=recipe,
        lexicon=() if lexicon is None else read_entries(iter_file_lines(lexicon), str(lexicon)),
        force=force,
    )
    opened = open_convertible(local.path, codes, vocab, of_engine=kind == "ctranslate2")
    _refuse(opened.refused_options())
    wanted = None
    if verify or verify_file or min_agreement is not None or max_difference is not None:
        in_full = quantization == "float32"
        wanted = VerificationOptions(
            _read_sentences(verify_file, opened.langs),
            float(in_full) if min_agreement is None else min_agreement,
            _FLOAT32_MAX_DIFFERENCE if max_difference is None and in_full else max_difference,
        )
    say = partial(print_line, err=False)
    if direction is None:
        check = None if wanted is None else partial(opened.verify, options=wanted, say=say)
        write_bundle(opened, bundle, options, check=check)
    else:
        assert isinstance(opened, Checkpoint), "the others refuse --direction"
        verify_folded = partial(opened.verify_folded, direction=direction, quantization=options.quantization, say=say)
        check_folder = None if wanted is None else partial(verify_folded, options=wanted)
        write_folded(opened, bundle, direction, options, check=check_folder)
    print_line(f"wrote {bundle}")


def _refuse(refused: Refusals) -> None:
    """Raises a UsageError if an option was given that says nothing about the checkpoint."""
    context = click.get_current_context()
    # A recipe may say how a bundle is stored and searched whatever is converted: there it is no request.
    asked = {"quantization": _COMMAND_LINE, "beam_size": _COMMAND_LINE, "length_penalty": _COMMAND_LINE}
    for option, refusal in refused.items():
        is_given = context.params[option] not in (None, False, ())
        if is_given and context.get_parameter_source(option) in asked.get(option, _ANYWHERE):
            raise UsageError(refusal.message, hint=refusal.hint)


def _read_sentences(sources: Sequence[Source], langs: tuple[str, ...]) -> dict[str, list[str]]:
    """The sentences to compare on, by language, which is one of those that the model has, if it says which."""
    sentences: dict[str, list[str]] = {}
    for source in sources:
        (lang,) = source.langs
        if langs and lang not in langs:
            raise UsageError(f"--verify-file: the model has no language {lang!r}", hint=f"it has {', '.join(langs)}")
        if source.repeat != 1:
            raise UsageError(f"--verify-file {source}: repeat= is for training", hint="leave it out")
        sentences.setdefault(lang, []).extend(text for (text,) in iter_rows(source))
    return sentences
