"""Writing bundles: beside, then renamed, so that a reader only ever sees a complete one."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from xlmcli.bundle.manifest import Manifest
from xlmcli.bundle.names import BUNDLE_NAMES, MANIFEST_NAME
from xlmcli.bundle.reading import hash_file, is_folded, read_manifest
from xlmcli.bundle.serialization import format_manifest, parse_manifest
from xlmcli.errors import ModelError, UsageError
from xlmcli.outputs import MAX_NAME_CHARS, partial_folder, writing_errors
from xlmcli.signals import undone

_ASIDE_SUFFIX = ".xlm-old"


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
    if not path.name:  # "." has none to put things beside.
        path = path.absolute()
    _recover(path)
    check_free(path, force=force)
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = stack.enter_context(partial_folder(path))
        except OSError as error:
            raise _unwritable(path, error) from None
        with writing_errors(path):
            yield beside
        check_free(path, force=force)
        _replace(beside, path)


def check_free(path: Path, *, force: bool) -> None:
    """Raises a UsageError if a bundle must not be written at ``path``."""
    if not path.exists() and not path.is_symlink():
        return
    if path.is_dir() and not any(path.iterdir()):
        return
    if not force:
        raise UsageError(f"{path} exists already", hint="--force replaces it once the new one is complete")
    if not (path / MANIFEST_NAME).is_file() and not is_folded(path):
        raise UsageError(f"{path} exists and is not a bundle: not replaced, not even with --force")
    parts = BUNDLE_NAMES | _listed_names(path)
    strange = sorted(entry.name for entry in path.iterdir() if entry.name not in parts or not entry.is_file())
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
    text = format_manifest(sealed)
    parse_manifest(text, MANIFEST_NAME)  # What could not be opened is not written.
    (folder / MANIFEST_NAME).write_text(text, encoding="utf-8", newline="\n")
    return sealed


def _listed_names(path: Path) -> frozenset[str]:
    """Returns the names in a folder's manifest, which may be any; none where it cannot be read."""
    try:
        return frozenset(read_manifest(path).files)
    except ModelError:
        return frozenset()


def _replace(beside: Path, path: Path) -> None:
    """Renames ``beside`` to ``path``. A folder cannot be exchanged in one step, so the old one steps aside first."""
    try:
        if path.is_symlink() or path.is_dir():
            with undone(partial(_recover, path)):
                path.rename(_aside(path))
                beside.rename(path)
        else:
            beside.rename(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    _recover(path)


def _recover(path: Path) -> None:
    """Puts the old bundle back where no new one has taken its place, after a killed run too; else removes it."""
    aside = _aside(path)
    if aside.is_symlink() or aside.exists():
        if not path.is_symlink() and not path.exists():
            aside.rename(path)
        elif aside.is_symlink():
            aside.unlink()
        else:
            shutil.rmtree(aside, ignore_errors=True)


def recover_all(folder: Path) -> None:
    """Puts the bundles of a folder back that runs left aside which were killed before a new one took their place."""
    for aside in sorted(folder.glob(f".*{_ASIDE_SUFFIX}")):
        path = folder / aside.name[1:].removesuffix(_ASIDE_SUFFIX)
        if aside.is_dir() and not path.is_symlink() and not path.exists():
            aside.rename(path)


def _aside(path: Path) -> Path:
    name = path.name
    if len(name) > MAX_NAME_CHARS:  # Others may begin so, too.
        name = f"{name[:MAX_NAME_CHARS]}.{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"
    return path.with_name(f".{name}{_ASIDE_SUFFIX}")


def _unwritable(path: Path, error: OSError) -> ModelError:
    return ModelError(f"{path}: cannot be written ({error.strerror or error})")
