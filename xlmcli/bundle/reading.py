"""Finding, opening and checking bundles."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from xlmcli.bundle.folding import fold_languages
from xlmcli.bundle.manifest import Manifest, parse_manifest
from xlmcli.bundle.names import (
    CHECKPOINT_WEIGHTS_NAME,
    CONFIG_NAME,
    ENGINE_NAMES,
    LANGUAGES_NAME,
    MANIFEST_NAME,
    MODEL_NAME,
)
from xlmcli.errors import ModelError
from xlmcli.records import Direction

DEFAULT_MODEL = "en-fr"

_PRETRAINED = Path(__file__).parents[1] / "pretrained"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle: its files were all there and unaltered.

    Attributes:
        path: The folder.
        manifest: What it says about itself.
    """

    path: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """What messages call it: the name of its folder, also where that was given as ``.``."""
        return self.path.resolve().name

    def read_files(self) -> dict[str, bytes]:
        """Reads the engine's files as they lie in the folder, without any language in the position tables."""
        names = [name for name in self.manifest.files if name in ENGINE_NAMES]
        return {name: _read(self.path / name) for name in names}

    def folded_files(self, direction: Direction) -> dict[str, bytes]:
        """Reads the engine's files for one direction.

        Returns:
            Name and content of each file, as ``ctranslate2.Translator(name, files=…)`` takes them.

        Raises:
            ModelError: The model does not translate in that direction.
        """
        self.check_direction(direction)
        files = self.read_files()
        if self.manifest.language_input == "embedding":
            rows = self.manifest.languages
            files[MODEL_NAME] = fold_languages(
                files[MODEL_NAME],
                self.manifest.position_tables,
                _read(self.path / LANGUAGES_NAME),
                rows[direction.src],
                rows[direction.tgt],
            )
        return files

    def check_direction(self, direction: Direction) -> None:
        """Raises a ModelError that lists what is possible if the model does not translate in that direction."""
        possible = self.manifest.directions
        if direction not in possible:
            raise ModelError(
                f"{self.name} does not translate from {direction.src!r} to {direction.tgt!r}",
                hint=f"it translates {', '.join(map(str, possible))}",
            )


def is_bundle(path: Path) -> bool:
    """Tells whether a folder holds a manifest; whether it can be read is left to :func:`open_bundle`."""
    return (path / MANIFEST_NAME).is_file()


def is_checkpoint(path: Path) -> bool:
    """Tells whether a folder holds the two files of a checkpoint."""
    return (path / CONFIG_NAME).is_file() and (path / CHECKPOINT_WEIGHTS_NAME).is_file()


def open_bundle(path: Path) -> Bundle:
    """Opens a bundle after checking that every file is there and is the one that the manifest names.

    Raises:
        ModelError: ``path`` is not a bundle, its format is newer, or a file is missing or altered.
    """
    manifest = parse_manifest(_read_manifest(path), str(path / MANIFEST_NAME))
    missing = [name for name in manifest.files if not (path / name).is_file()]
    if missing:
        raise ModelError(
            f"{path}: the bundle is incomplete, {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
            hint="copy the whole folder again, or convert the checkpoint again",
        )
    altered = [name for name, digest in manifest.files.items() if hash_file(path / name) != digest]
    if altered:
        raise ModelError(
            f"{path}: {', '.join(altered)} {'was' if len(altered) == 1 else 'were'} altered or cut short"
            f" (sha256 differs from {MANIFEST_NAME})",
            hint="copy the whole folder again, or convert the checkpoint again",
        )
    _check_engine_files(path, manifest)
    return Bundle(path, manifest)


def find_model(name_or_path: str | None = None) -> Path:
    """Finds the folder of a model.

    Args:
        name_or_path: Path of a bundle, short name of an embedded model, or None for the embedded default.

    Returns:
        The folder. A path that is a bundle wins over an embedded model of the same name.

    Raises:
        ModelError: There is no such model; the hint lists the embedded ones.
    """
    name = DEFAULT_MODEL if name_or_path is None else name_or_path
    embedded = embedded_models()
    if name_or_path is not None and is_bundle(Path(name)):
        return Path(name)
    if name in embedded:
        return embedded[name]
    if name_or_path is not None and Path(name).exists():
        return Path(name)
    available = f"embedded models: {', '.join(embedded)}" if embedded else "this installation embeds no model"
    raise ModelError(f"no model named {name!r}, and no folder either", hint=f"{available}; a bundle's path will do too")


def embedded_models() -> dict[str, Path]:
    """Returns the models inside the package, by short name."""
    if not _PRETRAINED.is_dir():
        return {}
    return {folder.name: folder for folder in sorted(_PRETRAINED.iterdir()) if is_bundle(folder)}


def hash_file(path: Path) -> str:
    """Returns the sha256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise _unreadable(path, error) from None
    return digest.hexdigest()


def _read_manifest(path: Path) -> bytes:
    if is_bundle(path):
        return _read(path / MANIFEST_NAME)
    if not path.exists():
        raise ModelError(f"{path}: no such folder")
    if is_checkpoint(path):
        raise ModelError(f"{path} is a checkpoint, not a bundle", hint=f"convert it first: xlm convert {path} BUNDLE")
    raise ModelError(f"{path} is not a bundle: it has no {MANIFEST_NAME}", hint="xlm convert writes bundles")


def _check_engine_files(path: Path, manifest: Manifest) -> None:
    needed = [MODEL_NAME, CONFIG_NAME]
    if manifest.language_input == "embedding":
        needed.append(LANGUAGES_NAME)
    unlisted = [name for name in needed if name not in manifest.files]
    if unlisted:
        raise ModelError(f"{path / MANIFEST_NAME}: files: {', '.join(unlisted)} not listed")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> ModelError:
    return ModelError(f"{path}: cannot be read ({error.strerror or error})")
