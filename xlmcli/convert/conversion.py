"""From a translation checkpoint to a bundle, or to a folder for one direction that CTranslate2 opens by itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import ctranslate2
import numpy as np
from safetensors.numpy import save
from torch import Tensor

from xlmcli import __version__
from xlmcli.bundle import (
    CARD_NAME,
    LANGUAGES_NAME,
    MODEL_NAME,
    RECIPE_NAME,
    Architecture,
    Bundle,
    DecodingDefaults,
    Limits,
    Manifest,
    Provenance,
    Score,
    new_bundle,
    seal,
)
from xlmcli.bundle.manifest import Quantization
from xlmcli.convert.layout import find_position_tables
from xlmcli.convert.seq2seq import build_spec
from xlmcli.errors import DataError, ModelError
from xlmcli.records import Direction
from xlmcli.text import Tokenizer, load_tokenizer
from xlmcli.train.checkpoint import CheckpointConfig, load_seq2seq
from xlmcli.train.seq2seq import Seq2Seq

QUANTIZATIONS: tuple[Quantization, ...] = get_args(Quantization)


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """What goes into a bundle besides the model.

    Attributes:
        quantization: How the weights are stored.
        decoding: How to decode by default.
        licence: Under which the model may be used.
        trained_on: The texts it saw.
        scores: What was measured.
        card: A file that becomes MODEL_CARD.md.
        recipe: A file that becomes recipe.toml.
        force: Replace a bundle that is there already.
    """

    quantization: Quantization = "int8"
    decoding: DecodingDefaults = field(default_factory=DecodingDefaults)
    licence: str | None = None
    trained_on: tuple[str, ...] = ()
    scores: tuple[Score, ...] = ()
    card: Path | None = None
    recipe: Path | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A translation checkpoint, opened.

    Attributes:
        name: Name of its folder.
        model: The torch model, in eval mode.
        config: What config.json says.
        tokenizer: The tokenizer that it was trained with.
    """

    name: str
    model: Seq2Seq
    config: CheckpointConfig
    tokenizer: Tokenizer


def open_checkpoint(folder: Path) -> Checkpoint:
    """Opens a checkpoint for conversion.

    Raises:
        ModelError: It cannot be read, is no translation model, or its parts do not fit each other.
    """
    model, config = load_seq2seq(folder)
    tokenizer = load_tokenizer(folder)
    if tokenizer.vocab_size != config.shape.num_words:
        raise ModelError(
            f"{folder}: the tokenizer has {tokenizer.vocab_size} pieces, the model {config.shape.num_words} words",
            hint="the tokenizer must be the one that the model was trained with",
        )
    if not config.directions:
        raise ModelError(f"{folder}: config.json names no directions that the model translates")
    return Checkpoint(folder.resolve().name, model.eval(), config, tokenizer)


def write_bundle(
    checkpoint: Checkpoint, path: Path, options: BundleOptions, *, check: Callable[[Bundle], None] | None = None
) -> Bundle:
    """Writes a bundle that serves all directions of a checkpoint.

    Args:
        checkpoint: What to convert.
        path: Where the bundle shall be.
        options: What goes into it.
        check: Sees the finished bundle before it gets its name; if it raises, nothing is written.

    Raises:
        UsageError: ``path`` is taken; see ``new_bundle``.
        ModelError: The bundle cannot be written.
    """
    with new_bundle(path, force=options.force) as folder:
        manifest = seal(folder, _fill(folder, checkpoint, options))
        if check is not None:
            check(Bundle(folder, manifest))
    return Bundle(path, manifest)


def write_folded(
    checkpoint: Checkpoint,
    path: Path,
    direction: Direction,
    options: BundleOptions,
    *,
    check: Callable[[Path], None] | None = None,
) -> None:
    """Writes a folder for one direction, without a manifest, that ``ctranslate2.Translator(path)`` opens.

    ``check`` sees the finished folder, as in ``write_bundle``.

    Raises:
        UsageError: ``path`` is taken; see ``new_bundle``.
        ModelError: The model does not translate in that direction, or the folder cannot be written.
    """
    with new_bundle(path, force=options.force) as folder:
        manifest = _fill(folder, checkpoint, options)
        listed = replace(manifest, files={entry.name: "" for entry in folder.iterdir()})
        folded = Bundle(folder, listed).folded_files(direction)
        (folder / MODEL_NAME).write_bytes(folded[MODEL_NAME])
        (folder / LANGUAGES_NAME).unlink(missing_ok=True)
        if check is not None:
            check(folder)


def _fill(folder: Path, checkpoint: Checkpoint, options: BundleOptions) -> Manifest:
    """Writes every file but the manifest, and returns the manifest without hashes."""
    config, state = checkpoint.config, checkpoint.model.state_dict()
    spec = build_spec(state, config.shape, config.decoder_shape, checkpoint.tokenizer.vocab, options.quantization)
    spec.save(str(folder))
    checkpoint.tokenizer.save(folder)
    tells_languages = config.shape.num_langs > 1
    if tells_languages:
        vectors = {side: _language_vectors(state, side) for side in ("encoder", "decoder")}
        (folder / LANGUAGES_NAME).write_bytes(save(vectors))
    for given, name in ((options.card, CARD_NAME), (options.recipe, RECIPE_NAME)):
        if given is not None:
            _copy(given, folder / name)
    return Manifest(
        languages=config.lang2id,
        directions=config.directions,
        limits=_limits(config),
        position_tables=find_position_tables(folder / MODEL_NAME),
        architecture=_architecture(checkpoint),
        quantization=options.quantization,
        provenance=Provenance(
            source=checkpoint.name,
            converter=f"xlmcli {__version__}, ctranslate2 {ctranslate2.__version__}",
            licence=options.licence,
            trained_on=options.trained_on,
            scores=options.scores,
        ),
        language_input="embedding" if tells_languages else "none",
        decoding=options.decoding,
    )


def _limits(config: CheckpointConfig) -> Limits:
    room = config.shape.max_positions - 2
    return Limits(
        max_source_tokens=room if config.max_len is None else min(config.max_len, room),
        max_source_positions=config.shape.max_positions,
        max_target_positions=config.decoder_shape.max_positions,
    )


def _language_vectors(state: dict[str, Tensor], side: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """The language embeddings of a side, (num_langs, dim) float32."""
    return np.asarray(state[f"{side}.lang_embeddings.weight"].detach().float().cpu().numpy(), dtype=np.float32)


def _architecture(checkpoint: Checkpoint) -> Architecture:
    encoder, decoder = checkpoint.config.shape, checkpoint.config.decoder_shape
    return Architecture(
        dim=encoder.dim,
        num_heads=encoder.num_heads,
        encoder_layers=encoder.num_layers,
        decoder_layers=decoder.num_layers,
        vocab_size=encoder.num_words,
        num_parameters=sum(parameter.numel() for parameter in checkpoint.model.parameters()),
    )


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise DataError(f"{source}: cannot be copied ({error.strerror or error})") from None
