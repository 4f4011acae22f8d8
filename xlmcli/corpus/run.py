"""Ray shares pieces out among workers, each of which keeps its models; tries again those whose worker has died."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from xlmcli.cores import count_usable_cores
from xlmcli.corpus.pieces import FilePiece
from xlmcli.environment import DEBUG_VARIABLE
from xlmcli.errors import DataError, ExitCode, UsageError, XlmError
from xlmcli.signals import handled, leave

if TYPE_CHECKING:
    from ray.data import Dataset

_SECONDS_BETWEEN_REPORTS = 1.0


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Where workers run.

    Attributes:
        address: Of the Ray cluster; None for one that is started on this machine and ends with the run.
        num_workers: How many there are; None for as many as there are processors for.
        cpus_per_worker: Processor cores of each.
        gpus_per_worker: GPUs of each, or the share of one.
        object_store_bytes: Memory of what Ray moves between processes of this machine.
    """

    address: str | None
    num_workers: int | None
    cpus_per_worker: int
    gpus_per_worker: float
    object_store_bytes: int

    @property
    def num_local_workers(self) -> int:
        """How many workers there are on this machine alone."""
        return self.num_workers or max(1, count_usable_cores() // self.cpus_per_worker)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went with a piece.

    Attributes:
        num_lines: How many were answered.
        counts: Numbers of lines by what happened to them.
        error: What went wrong; None if nothing.
        hint: The way out, for an error that all pieces would have.
        exit_code: Of an error that all pieces would have; 0 if there is none.
    """

    num_lines: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None
    hint: str | None = None
    exit_code: int = 0


class PieceProgress(Protocol):
    """Who wants to know how far a worker is; as `xlmcli.infer.pipeline.PipelineProgress`."""

    def advance(self, num_lines: int, num_tokens: int, num_bytes: int) -> None:
        """Takes what was done since the last call."""


AnswerPiece = Callable[[FilePiece, PieceProgress], Outcome]


class SharedError(XlmError):
    """An error that all pieces would have."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.error or "", hint=outcome.hint)
        self.exit_code = ExitCode(outcome.exit_code)


class _Tally:
    """Counts in a process of its own what all workers have done since it was asked."""

    def __init__(self) -> None:
        self._counts = [0, 0, 0]

    def add(self, counts: Sequence[int]) -> None:
        self._counts = [before + count for before, count in zip(self._counts, counts, strict=True)]

    def take(self) -> list[int]:
        counts, self._counts = self._counts, [0, 0, 0]
        return counts


class _Reporter:
    """Tells the tally now and then."""

    def __init__(self, tally: Any) -> None:
        self._tally = tally
        self._counts = [0, 0, 0]
        self._last = time.monotonic()

    def advance(self, *counts: int) -> None:
        self._counts = [before + count for before, count in zip(self._counts, counts, strict=True)]
        if time.monotonic() >= self._last + _SECONDS_BETWEEN_REPORTS:
            self.flush()

    def flush(self) -> None:
        self._last = time.monotonic()
        if self._tally is not None and any(self._counts):
            self._tally.add.remote(self._counts)
        self._counts = [0, 0, 0]


class _Worker:
    """What Ray runs: answers one piece after the other, with models that are opened once."""

    def __init__(self, answer: AnswerPiece, tally: Any) -> None:
        self._answer = answer
        self._reporter = _Reporter(tally)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        outcome = self._answer(FilePiece(**row["piece"]), self._reporter)
        self._reporter.flush()
        return {"index": row["index"], "outcome": json.dumps(asdict(outcome))}


def run_pieces(
    pieces: Sequence[FilePiece], answer: AnswerPiece, options: ClusterOptions, report: PieceProgress | None
) -> Iterator[tuple[FilePiece, Outcome]]:
    """Answers pieces on a cluster; yields them as they are done.

    Args:
        pieces: What is to be done.
        answer: Does it, in every worker; it is sent there as pickle does it.
        options: Where workers run.
        report: Who wants to know how far they are.

    Raises:
        SharedError: An error that all pieces would have.
        DataError: Ray cannot be started or reached.
    """
    with _cluster(options) as num_workers:
        import ray

        missing = set(range(len(pieces)))
        tally = ray.remote(num_cpus=0)(_Tally).remote() if report is not None else None
        with _reporting(tally, report):
            for index, outcome in _outcomes(_dataset(pieces, answer, tally, options, min(num_workers, len(pieces)))):
                if outcome.exit_code:
                    raise SharedError(outcome)
                missing.discard(index)
                yield pieces[index], outcome
        for index in sorted(missing):
            yield pieces[index], Outcome(error="Ray lost it")


def _dataset(
    pieces: Sequence[FilePiece], answer: AnswerPiece, tally: Any, options: ClusterOptions, num_workers: int
) -> Dataset:
    import ray.data

    rows = [{"index": index, "piece": asdict(piece)} for index, piece in enumerate(pieces)]
    return ray.data.from_items(rows, override_num_blocks=len(rows)).map(
        cast(Any, _Worker),
        fn_constructor_args=(answer, tally),
        compute=ray.data.ActorPoolStrategy(size=num_workers, max_tasks_in_flight_per_actor=2),
        num_cpus=options.cpus_per_worker,
        num_gpus=options.gpus_per_worker or None,
    )


def _outcomes(dataset: Dataset) -> Iterator[tuple[int, Outcome]]:
    for batch in dataset.iter_batches(batch_size=None, prefetch_batches=0):
        for index, outcome in zip(batch["index"], batch["outcome"], strict=True):
            yield int(index), Outcome(**json.loads(outcome))


@contextlib.contextmanager
def _cluster(options: ClusterOptions) -> Iterator[int]:
    """Starts Ray without telling anybody, or joins it; gives the number of workers."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # It is for the user to say how nice this command is.
    if options.address is None:  # Its ports are open to the network.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    import ray
    from ray.data import DataContext

    is_quiet = not os.environ.get(DEBUG_VARIABLE)
    level = logging.CRITICAL if is_quiet else logging.INFO
    local: dict[str, Any] = {
        "address": "local",
        "num_cpus": options.num_local_workers * options.cpus_per_worker,
        "object_store_memory": options.object_store_bytes,
        "include_dashboard": False,
    }
    with contextlib.ExitStack() as stack:
        if is_quiet:
            stack.enter_context(_descriptors_to_ourselves())
        try:
            where = local if options.address is None else {"address": options.address}
            ray.init(**where, logging_level=level, log_to_driver=not is_quiet)
        except (OSError, RuntimeError, ValueError, ConnectionError) as error:
            place = "on this machine" if options.address is None else f"at {options.address}"
            raise DataError(f"Ray {place}: {error}") from error
        stack.callback(ray.shutdown)
        stack.enter_context(handled(leave))  # Ray takes SIGTERM for itself.
        logging.getLogger("ray.data").setLevel(level)
        context = DataContext.get_current()
        context.enable_progress_bars = not is_quiet
        context.print_on_execution_start = not is_quiet
        context.max_errored_blocks = -1
        num_possible = _count_workers(options)
        if not num_possible and (options.address is None or options.num_workers is None):
            raise UsageError(
                "there is nothing for a worker to run on",
                hint="--cpus-per-worker and --gpus-per-worker say what it takes",
            )
        yield options.num_workers or num_possible


def _count_workers(options: ClusterOptions) -> int:
    """Returns how many workers the cluster has room for."""
    import ray

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    most = resources.get("CPU", 0) // options.cpus_per_worker
    if options.gpus_per_worker:
        most = min(most, resources.get("GPU", 0) // options.gpus_per_worker)
    return int(most)


@contextlib.contextmanager
def _descriptors_to_ourselves() -> Iterator[None]:
    """Lets Ray write to neither stdout nor stderr, as it does from C++ and in its processes, and us to stderr."""
    with contextlib.ExitStack() as stack:
        nowhere = stack.enter_context(open(os.devnull, "w"))
        stack.enter_context(contextlib.redirect_stdout(nowhere))
        stderr = stack.enter_context(open(os.dup(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace"))
        if sys.stderr is sys.__stderr__:
            stack.enter_context(contextlib.redirect_stderr(stderr))
        for number in (1, 2):
            before = os.dup(number)
            stack.callback(os.close, before)
            stack.callback(os.dup2, before, number)
            os.dup2(nowhere.fileno(), number)
        yield


@contextlib.contextmanager
def _reporting(tally: Any, report: PieceProgress | None) -> Iterator[None]:
    """Hands on what the tally counts, in a thread."""
    if report is None:
        yield
        return
    import ray

    has_ended = threading.Event()

    def hand_on() -> None:
        while not has_ended.wait(_SECONDS_BETWEEN_REPORTS):
            report.advance(*ray.get(tally.take.remote()))

    thread = threading.Thread(target=hand_on, name="xlm-tally", daemon=True)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()
        with contextlib.suppress(Exception):
            report.advance(*ray.get(tally.take.remote()))
