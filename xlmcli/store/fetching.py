"""Fetching: what a repository of the hub holds, as files of this machine, until they have been used."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xlmcli.bundle import MANIFEST_NAME, read_manifest
from xlmcli.bundle.names import CONFIG_NAME
from xlmcli.environment import downloads_folder
from xlmcli.errors import DataError, ModelError
from xlmcli.locking import lock_beside, locked
from xlmcli.store.conversion import check_converter, check_kind, check_settings
from xlmcli.store.download import TransferProgress, download_files
from xlmcli.store.hub import Hub, Snapshot
from xlmcli.store.origin import Kind
from xlmcli.store.selection import CODES_FILE, Selection, select_checkpoint_files


@dataclass(frozen=True, slots=True)
class _Download:
    """A repository on its way into a folder."""

    hub: Hub
    snapshot: Snapshot
    folder: Path
    progress: TransferProgress

    def files(self, *names: str) -> None:
        download_files(self.hub, self.snapshot, names, self.folder, self.progress)


def kind_of(snapshot: Snapshot) -> Kind:
    """Tells whether a repository holds a bundle or, as anything else is taken for, a checkpoint."""
    return "bundle" if any(file.name == MANIFEST_NAME for file in snapshot.files) else "checkpoint"


def select_files(snapshot: Snapshot) -> Selection:
    """Chooses the files of a checkpoint; see ``select_checkpoint_files``."""
    return select_checkpoint_files([file.name for file in snapshot.files], snapshot.repository)


@contextlib.contextmanager
def fetched(hub: Hub, snapshot: Snapshot, progress: TransferProgress) -> Iterator[Path]:
    """Gives the folder with a repository's files, as far as they are wanted, or the file that is the model.

    All are there and checked. If the block ends well they are removed; else they stay, and the next call uses them.

    Raises:
        ModelError: The hub does not give the files, or they are no model, or none that can be converted; the latter is
            found out before its weights are downloaded.
        MissingExtraError: It is a checkpoint, and torch is not installed; likewise.
        DataError: The disk is full, or another process fetches the same repository.
    """
    name = snapshot.repository.replace("/", "--")
    folder = downloads_folder() / f"{name}@{snapshot.commit}"
    with locked(lock_beside(folder), f"downloading {snapshot.repository}"):
        download = _Download(hub, snapshot, folder, progress)
        yield _fetch_bundle(download) if kind_of(snapshot) == "bundle" else _fetch_checkpoint(download)
        shutil.rmtree(folder, ignore_errors=True)
        for left in downloads_folder().glob(f"{name}@*"):  # Other commits, never finished.
            if left.is_dir():
                with contextlib.suppress(DataError), locked(lock_beside(left), "removing it"):
                    shutil.rmtree(left, ignore_errors=True)


def _fetch_bundle(download: _Download) -> Path:
    names = {file.name for file in download.snapshot.files}
    download.files(MANIFEST_NAME)
    wanted = list(read_manifest(download.folder).files)
    if missing := [name for name in wanted if name not in names]:
        raise ModelError(f"{download.snapshot.repository} is incomplete: it has no {', '.join(missing)}")
    download.files(*wanted)
    return download.folder


def _fetch_checkpoint(download: _Download) -> Path:
    repository = download.snapshot.repository
    selection = select_files(download.snapshot)
    if selection.has_kind:
        download.files(CONFIG_NAME)
        check_kind((download.folder / CONFIG_NAME).read_bytes(), repository)
    check_converter(repository)
    download.files(*selection.settings)
    if selection.has_kind:
        check_settings(download.folder, repository)
    download.files(*selection.weights)
    return _model(selection, download.folder)


def _model(selection: Selection, folder: Path) -> Path:
    if selection.codes not in (None, CODES_FILE):
        shutil.copyfile(folder / selection.codes, folder / CODES_FILE)  # Where conversion looks for them.
    return folder if selection.main is None else folder / selection.main
