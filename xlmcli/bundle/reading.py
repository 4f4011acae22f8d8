"""Opening and checking bundles."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from xlmcli.bundle.alignment_head import put_head_first
from xlmcli.bundle.arrays import load_arrays
from xlmcli.bundle.consistency import check_model, check_vocabulary
from xlmcli.bundle.folding import fold_languages
from xlmcli.bundle.manifest import SOURCE_PLACE, TARGET_PLACE, ClassifierPart, Frame, Manifest, TranslationPart
from xlmcli.bundle.names import (
    CONFIG_NAME,
    ENGINE_NAMES,
    HEAD_NAME,
    LANGUAGES_NAME,
    LEXICON_NAME,
    MANIFEST_NAME,
    MODEL_NAME,
)
from xlmcli.bundle.numbers import check_all_numbers, check_few_numbers
from xlmcli.bundle.serialization import parse_manifest
from xlmcli.bundle.weight_files import find_weight_files, has_weights
from xlmcli.errors import ModelError, unreadable
from xlmcli.facts import format_name
from xlmcli.lines import read_model_file
from xlmcli.records import Direction
from xlmcli.text import Tokenizer, load_tokenizer
from xlmcli.text.pieces import find_vocabularies, read_vocabulary
from xlmcli.text.special import RESERVED_PIECES

_CHUNK_BYTES = 1 << 25  # a thread that hashes waits for its turn between two of them


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
        return format_name(self.path.resolve().name)

    @property
    def translation(self) -> TranslationPart:
        """What the manifest of a translation model says; a ModelError for other models."""
        if self.manifest.translation is None:
            raise self._other_task("translate")
        return self.manifest.translation

    @property
    def classifier(self) -> ClassifierPart:
        """What the manifest of a classifier says; a ModelError for other models."""
        if self.manifest.classifier is None:
            raise self._other_task("classify")
        return self.manifest.classifier

    def open_tokenizer(self) -> Tokenizer:
        """Opens the tokenizer.

        Raises:
            ModelError: It cannot be opened, or is another model's.
        """
        tokenizer = load_tokenizer(self.path)
        check_vocabulary(self.path, self.manifest, tokenizer.vocab)
        return tokenizer

    def read_head(self) -> bytes:
        """Reads a classifier's layer: a safetensors file with ``weight``, (labels, dim), and ``bias``, (labels)."""
        return read_model_file(self.path / HEAD_NAME)

    def read_lexicon(self) -> bytes | None:
        """Reads what rare words are; see `xlmcli.text.lexicon.Lexicon`. None where there is none."""
        return read_model_file(self.path / LEXICON_NAME) if LEXICON_NAME in self.manifest.files else None

    def read_files(self) -> dict[str, bytes]:
        """Reads the engine's files as they lie in the folder, without any language in the position tables.

        Raises:
            ModelError: There are numbers in model.bin that no model has; see `check_few_numbers`.
        """
        names = [name for name in self.manifest.files if name in ENGINE_NAMES]
        files = {name: read_model_file(self.path / name) for name in names}
        check_few_numbers(files[MODEL_NAME], self.path / MODEL_NAME)
        return files

    def folded_files(self, direction: Direction, *, aligns: bool = False) -> dict[str, bytes]:
        """Reads the engine's files for one direction.

        Args:
            direction: From and to.
            aligns: Whether attention shall be that of the head that aligns words, where the manifest names it.

        Returns:
            Name and content of each file, as ``ctranslate2.Translator(name, files=…)`` takes them.

        Raises:
            ModelError: The model does not translate in that direction, or has numbers that no model has.
        """
        self.check_direction(direction)
        files = self.read_files()
        tables = self.translation.position_tables
        if self.manifest.language_input == "embedding" and tables is not None:
            rows = self.manifest.languages
            files[MODEL_NAME] = fold_languages(
                files[MODEL_NAME],
                tables,
                read_model_file(self.path / LANGUAGES_NAME),
                rows[direction.src],
                rows[direction.tgt],
            )
        if aligns and self.translation.alignment_head is not None:
            files[MODEL_NAME] = put_head_first(files[MODEL_NAME], self.translation.alignment_head)
        return files

    def check_direction(self, direction: Direction) -> None:
        """Raises a ModelError that lists what is possible if the model does not translate in that direction."""
        if not self.translation.translates(direction):
            raise ModelError(
                f"{self.name} does not translate from {direction.src!r} to {direction.tgt!r}",
                hint=f"it translates {self.translation.describe_directions()}",
            )

    def frame(self, direction: Direction) -> Frame:
        """Returns the pieces that the engine is to be given around a text in one direction."""
        framing = self.translation.framing
        if framing is None:
            return Frame((self.manifest.tokens.bos,), (self.manifest.tokens.eos,))
        names = {SOURCE_PLACE: framing.languages.get(direction.src), TARGET_PLACE: framing.languages.get(direction.tgt)}
        parts = [
            tuple(names.get(piece) or piece for piece in part)
            for part in (framing.before, framing.after, framing.target)
        ]
        return Frame(*parts)

    def _other_task(self, wanted: str) -> ModelError:
        task = self.manifest.task
        return ModelError(f"{self.name} does not {wanted}, it was made to {task}", hint=f"xlm {task} -m {self.path}")


