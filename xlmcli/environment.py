"""What the user's environment says: where files are kept, whether the network may be used, what the engine is told."""

from __future__ import annotations

import os
import re
import sys
import warnings
from pathlib import Path

from xlmcli.errors import UsageError

DEBUG_VARIABLE = "XLM_DEBUG"
HOME_VARIABLE = "XLM_HOME"
OFFLINE_VARIABLES = ("XLM_OFFLINE", "HF_HUB_OFFLINE")

OFFLINE_OPTION = "--offline"

_NOWHERE = Path(os.devnull, "xlm")
_NO = ("", "0", "no", "off", "false")

# Source: docs/environment_variables.md of CTranslate2; it ends in the middle of its work at any other value of these.
_OF_THE_ENGINE = {
    "CT2_VERBOSE": "-3|-2|-1|0|1|2|3",
    "CT2_FORCE_CPU_ISA": "GENERIC|AVX|AVX2|AVX512|NEON",
    "CT2_CUDA_ALLOCATOR": "cuda_malloc_async|cub_caching",
    "CT2_CUDA_CACHING_ALLOCATOR_CONFIG": r"\d{1,9},\d{1,9},\d{1,9},\d{1,15}",
}


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


def require_network(why: str) -> None:
    """Raises a UsageError if the network is forbidden; ``why`` one would want it is how its hint goes on."""
    if reason := offline_reason():
        way_out = f"leave out {reason}" if reason == OFFLINE_OPTION else f"unset {reason.partition('=')[0]}"
        raise UsageError(f"the network is not to be used ({reason})", hint=f"{way_out} {why}")


def go_offline() -> None:
    """Forbids the network to this process, to the libraries that it loads from now on, and to its children."""
    ours, of_libraries = OFFLINE_VARIABLES
    os.environ[ours] = OFFLINE_OPTION  # So that whoever asks, a child too, can say what it was.
    os.environ[of_libraries] = "1"


def silence_libraries() -> None:
    """Keeps to themselves what libraries would write to stderr in this process; ``XLM_DEBUG=1`` lets them.

    What matters of it is an error of ours, and what they tell of a model may hold what its author likes.
    """
    if os.environ.get(DEBUG_VARIABLE):
        return
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "critical")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def check_engine_variables() -> None:
    """Raises a UsageError if the engine would stumble over a variable that is meant for it."""
    for name, pattern in _OF_THE_ENGINE.items():
        value = os.environ.get(name)
        if value and not re.fullmatch(pattern, value):
            expected = "four numbers joined by commas" if "," in pattern else pattern.replace("|", ", ")
            raise UsageError(f"{name}={value[:40]!r}: the engine knows {expected}", hint=f"unset {name}")


def engine_variables() -> str:
    """Returns all variables that are meant for the engine, as a shell writes them; empty where there are none."""
    return " ".join(f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("CT2_"))
