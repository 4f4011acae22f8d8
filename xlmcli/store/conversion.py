"""Conversion of what was downloaded: all in the store that needs the train extra, and only when it is used."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from xlmcli.bundle.manifest import Quantization
from xlmcli.errors import MissingExtraError
from xlmcli.store.selection import CARD_FILE


def check_converter(repository: str) -> None:
    """Raises a MissingExtraError if checkpoints cannot be converted here; better before a download than after."""
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError(
            f"{repository} is a checkpoint, and converting one needs torch, which is not installed",
            hint="pip install 'xlmcli[train]'; repositories that hold a bundle (xlm.json) need nothing more",
        )


def convert_checkpoint(folder: Path, target: Path, quantization: Quantization, licence: str | None) -> None:
    """Converts a downloaded checkpoint into a bundle at ``target``.

    Raises:
        ModelError: It is of no kind that can be converted, or damaged.
    """
    from xlmcli.convert.bundling import BundleOptions, write_bundle
    from xlmcli.convert.opening import open_model

    card = folder / CARD_FILE
    options = BundleOptions(quantization=quantization, licence=licence, card=card if card.is_file() else None)
    write_bundle(open_model(folder), target, options)
