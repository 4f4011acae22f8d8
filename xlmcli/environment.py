"""What the user's environment says: where files are kept, and whether the network may be used."""

from __future__ import annotations

import os
from pathlib import Path

HOME_VARIABLE = "XLM_HOME"
OFFLINE_VARIABLES = ("XLM_OFFLINE", "HF_HUB_OFFLINE")

_NO = ("", "0", "no", "off", "false")


def home_folder() -> Path:
    """Returns the folder of everything that ``xlm`` keeps: ``XLM_HOME``, or ``xlm`` in the user's cache directory."""
    if wanted := os.environ.get(HOME_VARIABLE):
        return Path(wanted).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("xlm", appauthor=False)


def pulled_folder() -> Path:
    """Returns the folder of the pulled models; each lies in a folder that has its short name."""
    return home_folder() / "models"


def downloads_folder() -> Path:
    """Returns the folder of what has been downloaded and is no model yet."""
    return home_folder() / "downloads"


def offline_reason() -> str | None:
    """Returns what forbids to use the network, such as ``XLM_OFFLINE=1``; None if nothing does."""
    for name in OFFLINE_VARIABLES:
        value = os.environ.get(name, "")
        if value.lower() not in _NO:
            return f"{name}={value}"
    return None


def go_offline() -> None:
    """Forbids the network to this process, to the libraries that it loads from now on, and to its children."""
    for name in OFFLINE_VARIABLES:
        os.environ[name] = "1"
