"""What becomes of memory that a step of training frees, where the C library is glibc."""

from __future__ import annotations

import ctypes
import sys

# Of malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4


def keep_freed_memory() -> None:
    """Lets the C library keep what a step frees for the next one (mallopt(3)).

    Else every large tensor is mapped anew and cleared by the kernel, two thirds of its time in training.
    """
    if mallopt := _find("mallopt"):
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, -1)


def return_freed_memory() -> None:
    """Returns all that is free to the system (malloc_trim(3)).

    Batches are of all lengths: what one frees is cut up by the next, and a run would come to hold several times what it
    uses.
    """
    if malloc_trim := _find("malloc_trim"):
        malloc_trim(0)


def _find(name: str) -> ctypes._NamedFuncPointer | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
