"""Finding models: by path, among the embedded ones, and among those that were pulled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from xlmcli.bundle.reading import is_bundle, is_checkpoint
from xlmcli.environment import HOME_VARIABLE, pulled_folder
from xlmcli.errors import DataError, ModelError

DEFAULT_MODEL = "en-fr"
DEFAULT_CLASSIFIER = "sentiment"

_PRETRAINED = Path(__file__).parents[1] / "pretrained"
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def find_model(name_or_path: str | None = None, default: str = DEFAULT_MODEL) -> Path:
    """Finds the folder of a model.

    Args:
        name_or_path: Path of a bundle, short name of an embedded or pulled model, or None for the default.
        default: Name of the model that None stands for.

    Returns:
        The folder. A path that is a bundle wins over an embedded model of the same name, and a path that is a bundle or
        a checkpoint over a pulled one.

    Raises:
        ModelError: There is no such model; the hint lists those that there are.
    """
    name = default if name_or_path is None else name_or_path
    if not name:
        raise ModelError("the name of the model is empty")
    embedded = embedded_models()
    if name_or_path is not None and is_bundle(Path(name)):
        return Path(name)
    if name in embedded:
        return embedded[name]
    pulled = pulled_models()
    if name in pulled and not is_checkpoint(Path(name)):
        return pulled[name]
    if name_or_path is not None and Path(name).exists():
        return Path(name)
    available = f"embedded models: {', '.join(embedded)}" if embedded else "this installation embeds no model"
    if pulled:
        available += f"; pulled models: {', '.join(pulled)}"
    other_way = f"xlm models pull {name} asks the hub for it" if is_hub_name(name) else "a bundle's path will do too"
    raise ModelError(
        f"no model named {name!r}, and no folder either",
        hint=f"{suggest(name, [*embedded, *pulled])}{available}; {other_way}",
    )


def suggest(name: str, names: Sequence[str]) -> str:
    """Returns the beginning of a hint that asks whether the most similar of ``names`` was meant; empty if none is."""
    from difflib import get_close_matches

    by_key = {key.lower(): key for key in names}
    near = get_close_matches(name.rpartition("/")[2].lower(), by_key, n=1)
    return f"did you mean {by_key[near[0]]}? " if near else ""


def embedded_models() -> dict[str, Path]:
    """Returns the models inside the package, by short name."""
    if not _PRETRAINED.is_dir():
        return {}
    return {folder.name: folder for folder in sorted(_PRETRAINED.iterdir()) if is_bundle(folder)}


def is_hub_name(text: str) -> bool:
    """Tells whether a text looks like the name of a repository of the hub: ``OWNER/NAME``."""
    return _HUB_NAME.fullmatch(text) is not None


def pulled_models() -> dict[str, Path]:
    """Returns the models that ``xlm models pull`` got, by short name.

    Raises:
        DataError: This user may not look into their folder.
    """
    folder = pulled_folder()
    try:
        # What is being written has a name that begins with a point.
        shown = [path for path in sorted(folder.iterdir()) if path.name[0] != "."] if folder.is_dir() else []
        return {path.name: path for path in shown if is_bundle(path)}
    except PermissionError as error:
        raise DataError(
            f"{error.filename}: the folder of pulled models cannot be read ({error.strerror})",
            hint=f"{HOME_VARIABLE} names another place",
        ) from None
