"""``xlm convert``: a checkpoint becomes a bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast, get_args

import click
from click.core import ParameterSource

from xlmcli.bundle.manifest import DecodingDefaults, Quantization
from xlmcli.cli.hub import local_checkpoint
from xlmcli.cli.offline import offline_option
from xlmcli.cli.options import DIRECTION, FILE, MONOLINGUAL, FiniteRange, config_option, require_extra
from xlmcli.errors import UsageError
from xlmcli.records import Direction
from xlmcli.sources import Source, iter_rows

if TYPE_CHECKING:
    from xlmcli.bundle import Bundle
    from xlmcli.convert.bundling import BundleOptions
    from xlmcli.convert.engine.folder import EngineModel
    from xlmcli.convert.family.model import FamilyModel
    from xlmcli.convert.xlm.encoder import EncoderCheckpoint
    from xlmcli.convert.xlm.translator import Checkpoint

_DEFAULTS = DecodingDefaults()
_FLOAT32_MAX_DIFFERENCE = 1e-3

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Verification:
    """How the new model is compared with the checkpoint before it is written.

    Attributes:
        sentences: What to compare on, by language; built-in ones where there are none.
        min_share: Share of translations or labels that must be equal, 0-1.
        max_difference: How far the states of an encoder may be apart; None is any distance.
    """

    sentences: dict[str, list[str]]
    min_share: float
    max_difference: float | None


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
    help="The beam by which a bundle for translation translates by default.",
)
@click.option(
    "--length-penalty",
    type=FiniteRange(min=0),
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
@click.option("--licence", metavar="TEXT", help="Under which the model may be used.")
@click.option("--trained-on", multiple=True, metavar="TEXT", help="A text that the model saw; may be repeated.")
@click.option("--scores", type=FILE, metavar="FILE.json", help="Measured scores, to be shown by xlm info.")
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
    from xlmcli.convert.engine.folder import EngineModel
    from xlmcli.convert.opening import open_model
    from xlmcli.convert.scores import read_scores
    from xlmcli.convert.xlm.encoder import EncoderCheckpoint
    from xlmcli.convert.xlm.translator import Checkpoint

    if direction is not None and (licence is not None or trained_on or scores is not None):
        raise UsageError(
            "--licence, --trained-on and --scores go into a bundle's manifest, which --direction does not write",
            hint="leave them out, or leave out --direction",
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
        force=force,
    )
    texts = _read_sentences(verify_file)
    verification = None
    if verify or texts or min_agreement is not None or max_difference is not None:
        in_full = quantization == "float32"
        verification = Verification(
            texts,
            float(in_full) if min_agreement is None else min_agreement,
            _FLOAT32_MAX_DIFFERENCE if max_difference is None and in_full else max_difference,
        )
    opened = open_model(local.path, codes, vocab, of_engine=kind == "ctranslate2")
    if isinstance(opened, EngineModel):
        _refuse_options_of_torch(direction, verification, opened)
        write_bundle(opened, bundle, options)
    elif isinstance(opened, Checkpoint):
        _refuse_encoder_options(max_difference)
        _write_translation(opened, bundle, direction, options, verification)
    elif isinstance(opened, EncoderCheckpoint):
        _refuse_translation_options(direction, min_agreement, opened.name, opened.config.classifier is not None)
        _check_languages(verification, opened.config.langs)
        _write_encoder(opened, bundle, options, verification)
    elif opened.languages is None:
        _refuse_translation_options(direction, min_agreement, opened.name, opened.settings.classifier is not None)
        _write_encoder(opened, bundle, options, verification)
    else:
        _refuse_encoder_options(max_difference)
        if direction is not None:
            raise _no_folding(opened.name)
        _check_languages(verification, opened.languages.codes)
        _write_family(opened, bundle, options, verification)
    click.echo(f"wrote {bundle}", err=True)


def _read_sentences(sources: Sequence[Source]) -> dict[str, list[str]]:
    """The sentences to compare on, by language."""
    sentences: dict[str, list[str]] = {}
    for source in sources:
        if source.repeat != 1:
            raise UsageError(f"--verify-file {source}: repeat= is for training", hint="leave it out")
        sentences.setdefault(source.langs[0], []).extend(text for (text,) in iter_rows(source))
    return sentences


def _refuse_options_of_torch(
    direction: Direction | None, verification: Verification | None, opened: EngineModel
) -> None:
    """Raises a UsageError if an option was given that says nothing about a model that stays as it is."""
    if direction is not None:
        raise _no_folding(opened.name)
    if verification is not None:
        raise UsageError(
            f"--verify has nothing to compare with: {opened.name} is CTranslate2's already, and its weights stay",
            hint="leave out --verify, --verify-file, --min-agreement and --max-difference",
        )
    if click.get_current_context().get_parameter_source("quantization") is ParameterSource.COMMANDLINE:
        raise UsageError(
            f"--quantization is for weights in full, and those of {opened.name} stay as they are", hint="leave it out"
        )


def _no_folding(name: str) -> UsageError:
    return UsageError(
        f"--direction is for XLM, and {name} is none",
        hint="model.bin of the bundle needs no folding: CTranslate2 opens the bundle as it is",
    )


def _refuse_translation_options(
    direction: Direction | None, min_agreement: float | None, name: str, has_labels: bool
) -> None:
    """Raises a UsageError if an option was given that says nothing about an encoder or a classifier."""
    context = click.get_current_context()
    given = ["--direction"] if direction is not None else []
    given += [
        f"--{option.replace('_', '-')}"
        for option in ("beam_size", "length_penalty")
        if context.get_parameter_source(option) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise UsageError(f"{given[0]} is for models that translate, and {name} does not", hint="leave it out")
    if min_agreement is not None and not has_labels:
        raise UsageError(
            "--min-agreement compares labels, and an encoder has none", hint="--max-difference compares states"
        )


def _refuse_encoder_options(max_difference: float | None) -> None:
    if max_difference is not None:
        raise UsageError("--max-difference is for encoders and classifiers", hint="--min-agreement for translations")


def _write_translation(
    opened: Checkpoint,
    path: Path,
    direction: Direction | None,
    options: BundleOptions,
    verification: Verification | None,
) -> None:
    from xlmcli.convert.bundling import write_bundle
    from xlmcli.convert.verify.translations import (
        Agreement,
        check_agreements,
        format_agreement,
        verify_bundle,
        verify_folded,
    )
    from xlmcli.convert.xlm.translator import write_folded

    _check_languages(verification, opened.config.langs)

    def check(agreements: Iterator[Agreement], wanted: Verification) -> None:
        check_agreements(_report(agreements, format_agreement), wanted.min_share)

    def check_bundle(new: Bundle) -> None:
        if verification is not None:
            check(verify_bundle(opened, new, verification.sentences), verification)

    def check_folder(new: Path, direction: Direction) -> None:
        if verification is not None:
            agreements = verify_folded(opened, new, direction, options.quantization, verification.sentences)
            check(agreements, verification)

    if direction is None:
        write_bundle(opened, path, options, check=check_bundle)
    else:
        write_folded(opened, path, direction, options, check=lambda new: check_folder(new, direction))


def _write_family(opened: FamilyModel, path: Path, options: BundleOptions, verification: Verification | None) -> None:
    from xlmcli.convert.bundling import write_bundle
    from xlmcli.convert.verify.family_translations import verify_family
    from xlmcli.convert.verify.translations import check_agreements, format_agreement

    def check(new: Bundle) -> None:
        if verification is not None:
            agreements = _report(verify_family(opened, new, verification.sentences), format_agreement)
            check_agreements(agreements, verification.min_share)

    write_bundle(opened, path, options, check=check)


def _write_encoder(
    opened: EncoderCheckpoint | FamilyModel, path: Path, options: BundleOptions, verification: Verification | None
) -> None:
    from xlmcli.convert.bundling import write_bundle
    from xlmcli.convert.verify.states import check_closeness, format_closeness, verify_encoder

    def check(new: Bundle) -> None:
        if verification is not None:
            results = _report(verify_encoder(opened, new, verification.sentences), format_closeness)
            check_closeness(results, verification.min_share, verification.max_difference)

    write_bundle(opened, path, options, check=check)


def _check_languages(verification: Verification | None, langs: tuple[str, ...]) -> None:
    """Raises a UsageError if there are sentences in a language that the model, if it says which it has, has not got."""
    unknown = [lang for lang in (verification.sentences if verification else {}) if langs and lang not in langs]
    if unknown:
        raise UsageError(f"--verify-file: the model has no language {unknown[0]!r}", hint=f"it has {', '.join(langs)}")


def _report(results: Iterator[_Result], format_result: Callable[[_Result], str]) -> list[_Result]:
    """Writes a line for each comparison as soon as it is done."""
    done = []
    for result in results:
        click.echo(format_result(result))
        done.append(result)
    return done
