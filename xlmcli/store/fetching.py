"""Fetching: what a repository of the hub holds, as files of this machine, until they have been used."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from xlmcli.bundle import MANIFEST_NAME, read_manifest
from xlmcli.environment import downloads_folder
from xlmcli.errors import DataError, ModelError
from xlmcli.store.download import Progress, download_files
from xlmcli.store.hub import Hub, Snapshot
from xlmcli.store.origin import Kind
from xlmcli.store.selection import select_checkpoint_files


def kind_of(snapshot: Snapshot) -> Kind:
    """Tells whether a repository holds a bundle or, as anything else is taken for, a checkpoint."""
    return "bundle" if any(file.name == MANIFEST_NAME for file in snapshot.files) else "checkpoint"


@contextlib.contextmanager
def fetched(hub: Hub, snapshot: Snapshot, progress: Progress) -> Iterator[Path]:
    """Gives a folder with the files of a repository, as far as they are wanted; all are there and checked.

    If the block ends well the folder is removed; else it stays, and the next call uses what it holds.

    Raises:
        ModelError: The hub does not give the files, or they are no model.
        DataError: The disk is full, or another process fetches the same repository.
    """
    name = snapshot.repository.replace("/", "--")
    folder = downloads_folder() / f"{name}@{snapshot.commit}"
    with _locked(folder):
        _download(hub, snapshot, folder, progress)
        yield folder
        # Of this commit, and of those that were never finished.
        for left in downloads_folder().glob(f"{name}@*"):
            shutil.rmtree(left, ignore_errors=True)


def _download(hub: Hub, snapshot: Snapshot, folder: Path, progress: Progress) -> None:
    names = [file.name for file in snapshot.files]
    if kind_of(snapshot) == "checkpoint":
        download_files(hub, snapshot, select_checkpoint_files(names, snapshot.repository), folder, progress)
        return
    download_files(hub, snapshot, [MANIFEST_NAME], folder, progress)
    wanted = list(read_manifest(folder).files)
    if missing := [name for name in wanted if name not in names]:
        raise ModelError(f"{snapshot.repository} is incomplete: it has no {', '.join(missing)}")
    download_files(hub, snapshot, wanted, folder, progress)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps other processes from downloading into the same folder, until this one ends, however it does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror or error})") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                f"another process is downloading into {folder}", hint="wait until it is done, then try again"
            ) from None
        yield
    finally:
        os.close(descriptor)
