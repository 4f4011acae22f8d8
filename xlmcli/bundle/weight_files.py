"""Where a checkpoint's weights lie: in one file, or in several that an index lists."""

from __future__ import annotations

from pathlib import Path

from xlmcli.bundle.fields import Fields
from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME, PYTORCH_WEIGHTS_NAME
from xlmcli.errors import ModelError
from xlmcli.lines import read_model_file

INDEX_SUFFIX = ".index.json"
_NAMES = [
    f"{name}{suffix}" for name in (CHECKPOINT_WEIGHTS_NAME, PYTORCH_WEIGHTS_NAME) for suffix in ("", INDEX_SUFFIX)
]


def has_weights(folder: Path) -> bool:
    """Tells whether a checkpoint's weights lie in a folder, or an index of them."""
    return any((folder / name).exists() for name in _NAMES)


def find_weight_files(folder: Path) -> list[Path]:
    """Returns the files of a checkpoint's weights, safetensors if there are such; none if there are no weights.

    Raises:
        ModelError: An index is damaged, or names what is not a file beside it.
    """
    for name in (CHECKPOINT_WEIGHTS_NAME, PYTORCH_WEIGHTS_NAME):
        if (folder / name).is_file():
            return [folder / name]
        if (index := folder / f"{name}{INDEX_SUFFIX}").is_file():
            return [index.with_name(part) for part in _read_index(index)]
    return []


def _read_index(path: Path) -> list[str]:
    weights = Fields.parse(read_model_file(path), str(path)).child("weight_map")
    names = sorted({weights.text(weight) for weight in weights.values})
    missing = [name for name in names if Path(name).name != name or not path.with_name(name).is_file()]
    if missing:
        listed = " and no ".join(map(repr, missing))
        raise ModelError(f"{path}: there is no file {listed} beside it", hint="copy or download the folder again")
    return names
