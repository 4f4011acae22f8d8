"""Stopping a run between two steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from xlmcli.signals import handled, leave

# A launcher of several processes passes on the Ctrl-C that a terminal has sent to each of them already.
_SAME_INTERRUPT_SECONDS = 3.0


class Interrupts:
    """Notes a signal that shall end the run, so that it stops between two steps with a checkpoint written.

    Attributes:
        number: The signal that has come, or 0.
    """

    def __init__(self) -> None:
        self.number = 0
        self._first_time = 0.0

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Takes a signal. A second one, a while later, ends the process at once."""
        now = time.monotonic()
        if not self.number:
            self.number, self._first_time = number, now
        elif now - self._first_time > _SAME_INTERRUPT_SECONDS:
            leave(number)


@contextmanager
def noted_interrupts() -> Iterator[Interrupts]:
    """Notes signals while the block runs."""
    interrupts = Interrupts()
    with handled(interrupts.note):
        yield interrupts
