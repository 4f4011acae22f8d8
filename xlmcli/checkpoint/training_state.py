"""What a run needs to go on: the newest model, optimizer, and place in the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch

from xlmcli.errors import ModelError
from xlmcli.outputs import atomic_write

TRAINING_FOLDER = "training"
STATE_FILE = "state.pt"
SNAPSHOTS = "step-*.safetensors"


def save_training_state(state: dict[str, Any], path: Path) -> None:
    """Writes what a resume needs beside and renames: tensors, numbers and strings only."""
    with atomic_write(path, "wb") as file:
        torch.save(state, file)


def load_training_state(path: Path) -> dict[str, Any]:
    """Reads what ``save_training_state`` wrote, without running code from the file.

    Raises:
        ModelError: There is none or it is damaged.
    """
    try:
        return cast(dict[str, Any], torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError:
        raise ModelError(f"{path}: no training state to resume from") from None
    except Exception as error:  # torch.load raises whatever the damaged part of the pickle raises
        raise ModelError(f"{path}: damaged training state ({error})") from None
