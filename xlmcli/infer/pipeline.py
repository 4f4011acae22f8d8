"""Keeps an engine busy with records as they come, and writes the answers in order.

Three threads: one reads, one waits for the engine, and the main one does the rest (tokenises, plans batches, hands them
to the engine, writes), driven by the events that the other two send. Only the main thread touches the state.

Records gather in a window. When the window is full its pieces are sorted by length and cut into dense batches; when
the input pauses while a worker of the engine is idle, the window goes as it is, however little is in it. So one line
out of a slow pipe is answered at once, and a corpus runs in full batches. The first window is small and each full one
lets the next grow, so that the first answers of a corpus come early too.

What is held has two more limits, for records that cost memory and no tokens (blank lines, rows with large other
columns): while one is reached, nothing more comes in.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import Empty, Queue, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar, cast, runtime_checkable

from xlmcli.infer.batching import plan_batches
from xlmcli.infer.pieces import Piece, Prepared
from xlmcli.infer.records.protocols import Record

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)
Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)
Answer_contra = TypeVar("Answer_contra", contravariant=True)

_MAX_CHUNKS_AHEAD = 4
_RECORDS_AT_ONCE = 16
_WINDOW_GROWTH = 8
_FIRST_WINDOW_SHARE = 8
# In tokens, of the largest window, which also holds some batches: of less text the batches would hold more padding.
_WINDOW_TOKENS = 1 << 15
_WINDOW_BATCHES = 16
_MAX_HELD_BYTES = 1 << 24
_NOTHING = Prepared([])


class Pending(Protocol[Result_co]):
    """A batch that the engine has in hand."""

    def wait(self) -> Sequence[Result_co]:
        """Blocks until the batch is done; returns a result for each of its pieces."""


class Work(Protocol[Result, Answer_co]):
    """What to do with records."""

    @property
    def num_workers(self) -> int:
        """Batches that the engine works on at once."""

    def prepare(self, records: Sequence[Record]) -> list[Prepared]:
        """Returns the text of each record (there is one) as pieces for the engine."""

    def submit(self, batch: Sequence[Piece]) -> Pending[Result]:
        """Hands a batch to the engine, without waiting for it."""

    def finish(self, record: Record, prepared: Prepared, results: Sequence[Result]) -> Answer_co:
        """Returns the answer to a record from the results of its pieces."""


@runtime_checkable
class AskingAgain(Protocol):
    """Work that may have a further question about a record once it has the results."""

    def ask_again(self, record: Record, prepared: Prepared, results: Sequence[Any]) -> list[Piece]:
        """Returns further pieces, whose results `Work.finish` gets behind these; called once a record."""


class Sink(Protocol[Answer_contra]):
    """Where answers go."""

    def write(self, answered: Sequence[tuple[Record, Answer_contra | None]]) -> None:
        """Takes records with their answers, in order; those that pass through as they are have none."""


class PipelineProgress(Protocol):
    """Who wants to know how far it is."""

    def advance(self, num_lines: int, num_tokens: int, num_bytes: int) -> None:
        """Takes what was done since the last call."""


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """How records are gathered.

    Attributes:
        max_batch_tokens: Most tokens of a batch, padding counted.
        line_by_line: Do not gather: a batch holds one record.
    """

    max_batch_tokens: int
    line_by_line: bool = False


class Runnable(Protocol):
    """A pipeline."""

    def run(self, chunks: Iterable[Sequence[Record]]) -> None:
        """Answers all records."""


MakePipeline = Callable[[PipelineOptions, PipelineProgress], Runnable]


@dataclass(slots=True)
class _Slot(Generic[Result]):
    """A record on its way."""

    record: Record
    prepared: Prepared
    results: list[Result | None]
    num_missing: int
    num_tokens: int = 0
    is_asked_again: bool = False


# Not frozen: there is one for every line, and a frozen one takes three times as long to make.
@dataclass(slots=True)
class _Unit(Generic[Result]):
    """A piece, and where its result goes."""

    piece: Piece
    slot: _Slot[Result]
    index: int


@dataclass(frozen=True, slots=True)
class _Read:
    records: Sequence[Record]


@dataclass(frozen=True, slots=True)
class _Ended:
    error: BaseException | None


@dataclass(frozen=True, slots=True)
class _Submitted(Generic[Result]):
    units: list[_Unit[Result]]
    pending: Pending[Result]


@dataclass(frozen=True, slots=True)
class _Done(Generic[Result]):
    units: list[_Unit[Result]]
    results: Sequence[Result]


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


@dataclass(slots=True)
class _Window(Generic[Result]):
    """Units that wait to be cut into batches."""

    max_tokens: int
    units: list[_Unit[Result]] = field(default_factory=list)
    num_tokens: int = 0

    @property
    def is_full(self) -> bool:
        return self.num_tokens >= self.max_tokens

    def add(self, slot: _Slot[Result], first: int = 0) -> None:
        """Adds the pieces of a record, from a number on."""
        for index, piece in enumerate(slot.prepared.pieces[first:], start=first):
            self.units.append(_Unit(piece, slot, index))
            slot.num_tokens += len(piece.ids)
            self.num_tokens += len(piece.ids)


class StoppedError(Exception):
    """A pipeline was told to stop before it was done."""


def join_emptying(thread: threading.Thread, queue: Queue[Any]) -> None:
    """Waits for a thread that may wait for room in a queue, from which nobody else takes for long."""
    while thread.is_alive():
        with suppress(Empty):
            while True:
                queue.get_nowait()
        thread.join(timeout=0.01)


class Pipeline(Generic[Result, Answer]):
    """Answers records in order.

    Args:
        work: What to do with them.
        sink: Where the answers go; everything that can be written so far in one call.
        options: How records are gathered.
        progress: Is told what was written.
    """

    def __init__(
        self, work: Work[Result, Answer], sink: Sink[Answer], options: PipelineOptions, progress: PipelineProgress
    ) -> None:
        self._work = work
        self._asking = work if isinstance(work, AskingAgain) else None
        self._sink = sink
        self._options = options
        self._progress = progress
        self._events: SimpleQueue[_Read | _Ended | _Done[Result] | _Failed] = SimpleQueue()
        self._submitted: SimpleQueue[_Submitted[Result] | None] = SimpleQueue()
        self._room = threading.Semaphore(_MAX_CHUNKS_AHEAD)
        self._is_stopped = False
        self._waiting: deque[Record] = deque()
        self._num_chunks_held = 0
        self._has_ended = False
        self._reading_error: BaseException | None = None
        first = 1 if options.line_by_line else max(1, options.max_batch_tokens // _FIRST_WINDOW_SHARE)
        self._window: _Window[Result] = _Window(first)
        self._ready: deque[list[_Unit[Result]]] = deque()
        self._num_in_flight = 0
        self._slots: deque[_Slot[Result]] = deque()
        self._max_window_tokens = max(_WINDOW_TOKENS, options.max_batch_tokens * _WINDOW_BATCHES)
        # As many as there are tokens in the largest window.
        self._max_slots = self._max_window_tokens
        self._num_bytes_held = 0

    def run(self, chunks: Iterable[Sequence[Record]]) -> None:
        """Answers all records.

        Args:
            chunks: Lists of records as they come; read in a thread of its own.

        Raises:
            Exception: What reading (after the records before were answered), the work or writing raised.
        """
        reader = threading.Thread(target=self._read_all, args=(chunks,), name="xlm-read", daemon=True)
        waiter = threading.Thread(target=self._wait_all, name="xlm-wait", daemon=True)
        reader.start()
        waiter.start()
        try:
            while not self._is_finished:
                self._step()
        except (KeyboardInterrupt, SystemExit, BrokenPipeError):
            # The process is about to go: nobody wants to wait for the engine.
            self._stop()
            raise
        except BaseException:
            self._stop()
            waiter.join()
            raise
        self._stop()
        # A thread inside the engine's code while the interpreter ends would abort the process.
        waiter.join()
        reader.join()
        if self._reading_error is not None:
            raise self._reading_error

    def stop(self) -> None:
        """Lets `run`, which is called in another thread, end with a `StoppedError`; of no effect after it."""
        self._events.put(_Failed(StoppedError()))

    def _stop(self) -> None:
        self._is_stopped = True
        self._room.release()
        self._submitted.put(None)

    def _read_all(self, chunks: Iterable[Sequence[Record]]) -> None:
        error: BaseException | None = None
        try:
            for records in chunks:
                self._room.acquire()
                if self._is_stopped:
                    return
                self._events.put(_Read(records))
        except BaseException as caught:
            error = caught
        self._events.put(_Ended(error))

    def _wait_all(self) -> None:
        try:
            while (submitted := self._submitted.get()) is not None and not self._is_stopped:
                self._events.put(_Done(submitted.units, submitted.pending.wait()))
        except BaseException as error:
            self._events.put(_Failed(error))

    @property
    def _is_finished(self) -> bool:
        return self._has_ended and not self._waiting and not self._slots

    @property
    def _is_crowded(self) -> bool:
        return len(self._slots) >= self._max_slots or self._num_bytes_held >= _MAX_HELD_BYTES

    @property
    def _can_fill(self) -> bool:
        return bool(self._waiting) and not self._window.is_full and not self._is_crowded

    @property
    def _can_write(self) -> bool:
        return bool(self._slots) and self._slots[0].num_missing == 0

    def _step(self) -> None:
        if not self._can_fill and not self._can_write:
            self._handle(self._events.get())
        while not self._events.empty():
            self._handle(self._events.get())
        self._fill()
        if self._window_is_due:
            self._close_window()
        self._submit()
        self._write_finished()

    def _handle(self, event: _Read | _Ended | _Done[Result] | _Failed) -> None:
        if isinstance(event, _Read):
            self._waiting.extend(event.records)
            self._num_chunks_held += 1
        elif isinstance(event, _Ended):
            self._has_ended = True
            self._reading_error = event.error
        elif isinstance(event, _Done):
            self._num_in_flight -= 1
            for unit, result in zip(event.units, event.results, strict=True):
                slot = unit.slot
                slot.results[unit.index] = result
                slot.num_missing -= 1
                if slot.num_missing == 0:
                    self._ask_again(slot)
        else:
            raise event.error

    def _ask_again(self, slot: _Slot[Result]) -> None:
        if slot.is_asked_again or self._asking is None:
            return
        slot.is_asked_again = True
        pieces = self._asking.ask_again(slot.record, slot.prepared, cast("list[Result]", slot.results))
        if pieces:
            first = len(slot.prepared.pieces)
            slot.prepared = replace(slot.prepared, pieces=[*slot.prepared.pieces, *pieces])
            slot.results += [None] * len(pieces)
            slot.num_missing = len(pieces)
            self._window.add(slot, first)

    def _fill(self) -> None:
        """Moves some records into the window: few, so that the engine is not kept waiting."""
        if not self._can_fill:
            self._make_room()
            return
        count = 1 if self._options.line_by_line else min(_RECORDS_AT_ONCE, len(self._waiting))
        records = [self._waiting.popleft() for _ in range(count)]
        asked = iter(self._work.prepare([record for record in records if record.text is not None]))
        for record in records:
            prepared = _NOTHING if record.text is None else next(asked)
            num_pieces = len(prepared.pieces)
            slot: _Slot[Result] = _Slot(record, prepared, [None] * num_pieces, num_pieces)
            self._slots.append(slot)
            self._num_bytes_held += record.num_bytes
            self._window.add(slot)
        self._make_room()

    def _make_room(self) -> None:
        if not self._waiting and self._num_chunks_held:
            self._room.release(self._num_chunks_held)
            self._num_chunks_held = 0

    @property
    def _window_is_due(self) -> bool:
        if not self._window.units or self._ready:
            return False
        if self._window.is_full:
            return True
        gets_no_more = not self._waiting or self._is_crowded
        has_paused = gets_no_more and self._num_in_flight < self._work.num_workers
        return has_paused or (self._has_ended and not self._waiting)

    def _close_window(self) -> None:
        units = self._window.units
        lens = [len(unit.piece.ids) for unit in units]
        # A window of little text is shared out: each worker gets a part.
        share = math.ceil(sum(lens) / self._work.num_workers)
        plan = plan_batches(lens, min(self._options.max_batch_tokens, share))
        self._ready.extend([units[index] for index in batch] for batch in plan)
        self._window = _Window(self._next_window_tokens())

    def _next_window_tokens(self) -> int:
        current, largest = self._window.max_tokens, self._max_window_tokens
        if self._options.line_by_line or not self._window.is_full:
            return current
        return largest if self._has_ended else min(current * _WINDOW_GROWTH, largest)

    def _submit(self) -> None:
        # A worker finds its next batch in the queue, and one more is there while the main thread is busy elsewhere.
        while self._ready and self._num_in_flight <= 2 * self._work.num_workers:
            units = self._ready.popleft()
            self._submitted.put(_Submitted(units, self._work.submit([unit.piece for unit in units])))
            self._num_in_flight += 1

    def _write_finished(self) -> None:
        answered: list[tuple[Record, Answer | None]] = []
        num_tokens = num_bytes = 0
        while self._can_write and len(answered) < _RECORDS_AT_ONCE:
            slot = self._slots.popleft()
            answered.append((slot.record, self._answer(slot)))
            num_tokens += slot.num_tokens
            num_bytes += slot.record.num_bytes
        if answered:
            self._num_bytes_held -= num_bytes
            self._sink.write(answered)
            self._progress.advance(len(answered), num_tokens, num_bytes)

    def _answer(self, slot: _Slot[Result]) -> Answer | None:
        if slot.record.text is None:
            return None
        return self._work.finish(slot.record, slot.prepared, cast("list[Result]", slot.results))
