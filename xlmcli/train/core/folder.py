"""The folder of a run: whose it is, and what a run may do with it.

It is new, or has a model or a part of one, or a run: one that died before its first checkpoint, one that can be gone on
with, or several, of a seed each, in folders of their own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial, wraps
from pathlib import Path
from typing import Protocol, TypeVar

from xlmcli.bundle.names import CONFIG_NAME, TOKENIZER_NAMES
from xlmcli.bundle.reading import holds_model
from xlmcli.checkpoint.config import CheckpointConfig, load_config
from xlmcli.checkpoint.training_state import SNAPSHOTS, STATE_FILE, TRAINING_FOLDER
from xlmcli.errors import TrainingError, UsageError
from xlmcli.locking import LOCK_SUFFIX, locked
from xlmcli.signals import undone
from xlmcli.train.core.differences import tell_models_apart
from xlmcli.train.core.log import LOG_FILE
from xlmcli.train.core.options import RunOptions
from xlmcli.train.core.progress import Reporter

_NAMES = (CONFIG_NAME, *sorted(TOKENIZER_NAMES))
"""What stands beside a checkpoint's weights."""

SEED_PREFIX = "seed-"
"""What the names of folders begin with where a run has several seeds."""


class _Options(Protocol):
    @property
    def run(self) -> RunOptions:
        """Where the run is kept."""


AnyOptions = TypeVar("AnyOptions", bound=_Options)
AnyState = TypeVar("AnyState")
Train = Callable[[AnyOptions, Sequence[Reporter]], AnyState]


def alone_in_its_folder(train: Train[AnyOptions, AnyState]) -> Train[AnyOptions, AnyState]:
    """Lets a run keep its folder to itself: with another process in it, it raises a `TrainingError`."""

    @wraps(train)
    def train_alone(options: AnyOptions, reporters: Sequence[Reporter]) -> AnyState:
        folder, is_new = options.run.folder, not options.run.folder.exists()
        if not _is_first_process():  # It holds the lock for all.
            return train(options, reporters)

        def give_up() -> None:
            with suppress(OSError):
                if is_new:
                    folder.rmdir()  # It is empty if the run never began.

        occupation = f"training in {folder}"
        with (
            undone(give_up),
            locked(folder / LOCK_SUFFIX, occupation, error=TrainingError, elsewhere="name another folder"),
            undone(partial(_take_back, folder, _parts(folder))),
        ):
            return train(options, reporters)

    return train_alone


def _is_first_process() -> bool:
    return os.environ.get("RANK", "0") == "0"


def _parts(folder: Path) -> list[Path]:
    """What is in a run's folder of what is there before it begins; folders of its seeds come last."""
    seeds = sorted(folder.glob(f"{SEED_PREFIX}*"))
    names = (*_NAMES, TRAINING_FOLDER)
    return [path for path in (*(place / name for place in (folder, *seeds) for name in names), *seeds) if path.exists()]


def _has_begun(folder: Path) -> bool:
    return (folder / LOG_FILE).exists() or any((folder / TRAINING_FOLDER).glob("*"))


def _take_back(folder: Path, present: Sequence[Path]) -> None:
    """Removes what was put into a folder for a run that never began, but for what was ``present`` before."""
    parts = _parts(folder)
    if any(map(_has_begun, (folder, *parts))):
        return
    with suppress(OSError):
        for path in parts:
            if path not in present:
                path.rmdir() if path.is_dir() else path.unlink()


def has_run(folder: Path) -> bool:
    """Whether there is a run that can be gone on with."""
    return (folder / TRAINING_FOLDER / STATE_FILE).exists()


def _begun_seeds(folder: Path) -> list[int]:
    """The seeds whose runs share a folder; none before the first of them can be gone on with."""
    seeds = [path for path in folder.glob(f"{SEED_PREFIX}*") if (path / TRAINING_FOLDER).is_dir()]
    names = [path.name.removeprefix(SEED_PREFIX) for path in seeds] if any(map(has_run, seeds)) else []
    return sorted(int(name) for name in names if name.isdecimal())