def is_bundle(path: Path) -> bool:
    """Tells whether a folder holds a manifest; whether it can be read is left to :func:`open_bundle`."""
    return (path / MANIFEST_NAME).is_file()


def is_checkpoint(path: Path) -> bool:
    """Tells whether a folder holds a checkpoint's settings and weights."""
    return (path / CONFIG_NAME).is_file() and bool(find_weight_files(path))


def holds_model(path: Path) -> bool:
    """Tells whether a folder holds a model of any kind, whole or not: a bundle, a checkpoint, or one of CTranslate2."""
    return is_bundle(path) or has_weights(path) or (path / MODEL_NAME).exists()


def is_folded(path: Path) -> bool:
    """Tells whether ``xlm convert --direction`` wrote a folder: the engine's files alone, with XLM's pieces."""
    if not (path / MODEL_NAME).is_file() or is_bundle(path) or not find_vocabularies(path):
        return False
    if (path / LANGUAGES_NAME).exists():  # A bundle that has lost its manifest.
        return False
    return read_vocabulary(path)[: len(RESERVED_PIECES)] == list(RESERVED_PIECES)


def check_not_folded(path: Path) -> None:
    """Raises a ModelError for what `is_folded`."""
    if is_folded(path):
        raise ModelError(
            f"{path} is for programs that use CTranslate2: xlm convert --direction put one direction into its weights",
            hint="xlm converts the checkpoint that it was made from, and opens what it writes without --direction",
        )


def open_bundle(path: Path, *, is_thorough: bool = False, meanwhile: Callable[[], None] | None = None) -> Bundle:
    """Opens a bundle after checking that every file is there and is the one that the manifest names.

    Args:
        path: The folder.
        is_thorough: Look at every number of the model, which takes its time.
        meanwhile: Something to do while a thread hashes the files.

    Raises:
        ModelError: ``path`` is not a bundle, its format is newer, a file is missing or altered, or they do not fit each
            other.
    """
    manifest = read_manifest(path)
    missing = [name for name in manifest.files if not (path / name).is_file()]
    if missing:
        raise ModelError(
            f"{path}: the bundle is incomplete, {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
            hint="copy the whole folder again, or convert the checkpoint again",
        )
    with ThreadPoolExecutor(1) as thread:
        digests = thread.map(hash_file, [path / name for name in manifest.files])
        if meanwhile is not None:
            meanwhile()
        altered = [name for name, digest in zip(manifest.files, digests, strict=True) if digest != manifest.files[name]]
    if altered:
        raise ModelError(
            f"{path}: {', '.join(altered)} {'was' if len(altered) == 1 else 'were'} altered or cut short"
            f" (sha256 differs from {MANIFEST_NAME})",
            hint="copy the whole folder again, or convert the checkpoint again",
        )
    _check_engine_files(path, manifest)
    check_model(path, manifest)
    if is_thorough:
        check_all_numbers(path / MODEL_NAME)
        for name in (LANGUAGES_NAME, HEAD_NAME):
            if name in manifest.files:
                load_arrays(read_model_file(path / name), path / name)
    return Bundle(path, manifest)


def read_manifest(path: Path) -> Manifest:
    """Reads what a bundle says about itself, without a look at its other files.

    Raises:
        ModelError: ``path`` is not a bundle, or its format is newer.
    """
    return parse_manifest(_read_manifest(path), str(path / MANIFEST_NAME))


def hash_file(path: Path) -> str:
    """Returns the sha256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise ModelError(unreadable(path, error)) from None
    return digest.hexdigest()


def _read_manifest(path: Path) -> bytes:
    if is_bundle(path):
        return read_model_file(path / MANIFEST_NAME)
    if not path.exists():
        raise ModelError(f"{path}: no such folder")
    if is_checkpoint(path):
        raise ModelError(f"{path} is a checkpoint, not a bundle", hint=f"convert it first: xlm convert {path} BUNDLE")
    check_not_folded(path)
    raise ModelError(f"{path} is not a bundle: it has no {MANIFEST_NAME}", hint="xlm convert writes bundles")


def _check_engine_files(path: Path, manifest: Manifest) -> None:
    needed = [MODEL_NAME, CONFIG_NAME]
    if manifest.language_input == "embedding":
        needed.append(LANGUAGES_NAME)
    if manifest.classifier is not None:
        needed.append(HEAD_NAME)
    unlisted = [name for name in needed if name not in manifest.files]
    if unlisted:
        raise ModelError(f"{path / MANIFEST_NAME}: files: {', '.join(unlisted)} not listed")
    if manifest.language_input == "none" and (path / LANGUAGES_NAME).is_file():
        raise ModelError(f"{path / MANIFEST_NAME}: language_input is none, and there is {LANGUAGES_NAME}")
