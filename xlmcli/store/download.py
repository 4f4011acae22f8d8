"""Download of a repository's files: each goes on where it was interrupted, and counts only when its hash is right."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from xlmcli.errors import DataError, ModelError
from xlmcli.facts import format_bytes
from xlmcli.locking import unwritable
from xlmcli.outputs import writing_errors
from xlmcli.store.hub import GO_ON_HINT, ConnectionLostError, Hub, RemoteFile, Snapshot

_MAX_ATTEMPTS = 5
_SECONDS_BETWEEN_ATTEMPTS = 1.0
_PARTIAL_SUFFIX = ".partial"
_CHUNK_BYTES = 1 << 20


class TransferProgress(Protocol):
    """Who wants to know how a download goes."""

    def expect(self, num_bytes: int) -> None:
        """So many bytes more are to come."""

    def advance(self, name: str, num_bytes: int) -> None:
        """So many bytes more of that file are here."""


def download_files(
    hub: Hub, snapshot: Snapshot, names: Iterable[str], folder: Path, progress: TransferProgress
) -> None:
    """Downloads files of a repository into a folder, which is made if it is missing.

    A file that is there already, whole and unaltered, is not downloaded again.

    Raises:
        ModelError: The hub fails, or what it sends has not the hash that it says.
        DataError: The disk is full, or the folder cannot be written.
    """
    by_name = {file.name: file for file in snapshot.files}
    missing = [
        by_name[name] for name in names if not ((folder / name).is_file() and _is_right(folder / name, by_name[name]))
    ]
    num_bytes = sum(file.num_bytes - _num_bytes(_partial(folder, file)) for file in missing)
    _make_room(folder, num_bytes)
    progress.expect(num_bytes)
    for file in missing:
        _download_file(hub, snapshot, file, folder, progress)


def _download_file(hub: Hub, snapshot: Snapshot, file: RemoteFile, folder: Path, progress: TransferProgress) -> None:
    partial = _partial(folder, file)
    partial.parent.mkdir(parents=True, exist_ok=True)
    num_attempts = 0
    while _num_bytes(partial) < file.num_bytes:
        before = _num_bytes(partial)
        try:
            _append(hub, snapshot, file, partial, progress)
        except ConnectionLostError:
            num_attempts = 1 if _num_bytes(partial) > before else num_attempts + 1
            if num_attempts >= _MAX_ATTEMPTS:
                raise
            time.sleep(_SECONDS_BETWEEN_ATTEMPTS)
    partial.touch()  # An empty file never was begun.
    if not _is_right(partial, file):
        partial.unlink()
        raise ModelError(
            f"{snapshot.repository}: {file.name} came altered (its hash differs from the hub's); it was thrown away",
            hint="pull again; if it happens again, something between here and the hub alters files",
        )
    partial.replace(folder / file.name)


def _append(hub: Hub, snapshot: Snapshot, file: RemoteFile, partial: Path, progress: TransferProgress) -> None:
    offset = _num_bytes(partial)
    with hub.open(snapshot, file, offset) as chunks, writing_errors(partial), partial.open("ab", buffering=0) as stream:
        for chunk in chunks:
            stream.write(chunk)
            offset += len(chunk)
            progress.advance(file.name, len(chunk))
            if offset > file.num_bytes:
                break  # More than was announced: the hash will tell.
    if offset < file.num_bytes:
        raise ConnectionLostError(
            f"{hub.endpoint} hung up after {offset:,} of {file.num_bytes:,} bytes of {file.name}", hint=GO_ON_HINT
        )


def _is_right(path: Path, file: RemoteFile) -> bool:
    """Tells whether a file has the size and the hash that the hub says."""
    if _num_bytes(path) != file.num_bytes:
        return False
    if file.sha256 is not None:
        digest, expected = hashlib.sha256(), file.sha256
    else:
        # Git hashes a header, then the content. Source: git's hash-object.
        digest, expected = hashlib.sha1(b"blob %d\0" % file.num_bytes, usedforsecurity=False), file.git_sha1 or ""
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest() == expected


def _make_room(folder: Path, num_bytes: int) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise unwritable(folder, error) from None
    if num_bytes > free:
        raise DataError(
            f"{folder}: {format_bytes(num_bytes)} are to be downloaded, {format_bytes(free)} are free",
            hint="XLM_HOME names another place",
        )


def _partial(folder: Path, file: RemoteFile) -> Path:
    return folder / f"{file.name}{_PARTIAL_SUFFIX}"


def _num_bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