def _is_dead(folder: Path) -> bool:
    """Whether a run has died before its first checkpoint: beside what it keeps of its training, files are its own."""
    training = folder / TRAINING_FOLDER
    leftovers = (f"*{STATE_FILE}*", f"*{SNAPSHOTS}*")
    return training.is_dir() and all(any(map(path.match, leftovers)) for path in training.iterdir())


def claim_folder(run: RunOptions, tokenizer: Path | None = None) -> None:
    """Checks a run's folder, as `check_folder`, and marks it as the run's own; what a dead run left is removed."""
    check_folder(run, tokenizer)
    if not run.resume and _is_dead(run.folder) and _is_first_process():
        names = (CONFIG_NAME, LOG_FILE) if _is_same(tokenizer, run.folder) else (*_NAMES, LOG_FILE)
        for path in (*(run.folder / name for name in names), *(run.folder / TRAINING_FOLDER).iterdir()):
            path.unlink(missing_ok=True)
    (run.folder / TRAINING_FOLDER).mkdir(parents=True, exist_ok=True)


def claim_folders_of_seeds(run: RunOptions, runs: Sequence[RunOptions], tokenizer: Path | None = None) -> None:
    """Claims the folders of the ``runs`` with a seed each; their log, in the folder of all, begins with the first."""
    is_again = not any(each.resume for each in runs) and any(_is_dead(each.folder) for each in runs)
    if is_again and _is_first_process():
        (run.folder / LOG_FILE).unlink(missing_ok=True)
    for each in runs:
        claim_folder(each, tokenizer)


def check_folder(run: RunOptions, tokenizer: Path | None = None) -> None:
    """Makes sure that a run neither overwrites a model nor invents a checkpoint.

    Args:
        run: Says where.
        tokenizer: Folder with the vocabulary that the run takes, which may be its own.

    Raises:
        UsageError: The folder has a model, or a vocabulary or settings of another, and ``resume`` is not set; or it has
            no run and it is; or it has runs of several seeds.
    """
    folder, has_begun = run.folder, has_run(run.folder)
    if not has_begun and (seeds := _begun_seeds(folder)):
        options = f"--resume --seed {seeds[0]} --seeds {seeds[-1] - seeds[0] + 1}"
        raise UsageError(
            f"{folder} has runs of several seeds", hint=f"{options} goes on with them; or name another folder"
        )
    if run.resume and not has_begun:
        raise UsageError(f"{folder} has no run to resume", hint="leave --resume out to start one")
    if not run.resume and (has_begun or holds_model(folder)):
        way_out = "add --resume to go on, or name another folder" if has_begun else "name another folder"
        raise UsageError(f"{folder} has a model already", hint=way_out)
    if not run.resume and not _is_dead(folder):
        check_unclaimed(folder, (CONFIG_NAME,) if _is_same(tokenizer, folder) else _NAMES)


def check_folder_of_seeds(run: RunOptions, runs: Sequence[RunOptions], tokenizer: Path | None = None) -> None:
    """The same for the folder of all ``runs`` with a seed each, unless one of them is resumed.

    Raises:
        UsageError: As for `check_folder`, or the folder has a run of one seed.
    """
    if any(each.resume for each in runs):
        return
    if has_run(run.folder):
        raise UsageError(
            f"{run.folder} has a run of one seed",
            hint="--resume without --seeds goes on with it; or name another folder",
        )
    check_folder(run, tokenizer)


def _is_same(tokenizer: Path | None, folder: Path) -> bool:
    return tokenizer is not None and tokenizer.exists() and folder.exists() and tokenizer.samefile(folder)


def check_unclaimed(folder: Path, names: Sequence[str] = _NAMES) -> None:
    """Makes sure that a folder has none of the files that stand beside a checkpoint's weights.

    Raises:
        UsageError: It has one.
    """
    for name in names:
        if (folder / name).exists():
            raise UsageError(f"{folder} has {name} already", hint="name another folder")


def check_same_model(config: CheckpointConfig, folder: Path) -> None:
    """Makes sure that a resumed run goes on with the model that it began with.

    Raises:
        UsageError: The options describe another model; the message says in what.
    """
    if differences := tell_models_apart(load_config(folder).uncalibrated(), config):
        raise UsageError(
            f"the run in {folder} has another model: {differences}",
            hint="give the options that it was started with",
        )
