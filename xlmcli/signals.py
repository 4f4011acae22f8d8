"""Signals that end the process: at once, without a word, and with nothing half written left behind.

They raise nothing: an exception out of nowhere is printed, wrapped or lost where it hits an import or other programs'
code. What must not be left behind says so itself. A process imports this before anything else, so it imports little.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress

TYPE_CHECKING = False  # As typing has it, which takes its time to be imported.
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any, NoReturn, TypeAlias

    Handler: TypeAlias = Callable[[int, FrameType | None], Any]

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_undoings: list[Callable[[], Any]] = []


def install() -> None:
    """Lets the signals end this process from now on; one that it was started to ignore (``nohup``) stays ignored."""
    _handle(leave)


def leave(number: int, _frame: FrameType | None = None) -> NoReturn:
    """Undoes what is under way and ends the process with the exit code of a signal."""
    for undo in reversed(_undoings):
        with suppress(Exception):
            undo()
    # The usual way out would wait for threads, and for the engine to work through its queue.
    os._exit(128 + number)


def raise_ending(number: int, _frame: FrameType | None = None) -> NoReturn:
    """Ends the process by the usual way out."""
    raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)


@contextmanager
def undone(undo: Callable[[], Any]) -> Iterator[None]:
    """Calls ``undo`` if the block fails, or if a signal ends the process in the middle of it."""
    _undoings.append(undo)
    try:
        yield
    except BaseException:
        undo()
        raise
    finally:
        _undoings.remove(undo)


@contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """Gives the signals to another handler while the block runs."""
    previous = _handle(handler)
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)


def _handle(handler: Handler) -> dict[signal.Signals, Any]:
    wanted = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in wanted}
