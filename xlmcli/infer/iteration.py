"""Answers to texts one after the other, for callers in Python: a pipeline at work behind an iterator."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from queue import Queue
from typing import Generic, TypeVar, cast

from xlmcli.errors import UsageError
from xlmcli.infer.pipeline import Pipeline, PipelineOptions, Work, join_emptying
from xlmcli.infer.records.protocols import Answer, Record

Result = TypeVar("Result")
AnswerType = TypeVar("AnswerType")

_MAX_WAITING = 64
"""Lists of answers that nobody has asked for yet, at most."""
_BYTES_OF_RECORD = 64


@dataclass(frozen=True, slots=True)
class PlainRecord:
    """A text by itself, which is part of no file."""

    text: str
    pair: None = None

    @property
    def num_bytes(self) -> int:
        return len(self.text) + _BYTES_OF_RECORD

    @property
    def raw(self) -> bytes:
        return self.text.encode("utf-8", "surrogatepass")

    def format(self, answer: Answer) -> str:
        return "".join(f"{line}\n" for line in answer.lines(self.text, 0))


def iter_answers(work: Work[Result, AnswerType], texts: Iterable[str], max_batch_tokens: int) -> Iterator[AnswerType]:
    """Yields the answer to each text, in order.

    Texts are read ahead in a thread of its own, so that batches fill; as many as a pipeline holds.

    Args:
        work: What to do with them.
        texts: The texts; they may come as slowly as they like, and without end.
        max_batch_tokens: Most tokens of a batch, padding counted.

    Raises:
        UsageError: ``texts`` is a single text, or has something else in it.
        Exception: What ``texts`` or the work raised, after the answers before it.
    """
    if isinstance(texts, str | bytes):
        raise UsageError("one text was given in place of several", hint="give a list: [text]")
    if not isinstance(texts, Iterable):
        raise UsageError(f"expected texts, found {type(texts).__name__}", hint="give a list or an iterator of str")
    return _Run(work, max_batch_tokens).iterate(texts)


class _Run(Generic[Result, AnswerType]):
    """A pipeline in a thread of its own, and the answers that come out of it."""

    def __init__(self, work: Work[Result, AnswerType], max_batch_tokens: int) -> None:
        self._answers: Queue[list[AnswerType]] = Queue(_MAX_WAITING)
        self._error: BaseException | None = None
        self._pipeline = Pipeline(work, self, PipelineOptions(max_batch_tokens), self)

    def iterate(self, texts: Iterable[str]) -> Iterator[AnswerType]:
        """Yields the answers."""
        thread = threading.Thread(target=self._run, args=(texts,), name="xlm-answers", daemon=True)
        thread.start()
        try:
            while answers := self._answers.get():
                yield from answers
        finally:
            # Nobody wants more, or all is done. A thread inside the engine's code while the interpreter ends would
            # abort the process, so it is waited for; it may wait for room itself.
            self._pipeline.stop()
            join_emptying(thread, self._answers)
        if self._error is not None:
            raise self._error

    def _run(self, texts: Iterable[str]) -> None:
        try:
            self._pipeline.run([_record(text)] for text in texts)
        except BaseException as error:
            self._error = error
        self._answers.put([])

    def write(self, answered: Sequence[tuple[Record, AnswerType | None]]) -> None:
        self._answers.put([cast("AnswerType", answer) for _, answer in answered])

    def advance(self, num_lines: int, num_tokens: int, num_bytes: int) -> None:
        pass


def _record(text: str) -> PlainRecord:
    if not isinstance(text, str):
        raise UsageError(f"expected texts, found {type(text).__name__}: {text!r:.100}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(f"a text has half a surrogate pair, which is no character: {text!r:.100}") from None
    return PlainRecord(text)
