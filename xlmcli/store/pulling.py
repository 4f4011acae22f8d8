"""Pulling: a model of the hub becomes a model of this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from xlmcli.bundle import MANIFEST_NAME, new_bundle, open_bundle, pulled_models, read_manifest
from xlmcli.bundle.manifest import Quantization
from xlmcli.environment import pulled_folder
from xlmcli.errors import ModelError, UsageError
from xlmcli.locking import LOCK_SUFFIX, locked
from xlmcli.store.conversion import convert_checkpoint
from xlmcli.store.download import TransferProgress
from xlmcli.store.fetching import fetched, kind_of, select_files
from xlmcli.store.hub import DEFAULT_REVISION, Hub, Snapshot
from xlmcli.store.origin import Origin, write_origin
from xlmcli.store.registry import StoredModel, check_name, get_model


@dataclass(frozen=True, slots=True)
class PullRequest:
    """What to pull.

    Attributes:
        repository: Name on the hub.
        revision: A branch, a tag or a commit.
        name: Short name here; None is the last part of the repository's.
        quantization: How the weights of a checkpoint are stored; None is int8, or what is here already. Those of a
            bundle and of a model of CTranslate2 are as they are.
    """

    repository: str
    revision: str = DEFAULT_REVISION
    name: str | None = None
    quantization: Quantization | None = None

    @property
    def short_name(self) -> str:
        return self.name or self.repository.rpartition("/")[2]


def pull_model(
    hub: Hub, request: PullRequest, progress: TransferProgress, on_found: Callable[[Snapshot], None]
) -> StoredModel:
    """Downloads a model, checks it, converts it where it is no bundle, and gives it its short name.

    A model that is there in that revision already stays as it is; one of another revision is replaced when the new one
    is complete. What an interrupted call downloaded is used by the next one.

    Args:
        hub: Where it is.
        request: What is wanted.
        progress: Is told how the download goes.
        on_found: Is told what the hub has, before it is downloaded.

    Raises:
        UsageError: The name is taken by another model, or what is asked for contradicts what the hub has.
        MissingExtraError: The hub has a checkpoint, and torch is not installed; its weights were not downloaded.
        ModelError: The hub does not give it, or it is damaged or cannot be converted.
        DataError: The disk is full, or another process pulls the same model or another one under that name.
    """
    check_name(request.short_name)
    snapshot = hub.describe(request.repository, request.revision)
    lock = pulled_folder() / f".{request.short_name}{LOCK_SUFFIX}"
    with locked(lock, f"pulling a model named {request.short_name!r}"):
        return _pull(hub, snapshot, request, progress, on_found)


def _pull(
    hub: Hub, snapshot: Snapshot, request: PullRequest, progress: TransferProgress, on_found: Callable[[Snapshot], None]
) -> StoredModel:
    _check_not_taken(request)
    kind = kind_of(snapshot)
    if request.quantization is not None:
        _check_quantization_can_be_chosen(snapshot)
    if _is_here(request, snapshot):
        return get_model(request.short_name)
    on_found(snapshot)
    origin = Origin(
        repository=snapshot.repository,
        endpoint=hub.endpoint,
        revision=snapshot.revision,
        commit=snapshot.commit,
        licence=snapshot.licence,
        pulled_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        kind=kind,
    )
    with fetched(hub, snapshot, progress) as model:
        _register(model, origin, request)
    return get_model(request.short_name)


def _check_quantization_can_be_chosen(snapshot: Snapshot) -> None:
    kept = "a bundle" if kind_of(snapshot) == "bundle" else None
    if kept is None and select_files(snapshot).of_engine:
        kept = "a model of CTranslate2"
    if kept is not None:
        raise UsageError(
            f"{snapshot.repository} is {kept}: its weights are taken as they are", hint="leave out --quantization"
        )


def _check_not_taken(request: PullRequest) -> None:
    if request.short_name not in pulled_models():
        return
    origin = get_model(request.short_name).origin
    if origin is not None and origin.repository != request.repository:
        raise UsageError(
            f"the name {request.short_name!r} is taken: that model is {origin.repository}",
            hint=f"--name gives another name; xlm models remove {request.short_name} frees this one",
        )


def _is_here(request: PullRequest, snapshot: Snapshot) -> bool:
    """Tells whether the model is here in that commit and, if one is asked for, that quantization, unaltered."""
    if request.short_name not in pulled_models():
        return False
    model = get_model(request.short_name)
    if model.origin is None or model.manifest is None or model.origin.commit != snapshot.commit:
        return False
    if request.quantization not in (None, model.manifest.quantization):
        return False
    try:
        open_bundle(model.path)
    except ModelError:
        return False
    return True


def _register(model: Path, origin: Origin, request: PullRequest) -> None:
    """Puts the model at its place, complete, in one step."""
    names: list[str] = []
    if origin.kind == "bundle":
        _check_bundle(model, origin.repository)
        names = [MANIFEST_NAME, *read_manifest(model).files]
    with new_bundle(pulled_folder() / request.short_name, force=True) as new:
        for name in names:
            (model / name).rename(new / name)
        if origin.kind == "checkpoint":
            convert_checkpoint(model, new, request.quantization or "int8", origin.licence)
        write_origin(origin, new)


def _check_bundle(folder: Path, repository: str) -> None:
    # Every file is the hub's own by now: one that the manifest does not know was altered before it was uploaded.
    try:
        open_bundle(folder, is_thorough=True)
    except ModelError as error:
        raise ModelError(
            f"{repository} is damaged on the hub: {error.message}",
            hint="tell its makers, or try another one with --revision",
        ) from error
