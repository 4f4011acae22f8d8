"""Opening a model that is to compute."""

from __future__ import annotations

from pathlib import Path

from xlmcli.bundle import Bundle, open_bundle
from xlmcli.infer.engine import library


def open_model(path: Path) -> Bundle:
    """Opens a bundle, and imports what its engine needs while its files are hashed; raises as `open_bundle` does."""
    return open_bundle(path, meanwhile=_import_libraries)


def _import_libraries() -> None:
    import numpy  # noqa: F401

    library()
