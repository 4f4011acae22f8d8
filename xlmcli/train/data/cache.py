"""Token ids of training text, kept for the next run as arrays that are mapped into memory.

A cache is a folder with an entry for each source, a folder again. An entry's name is a hash of all that its ids were
made of, its recipe: of the names and the bytes of the files (not of their dates, so that what has changed is never
taken for what was), the vocabulary, languages and columns, limits, variants and their seed, and of the program that
made them. How often a source counts and the folder that its file lies in are no part of it, so commands that share a
source share its entry. No entry is ever removed: a cache can be deleted whenever no run uses it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import xlmcli
from xlmcli.array_files import ArrayWriter
from xlmcli.errors import DataError, unreadable
from xlmcli.outputs import partial_folder, temporary_folder
from xlmcli.sources import Source
from xlmcli.text import Tokenizer
from xlmcli.train.data.corpus import Corpus, TextData, TextOptions, concatenate

# To be raised when an entry has other files, or other things in them.
_FORMAT = 1
_PACKAGE = Path(xlmcli.__file__).parent
# What turns files into ids, beside all of `xlmcli.text`: when it changes, all entries are made anew.
_MODULES = ("sources.py", "lines.py", "train/data/loading.py")
_LIBRARIES = ("sentencepiece", "tokenizers", "sacremoses")

_DESCRIPTION_FILE = "entry.json"
_NOISY_SIDES_FILE = "noisy_sides.npy"
_HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides the ids of a source.

    Attributes:
        source: Its name, from which variants are drawn, too.
        files: Hash of the bytes of each file.
        vocabulary: Hash of the tokenizer's files.
        max_len: See ``LengthFilter``.
        max_ratio: See ``LengthFilter``.
        augmentations: Variants.
        seed: Draws the variants; None where there are none.
        program: Versions, and the hash of the code that makes ids.
    """

    source: str
    files: tuple[str, ...]
    vocabulary: str
    max_len: int | None
    max_ratio: float
    augmentations: tuple[str, ...]
    seed: int | None
    program: tuple[str, ...]

    @property
    def key(self) -> str:
        """Name of the entry."""
        return blake2b(json.dumps(asdict(self), sort_keys=True).encode(), digest_size=_HASH_BYTES).hexdigest()


Parts = Generator[TextData, None, None]


