"""Files of weights as safetensors writes them, whatever their names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from safetensors import safe_open


@contextmanager
def open_safetensors(path: Path, framework: Literal["pt", "numpy"]) -> Iterator[Any]:
    """Opens a file of weights.

    Raises:
        OSError: There is none.
        SafetensorError: It is none, or it is damaged.
    """
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        # Another name means nothing to the library, but that of a descriptor does.
        with path.open("rb") as file, safe_open(f"/dev/fd/{file.fileno()}", framework) as weights:
            yield weights
    else:
        with safe_open(path, framework) as weights:
            yield weights
