"""Writing a bundle of any task from an opened checkpoint."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import ctranslate2

from xlmcli import __version__
from xlmcli.bundle import (
    CARD_NAME,
    RECIPE_NAME,
    Bundle,
    DecodingDefaults,
    Manifest,
    MeasuredScore,
    Provenance,
    new_bundle,
    seal,
)
from xlmcli.bundle.consistency import check_model
from xlmcli.bundle.manifest import Quantization, TokenizerKind
from xlmcli.bundle.names import LEXICON_NAME, MODEL_NAME
from xlmcli.bundle.numbers import check_all_numbers
from xlmcli.convert.alignment import find_alignment_head
from xlmcli.convert.options import Refusals, Say, VerificationOptions
from xlmcli.errors import DataError, ModelError, UsageError
from xlmcli.facts import format_name
from xlmcli.text import Tokenizer
from xlmcli.text.lexicon import Entry, format_lexicon
from xlmcli.text.sentencepiece import SentencePieceTokenizer


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """What goes into a bundle besides the model.

    Attributes:
        quantization: How the weights are stored.
        decoding: How to translate by default; without effect for other tasks.
        licence: Under which the model may be used.
        trained_on: The texts it saw.
        scores: What was measured.
        card: A file that becomes MODEL_CARD.md.
        recipe: A file that becomes recipe.toml.
        lexicon: What rare words are; for translation.
        force: Replace a bundle that is there already.
    """

    quantization: Quantization = "int8"
    decoding: DecodingDefaults = field(default_factory=DecodingDefaults)
    licence: str | None = None
    trained_on: tuple[str, ...] = ()
    scores: tuple[MeasuredScore, ...] = ()
    card: Path | None = None
    recipe: Path | None = None
    lexicon: Sequence[Entry] = ()
    force: bool = False


class Convertible(Protocol):
    """An opened checkpoint."""

    @property
    def langs(self) -> tuple[str, ...]:
        """The languages that there may be sentences in to compare on; none where it does not say."""

    def refused_options(self) -> Refusals:
        """Options of the conversion that say nothing about it."""

    def verify(self, bundle: Bundle, options: VerificationOptions, say: Say) -> None:
        """Compares a bundle with it; see ``xlmcli.convert.verify``.

        Raises:
            DataError: There are no sentences to compare on.
            GateError: They are not close enough.
        """

    def fill(self, folder: Path, options: BundleOptions) -> Manifest:
        """Writes every file but the manifest, and returns the manifest without hashes."""


def write_bundle(
    checkpoint: Convertible, path: Path, options: BundleOptions, *, check: Callable[[Bundle], None] | None = None
) -> Bundle:
    """Writes a bundle that serves all that a checkpoint can do.

    Args:
        checkpoint: What to convert.
        path: Where the bundle shall be.
        options: What goes into it.
        check: Sees the finished bundle before it gets its name; if it raises, nothing is written.

    Raises:
        UsageError: ``path`` is taken; see ``new_bundle``.
        ModelError: The bundle cannot be written, or could not be used.
    """
    with new_bundle(path, force=options.force) as folder:
        manifest = fill_bundle(checkpoint, folder, options)
        if check is not None:
            check(Bundle(folder, manifest))
    return Bundle(path, manifest)


def fill_bundle(checkpoint: Convertible, folder: Path, options: BundleOptions) -> Manifest:
    """Makes a bundle of a folder that is there, and empty.

    Returns:
        The manifest as written.

    Raises:
        ModelError: The bundle could not be used.
    """
    manifest = checkpoint.fill(folder, options)
    check_written(folder, manifest)
    manifest = with_alignment_head(folder, manifest)
    if options.lexicon:
        put_lexicon(options.lexicon, folder, manifest)
    return seal(folder, manifest)


def check_written(folder: Path, manifest: Manifest) -> None:
    """Looks at all that was written, as whoever opens it will, and at every number.

    Raises:
        ModelError: It does not fit together, or has numbers that no model has; an odd checkpoint makes such.
    """
    try:
        check_model(folder, manifest)
        check_all_numbers(folder / MODEL_NAME)
    except ModelError as error:
        message = error.message.replace(f"{folder}{os.sep}", "")
        raise ModelError(f"what the checkpoint gives cannot be used: {message}", hint=error.hint) from None


def with_alignment_head(folder: Path, manifest: Manifest) -> Manifest:
    """Adds to the manifest of a translator that lies in a folder which head aligns words."""
    if manifest.translation is None:
        return manifest
    listed = replace(manifest, files={entry.name: "" for entry in folder.iterdir()})
    head = find_alignment_head(Bundle(folder, listed))
    return replace(manifest, translation=replace(manifest.translation, alignment_head=head))


def put_lexicon(entries: Sequence[Entry], folder: Path, manifest: Manifest) -> None:
    """Puts a lexicon into the folder of a bundle.

    Raises:
        UsageError: The model does not translate, or not in a direction of the lexicon.
        ModelError: No head of it aligns words.
    """
    part = manifest.translation
    if part is None:
        raise UsageError("--lexicon is for models that translate", hint="leave it out")
    if part.alignment_head is None:
        raise ModelError("no head of the model aligns words, which --lexicon needs", hint="leave it out")
    for direction in dict.fromkeys(direction for direction, _, _ in entries):
        if not part.translates(direction):
            raise UsageError(
                f"--lexicon: the model does not translate {direction}",
                hint=f"it translates {part.describe_directions()}",
            )
    (folder / LEXICON_NAME).write_bytes(format_lexicon(entries))


def make_provenance(source: str, options: BundleOptions, licence: str | None = None) -> Provenance:
    """Says where a bundle came from: from the checkpoint of that name, which has that licence unless options tell."""
    return Provenance(
        source=format_name(source),
        converter=f"xlmcli {__version__}, ctranslate2 {ctranslate2.__version__}",
        licence=options.licence or licence,
        trained_on=options.trained_on,
        scores=options.scores,
    )


def copy_documents(folder: Path, options: BundleOptions) -> None:
    """Puts the model card and the recipe, where given, into a bundle.

    Raises:
        DataError: One cannot be copied.
    """
    for source, name in ((options.card, CARD_NAME), (options.recipe, RECIPE_NAME)):
        if source is None:
            continue
        try:
            shutil.copyfile(source, folder / name)
        except OSError as error:
            raise DataError(f"{source}: cannot be copied ({error.strerror or error})") from None


def tokenizer_kind(tokenizer: Tokenizer) -> TokenizerKind:
    return "sentencepiece" if isinstance(tokenizer, SentencePieceTokenizer) else "xlm_bpe"