class TextCache:
    """The entries that one tokenizer's ids are in."""

    def __init__(self, folder: Path, tokenizer: Tokenizer) -> None:
        """Makes the folder if there is none.

        Raises:
            DataError: It cannot be made.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()  # before hours are spent on what could not be kept
        except OSError as error:
            raise _writing_error(folder, error) from error
        self._folder = folder
        with temporary_folder() as saved:
            tokenizer.save(saved)
            self._vocabulary = _hash_files(sorted(saved.iterdir()))

    def get(self, source: Source, options: TextOptions, read: Callable[[], Parts]) -> TextData:
        """Opens a source's entry, after making it where there is none or a damaged one.

        Args:
            source: Where the text is. What is no regular file, such as a pipe, is read and not kept.
            options: How it becomes ids.
            read: Does that, part by part; each sentence counts once. Memory is taken for one part at a time.

        Raises:
            DataError: A file cannot be read, or the entry cannot be written.
        """
        recipe = self._recipe(source, options)
        if recipe is None:
            return concatenate(source.langs, read())
        text = open_entry(self._folder / recipe.key)
        return self._make(source, options, recipe, read()) if text is None else text

    def _make(self, source: Source, options: TextOptions, recipe: Recipe, parts: Parts) -> TextData:
        """Writes an entry beside its place and moves it there; one that another process has put there stays.

        Nor is it moved where somebody has changed a file meanwhile: then it is gone when nobody uses it any more.
        """
        folder = self._folder / recipe.key
        with contextlib.closing(parts), contextlib.ExitStack() as stack:
            with _writing(folder):
                beside = stack.enter_context(partial_folder(folder))
                entry = stack.enter_context(EntryWriter(beside, source.langs))
            for part in parts:
                with _writing(folder):
                    entry.append(part)
            with _writing(folder):
                entry.finish(recipe)
                text = open_entry(beside)
                assert text is not None
                if self._recipe(source, options) != recipe:
                    return text
                if open_entry(folder) is None:
                    shutil.rmtree(folder, ignore_errors=True)
                    try:
                        beside.rename(folder)
                    except OSError:
                        if not folder.exists():
                            raise
            return open_entry(folder) or text

    def _recipe(self, source: Source, options: TextOptions) -> Recipe | None:
        paths = [source.path_of(lang) for lang in source.langs] if source.is_paired else [source.path]
        if not all(path.is_file() for path in paths):
            return None
        return Recipe(
            source=source.name,
            files=tuple(_hash_files([path]) for path in paths),
            vocabulary=self._vocabulary,
            max_len=options.limits.max_len,
            max_ratio=options.limits.max_ratio,
            augmentations=tuple(map(str, options.augmentations)),
            seed=options.seed if options.augmentations else None,
            program=_program(),
        )


class EntryWriter:
    """Writes the files of an entry while its text is read.

    Args:
        folder: Where they go.
        langs: Language code of each side.
    """

    def __init__(self, folder: Path, langs: tuple[str, ...]) -> None:
        self._folder, self._langs = folder, langs
        sides = range(len(langs))
        self._ids = [_ArrayFile(folder / _ids_file(side), np.int32) for side in sides]
        self._starts = [_ArrayFile(folder / _starts_file(side), np.int64) for side in sides]
        self._noisy_sides = _ArrayFile(folder / _NOISY_SIDES_FILE, np.int8)
        self._has_noisy_sides = False
        self._num_skipped = 0
        for starts in self._starts:
            starts.append(np.zeros(1, dtype=np.int64))

    def __enter__(self) -> EntryWriter:
        return self

    def __exit__(self, *_: object) -> None:
        for array in (*self._ids, *self._starts, self._noisy_sides):
            array.close()

    def append(self, part: TextData) -> None:
        """Writes sentences behind those before."""
        for side, ids, starts in zip(part.sides, self._ids, self._starts, strict=True):
            starts.append(side.starts[1:] + len(ids))
            ids.append(side.ids)
        noisy = np.full(len(part), -1, dtype=np.int8) if part.noisy_sides is None else part.noisy_sides
        self._noisy_sides.append(noisy)
        self._has_noisy_sides |= bool((noisy != -1).any())
        self._num_skipped += part.num_skipped

    def finish(self, recipe: Recipe) -> None:
        """Writes down what it is."""
        for array in (*self._ids, *self._starts, self._noisy_sides):
            array.finish()
        if not self._has_noisy_sides:
            (self._folder / _NOISY_SIDES_FILE).unlink()
        description = {
            "langs": self._langs,
            "num_sentences": len(self._noisy_sides),
            "num_skipped": self._num_skipped,
            "has_noisy_sides": self._has_noisy_sides,
            "made_of": asdict(recipe),
        }
        described = json.dumps(description, indent=2, ensure_ascii=False)
        (self._folder / _DESCRIPTION_FILE).write_text(described, encoding="utf-8")


class _ArrayFile(ArrayWriter):
    """A file with an array of one dimension."""

    def __init__(self, path: Path, dtype: type[np.generic]) -> None:
        self._opened = path.open("wb")
        super().__init__(self._opened, np.dtype(dtype), ())

    def finish(self) -> None:
        """Completes the file, and waits until it is on the disk."""
        super().finish()
        self._opened.flush()
        os.fsync(self._opened.fileno())
        self._opened.close()

    def close(self) -> None:
        """Closes the file as it is."""
        with contextlib.suppress(OSError):  # What is left to write is what could not be written.
            self._opened.close()


def open_entry(folder: Path) -> TextData | None:
    """Maps an entry's arrays into memory; None where there is none, or a damaged one."""
    try:
        description = json.loads((folder / _DESCRIPTION_FILE).read_text(encoding="utf-8"))
        langs, count = tuple(description["langs"]), int(description["num_sentences"])
        sides = tuple(_open_side(folder, number, count) for number in range(len(langs)))
        noisy_sides = None
        if description["has_noisy_sides"]:
            noisy_sides = _open_array(folder / _NOISY_SIDES_FILE, np.int8, count)
        repeats = np.ones(count, dtype=np.float32)
        return TextData(langs, sides, repeats, int(description["num_skipped"]), noisy_sides=noisy_sides)
    except (OSError, ValueError, EOFError, KeyError, TypeError):
        return None


def _open_side(folder: Path, number: int, count: int) -> Corpus:
    starts = _open_array(folder / _starts_file(number), np.int64, count + 1)
    ids = _open_array(folder / _ids_file(number), np.int32, int(starts[-1]))
    return Corpus((ids,), starts)


def _open_array(path: Path, dtype: type[np.generic], length: int) -> NDArray[Any]:
    # As a plain array: a memmap is slower to index, and everything made of it would be one too.
    array = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    if array.dtype != dtype or array.shape != (length,):
        raise ValueError(f"{path}: not the array that was written")
    return array


def _ids_file(side: int) -> str:
    return f"ids-{side}.npy"


def _starts_file(side: int) -> str:
    return f"starts-{side}.npy"


def _program() -> tuple[str, ...]:
    modules = [*sorted((_PACKAGE / "text").iterdir()), *(_PACKAGE / name for name in _MODULES)]
    code = _hash_files(path for path in modules if path.is_file())
    libraries = [f"{name} {version(name)}" for name in _LIBRARIES]
    own = (f"format {_FORMAT}", f"xlmcli {xlmcli.__version__}", f"code {code}")
    return (*own, f"Unicode {unicodedata.unidata_version}", *libraries)


def _hash_files(paths: Iterable[Path]) -> str:
    """A hash of the bytes of files, and where each one ends."""
    whole = blake2b(digest_size=_HASH_BYTES)
    for path in paths:
        part = blake2b(digest_size=_HASH_BYTES)
        try:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    part.update(block)
        except OSError as error:
            raise DataError(unreadable(path, error)) from error
        whole.update(part.digest())
    return whole.hexdigest()


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _writing_error(folder, error) from error


def _writing_error(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"cannot write {folder}: {(error.strerror or str(error)).lower()}",
        hint="--cache names the folder that token ids are kept in",
    )
