"""Stopping a run between two steps."""

from __future__ import annotations

import signal
import time
from types import FrameType

# A launcher of several processes passes on the Ctrl-C that a terminal has sent to each of them already.
_SAME_INTERRUPT_SECONDS = 3.0


class Interrupts:
    """Notes SIGINT and SIGTERM while a run goes on, so that it stops between two steps with a checkpoint written.

    A second one, a while later, stops it at once.

    Attributes:
        any: Whether one has come.
    """

    def __init__(self) -> None:
        self.any = False
        self._first_time = 0.0

    def __enter__(self) -> Interrupts:
        self._previous = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.any:
            self.any, self._first_time = True, now
        elif now - self._first_time > _SAME_INTERRUPT_SECONDS:
            raise KeyboardInterrupt
