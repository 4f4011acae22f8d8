"""Writing bundles: beside, then renamed, so that a reader only ever sees a complete one."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from xlmcli.bundle.manifest import Manifest
from xlmcli.bundle.names import BUNDLE_NAMES, MANIFEST_NAME, MODEL_NAME
from xlmcli.bundle.reading import hash_file
from xlmcli.bundle.serialization import format_manifest
from xlmcli.errors import ModelError, UsageError


@contextmanager
def new_bundle(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Gives a folder to fill, which becomes ``path`` when the block ends well.

    If the block fails or is interrupted, nothing is left of the new folder and whatever was at ``path`` stays.

    Args:
        path: Where the bundle shall be.
        force: Replace a bundle that is there already, once the new one is complete.

    Raises:
        UsageError: ``path`` exists, and ``force`` is not given or what is there is no model or holds other files too.
        ModelError: The folder cannot be written.
    """
    check_free(path, force=force)
    beside = path.parent / f".{path.name}.{secrets.token_hex(4)}.partial"
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.mkdir()
        except OSError as error:
            raise _unwritable(path, error) from None
        yield beside
        check_free(path, force=force)
        _replace(beside, path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_free(path: Path, *, force: bool) -> None:
    """Raises a UsageError if a bundle must not be written at ``path``."""
    if not path.exists() and not path.is_symlink():
        return
    if path.is_dir() and not any(path.iterdir()):
        return
    if not force:
        raise UsageError(f"{path} exists already", hint="--force replaces it once the new one is complete")
    if not any((path / name).is_file() for name in (MANIFEST_NAME, MODEL_NAME)):
        raise UsageError(f"{path} exists and is not a bundle: not replaced, not even with --force")
    strange = sorted(entry.name for entry in path.iterdir() if entry.name not in BUNDLE_NAMES or not entry.is_file())
    if strange:
        raise UsageError(
            f"{path} holds {strange[0]}, which is no part of a bundle: not replaced, not even with --force",
            hint="move it elsewhere",
        )


def seal(folder: Path, manifest: Manifest) -> Manifest:
    """Writes the manifest with the sha256 of every file that lies in the folder.

    Returns:
        The manifest as written.
    """
    names = sorted(entry.name for entry in folder.iterdir() if entry.name != MANIFEST_NAME)
    sealed = replace(manifest, files={name: hash_file(folder / name) for name in names})
    (folder / MANIFEST_NAME).write_text(format_manifest(sealed), encoding="utf-8", newline="\n")
    return sealed


def _replace(beside: Path, path: Path) -> None:
    """Renames ``beside`` to ``path``. A folder cannot be exchanged in one step, so the old one steps aside first."""
    aside = path.parent / f".{path.name}.{secrets.token_hex(4)}.old"
    try:
        occupied = path.is_symlink() or (path.is_dir() and any(path.iterdir()))
        try:
            if occupied:
                path.rename(aside)
            beside.rename(path)
        except BaseException:
            if occupied and not path.exists():
                aside.rename(path)
            raise
    except OSError as error:
        raise _unwritable(path, error) from None
    if aside.is_symlink():
        aside.unlink()
    shutil.rmtree(aside, ignore_errors=True)


def _unwritable(path: Path, error: OSError) -> ModelError:
    return ModelError(f"{path}: cannot be written ({error.strerror or error})")
