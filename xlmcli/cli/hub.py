"""A checkpoint that is named as on the hub, for commands that take the path of one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xlmcli.console import print_note, show_download_progress
from xlmcli.errors import UsageError

if TYPE_CHECKING:
    from xlmcli.store.hub import Snapshot


@dataclass(frozen=True, slots=True)
class LocalCheckpoint:
    """A checkpoint on this machine.

    Attributes:
        path: Its folder or file.
        licence: As the hub says it; None where it says nothing or the checkpoint did not come from there.
    """

    path: Path
    licence: str | None = None


@contextlib.contextmanager
def local_checkpoint(path: Path) -> Iterator[LocalCheckpoint]:
    """Gives a checkpoint by its path or, where nothing is there, by its name on the hub (``OWNER/NAME``).

    What was downloaded is removed when the block ends well; else the next call goes on with it.

    Raises:
        UsageError: The network is forbidden, or the hub has a bundle of that name.
        ModelError: The hub does not give it.
    """
    from xlmcli.bundle.finding import is_hub_name

    # What lies in a folder that exists is a path, also where it is misspelt.
    if path.exists() or path.parent.exists() or not is_hub_name(str(path)):
        yield LocalCheckpoint(path)
        return
    from xlmcli.store.fetching import fetched, kind_of
    from xlmcli.store.hub import DEFAULT_REVISION, Hub

    hub = Hub()
    snapshot = hub.describe(str(path), DEFAULT_REVISION)
    if kind_of(snapshot) == "bundle":
        raise UsageError(f"{path} is a bundle already: nothing to convert", hint=f"xlm models pull {path} gets it")
    print_found(snapshot)
    with show_download_progress(True) as progress, fetched(hub, snapshot, progress) as folder:
        yield LocalCheckpoint(folder, snapshot.licence)


def print_found(snapshot: Snapshot) -> None:
    """Says what the hub has, and under which licence; a bundle may say that itself, later."""
    from xlmcli.store.fetching import kind_of

    kind = kind_of(snapshot)
    print_note(f"{snapshot.repository} is a {kind} (commit {snapshot.commit[:12]})")
    if snapshot.licence or kind == "checkpoint":
        print_licence(snapshot.licence)


def print_licence(licence: str | None) -> None:
    print_note(f"licence: {licence or 'not said; look at the page of the model before you use it'}")
