"""Conversion of what was downloaded: all in the store that needs the train extra, and only when it is used."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from xlmcli.bundle.fields import Fields
from xlmcli.bundle.manifest import Quantization
from xlmcli.errors import MissingExtraError, ModelError
from xlmcli.store.selection import CARD_FILE


def check_kind(config: bytes, repository: str) -> None:
    """Raises a ModelError if config.json is that of a checkpoint of a kind that cannot be converted."""
    from xlmcli.convert.family.architectures import check_architecture

    check_architecture(Fields.parse(config, f"{repository}: config.json"), repository)


def check_converter(repository: str) -> None:
    """Raises a MissingExtraError if checkpoints cannot be converted here; better before a download than after."""
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError(
            f"{repository} is a checkpoint, and converting one needs torch, which is not installed",
            hint="pip install 'xlmcli[train]'; repositories that hold a bundle (xlm.json) need nothing more",
        )


def check_settings(folder: Path, repository: str) -> None:
    """Checks a checkpoint of transformers as far as that is possible before its weights are downloaded.

    Raises:
        ModelError: A file is missing or damaged, or says something that cannot be converted.
    """
    from xlmcli.convert.opening import check_settings

    try:
        check_settings(folder)
    except ModelError as error:
        message = error.message.replace(str(folder), repository)
        raise ModelError(f"{message} (its weights were not downloaded)", hint=error.hint) from error


def convert_checkpoint(checkpoint: Path, target: Path, quantization: Quantization, licence: str | None) -> None:
    """Converts a downloaded checkpoint, a folder or a file, into a bundle in the empty folder ``target``.

    Raises:
        ModelError: It is of no kind that can be converted, or damaged.
    """
    from xlmcli.convert.bundling import BundleOptions, fill_bundle
    from xlmcli.convert.opening import open_convertible

    card = (checkpoint if checkpoint.is_dir() else checkpoint.parent) / CARD_FILE
    options = BundleOptions(quantization=quantization, licence=licence, card=card if card.is_file() else None)
    fill_bundle(open_convertible(checkpoint), target, options)
