"""The models that are here: embedded and pulled ones, by short name."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from xlmcli.bundle import (
    Bundle,
    Manifest,
    embedded_models,
    open_bundle,
    pulled_models,
    read_manifest,
    recover_all,
    suggest,
)
from xlmcli.environment import downloads_folder, pulled_folder
from xlmcli.errors import ModelError, UsageError
from xlmcli.locking import LOCK_SUFFIX, lock_beside, locked
from xlmcli.store.origin import Origin, read_origin

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model that ``-m NAME`` finds.

    Attributes:
        name: Its short name.
        path: Its folder.
        is_embedded: Whether it is a part of the program.
        num_bytes: Size of the folder.
        manifest: What the bundle says about itself; None if that cannot be read.
        origin: Where it was pulled from; None of an embedded model, or if that cannot be read.
        problem: Why it cannot be used, or None. Hashes are not looked at.
    """

    name: str
    path: Path
    is_embedded: bool
    num_bytes: int
    manifest: Manifest | None
    origin: Origin | None
    problem: str | None

    @property
    def licence(self) -> str | None:
        """Under which it may be used: what the bundle says, else what the hub says."""
        told = self.manifest.provenance.licence if self.manifest is not None else None
        return told or (self.origin.licence if self.origin is not None else None)


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a model's files are all there and unaltered.

    Attributes:
        name: The model.
        path: Its folder.
        problem: What is wrong, or None.
    """

    name: str
    path: Path
    problem: str | None


class _Place(NamedTuple):
    """Where a model is."""

    name: str
    path: Path
    is_pulled: bool


def list_models() -> list[StoredModel]:
    """Returns the embedded models, then the pulled ones, each group by name."""
    return [_read_model(place) for place in _list_places()]


def get_model(name: str) -> StoredModel:
    """Returns the model of that short name that ``-m`` finds.

    Raises:
        ModelError: There is none; the hint lists what there is.
    """
    return _read_model(_find(name)[0])


def open_model(model: StoredModel) -> Bundle:
    """Opens a model and checks its files.

    Raises:
        ModelError: It is damaged.
    """
    return open_bundle(model.path)


def verify_models(names: Iterable[str]) -> list[Verification]:
    """Checks every file of the models named, of all models if none is.

    Raises:
        ModelError: There is no model of that name.
    """
    places = [place for name in names for place in _find(name)] or _list_places()
    return [Verification(place.name, place.path, _find_problem(place.path)) for place in places]


def remove_models(names: Iterable[str]) -> int:
    """Removes pulled models, each named once.

    Returns:
        How many bytes that gave back.

    Raises:
        ModelError: One is not there; then none is removed.
        UsageError: One is embedded; likewise.
    """
    paths: list[Path] = []
    for name in names:
        pulled = [place.path for place in _find(name) if place.is_pulled]
        if not pulled:
            raise UsageError(f"{name} is part of the program and cannot be removed")
        paths += pulled
    num_bytes = sum(map(folder_size, paths))
    for path in paths:
        # In one step, so that no half of a model can be found.
        aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.old")
        path.rename(aside)
        shutil.rmtree(aside)
    return num_bytes


def remove_downloads() -> int:
    """Removes what interrupted pulls left.

    Returns:
        How many bytes that gave back.

    Raises:
        DataError: A pull is under way; then nothing is removed.
    """
    downloads = _entries(downloads_folder())
    # In the folder of models, what is half written has a name that begins with a point.
    left = downloads + [path for path in _entries(pulled_folder()) if path.name[0] == "."]
    locks = {path for path in left if path.suffix == LOCK_SUFFIX}
    locks.update(lock_beside(path) for path in downloads if path.is_dir())
    num_bytes = 0
    with ExitStack() as stack:
        for path in sorted(locks):
            stack.enter_context(locked(path, "pulling a model, or removing what pulls left"))
        recover_all(pulled_folder())
        for path in (path for path in left if path not in locks and path.exists()):
            num_bytes += folder_size(path)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    return num_bytes


def check_name(name: str) -> None:
    """Raises a UsageError if a pulled model cannot have that short name."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"not a name for a model: {name!r}", hint="letters, digits, '.', '_' and '-' make one")
    if name in embedded_models():
        raise UsageError(f"an embedded model is named {name!r} already", hint="--name gives it another name")


def folder_size(folder: Path) -> int:
    """Returns how many bytes the files below a folder have; 0 if it does not exist."""
    return sum(map(_file_size, folder.rglob("*"))) if folder.is_dir() else 0


def _list_places() -> list[_Place]:
    return [
        *(_Place(name, path, is_pulled=False) for name, path in embedded_models().items()),
        *(_Place(name, path, is_pulled=True) for name, path in pulled_models().items()),
    ]


def _find(name: str) -> list[_Place]:
    """Returns the places of that name: an embedded model may have that of a pulled one, and stands first."""
    places = _list_places()
    if found := [place for place in places if place.name == name]:
        return found
    known = list(dict.fromkeys(place.name for place in places))
    raise ModelError(
        f"no model named {name!r} is here",
        hint=f"{suggest(name, known)}here are {', '.join(known) or 'none'}; xlm models pull gets more",
    )


def _read_model(place: _Place) -> StoredModel:
    manifest = origin = problem = None
    try:
        manifest = read_manifest(place.path)
        origin = read_origin(place.path) if place.is_pulled else None
    except ModelError as error:
        problem = error.message
    return StoredModel(
        name=place.name,
        path=place.path,
        is_embedded=not place.is_pulled,
        num_bytes=folder_size(place.path),
        manifest=manifest,
        origin=origin,
        problem=problem,
    )


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _file_size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0  # A pull that goes on meanwhile has moved it.


def _find_problem(path: Path) -> str | None:
    try:
        open_bundle(path, is_thorough=True)
    except ModelError as error:
        return error.message
    return None
