"""What the user's environment says: where files are kept, and whether the network may be used."""

from __future__ import annotations

import os
from pathlib import Path

HOME_VARIABLE = "XLM_HOME"
OFFLINE_VARIABLES = ("XLM_OFFLINE", "HF_HUB_OFFLINE")

OFFLINE_OPTION = "--offline"

_NOWHERE = Path(os.devnull, "xlm")
_NO = ("", "0", "no", "off", "false")


def home_folder() -> Path:
    """Returns the folder of everything that ``xlm`` keeps: ``XLM_HOME``, or ``xlm`` in the user's cache directory.

    A user who has no home directory gets a folder that is not there and cannot be made.
    """
    try:
        if wanted := os.environ.get(HOME_VARIABLE):
            return Path(wanted).expanduser()
        from platformdirs import user_cache_path

        folder = user_cache_path("xlm", appauthor=False)
    except RuntimeError:
        return _NOWHERE
    return folder if folder.is_absolute() else _NOWHERE  # Older platformdirs begin it with "~" then.


def pulled_folder() -> Path:
    """Returns the folder of the pulled models; each lies in a folder that has its short name."""
    return home_folder() / "models"


def downloads_folder() -> Path:
    """Returns the folder of what has been downloaded and is no model yet."""
    return home_folder() / "downloads"


def offline_reason() -> str | None:
    """Returns what forbids to use the network: ``--offline``, or a variable, ``XLM_OFFLINE=1``; None if nothing."""
    for name in OFFLINE_VARIABLES:
        value = os.environ.get(name, "")
        if value.lower() not in _NO:
            return value if value == OFFLINE_OPTION else f"{name}={value}"
    return None


def go_offline() -> None:
    """Forbids the network to this process, to the libraries that it loads from now on, and to its children."""
    ours, of_libraries = OFFLINE_VARIABLES
    os.environ[ours] = OFFLINE_OPTION  # So that whoever asks, a child too, can say what it was.
    os.environ[of_libraries] = "1"
