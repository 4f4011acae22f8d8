from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlmcli.errors import DataError
from xlmcli.infer.hypotheses import Hypothesis, Translations
from xlmcli.infer.pieces import Piece, Prepared
from xlmcli.infer.pipeline import Pipeline, PipelineOptions
from xlmcli.infer.pivot import PivotPipeline
from xlmcli.infer.reading import Input, LineCounter
from xlmcli.infer.records.formats import iter_records
from xlmcli.infer.records.protocols import Answer, FormatOptions, Record

TIMEOUT_SECONDS = 20


@dataclass
class PendingWords:
    """Words on their way to being capitals."""

    words: list[str]
    gate: threading.Event
    error: Exception | None

    def wait(self) -> list[str]:
        assert self.gate.wait(TIMEOUT_SECONDS)
        if self.error is not None:
            raise self.error
        return [word.upper() for word in self.words]


@dataclass
class Capitals:
    """Work without a model: every word is a piece, and comes back in capitals once its batch's gate is open."""

    gate: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None
    num_workers: int = 1
    batches: list[list[str]] = field(default_factory=list)
    most_prepared: int = 0
    num_open: int = 0

    def prepare(self, records: Sequence[Record]) -> list[Prepared]:
        texts = [record.text or "" for record in records]
        self.num_open += len(texts)
        self.most_prepared = max(self.most_prepared, self.num_open)
        return [Prepared([Piece([ord(letter) for letter in word]) for word in text.split()]) for text in texts]

    def submit(self, batch: Sequence[Piece]) -> PendingWords:
        words = ["".join(map(chr, piece.ids)) for piece in batch]
        self.batches.append(words)
        return PendingWords(words, self.gate, self.error)

    def finish(self, record: Record, prepared: Prepared, results: Sequence[str]) -> Translations:
        self.num_open -= 1
        assert len(results) == len(prepared.pieces)
        return Translations((Hypothesis(" ".join(results) if results else record.text or "", 0.0),))


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows hold a few batches, however small these are."""
    monkeypatch.setattr("xlmcli.infer.pipeline._WINDOW_TOKENS", 1)


class Written:
    """Gives the text of answers to a function."""

    def __init__(self, take: Callable[[str], object]) -> None:
        self._take = take

    def write(self, answered: Sequence[tuple[Record, Answer | None]]) -> None:
        self._take("".join(record.raw if answer is None else record.format(answer) for record, answer in answered))


class Counts:
    def __init__(self) -> None:
        self.num_lines = self.num_tokens = self.num_bytes = 0

    def advance(self, num_lines: int, num_tokens: int, num_bytes: int) -> None:
        self.num_lines += num_lines
        self.num_tokens += num_tokens
        self.num_bytes += num_bytes


def records_of(*contents: bytes) -> list[list[Record]]:
    """A list of records for each content."""
    source = [Input("in", lambda content=content: io.BytesIO(content), None) for content in contents]
    return list(iter_records(source, FormatOptions(), "strict", LineCounter()))


def open_capitals(num_workers: int = 1) -> Capitals:
    work = Capitals(num_workers=num_workers)
    work.gate.set()
    return work


@given(
    st.lists(st.lists(st.text("ab \t\r\xa0é", max_size=9), max_size=40), max_size=5),
    st.integers(1, 60),
    st.integers(1, 3),
    st.booleans(),
)
@settings(deadline=None)
def test_lines_keep_their_order_and_number(
    files: list[list[str]], max_batch_tokens: int, num_workers: int, line_by_line: bool
) -> None:
    work, written, counts = open_capitals(num_workers), [], Counts()
    contents = ["".join(f"{line}\n" for line in lines).encode() for lines in files]
    options = PipelineOptions(max_batch_tokens, line_by_line)
    Pipeline(work, Written(written.append), options, counts).run(records_of(*contents))
    lines = [line for lines in files for line in lines]
    output = "".join(written)
    assert output.count("\n") == len(lines) == counts.num_lines
    assert counts.num_bytes == sum(map(len, contents))
    assert counts.num_tokens == sum(len("".join(line.split())) for line in lines)
    for line, result in zip(lines, output.split("\n"), strict=False):
        assert result.endswith("\r") == line.endswith("\r")
        if line.strip():
            assert result.split() == line.upper().split()
        else:
            assert result == line
    for batch in work.batches:
        assert batch
        assert len(batch) == 1 or len(batch) * max(map(len, batch)) <= max_batch_tokens


def run_in_thread(pipeline: Pipeline[str, Translations], chunks: Iterator[list[Record]]) -> threading.Thread:
    thread = threading.Thread(target=pipeline.run, args=(chunks,), daemon=True)
    thread.start()
    return thread


def wait_until(condition: object) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.001)


@dataclass
class Tap:
    """Chunks that come when they are let through."""

    chunks: list[list[Record]]
    num_allowed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    num_taken: int = 0

    def __iter__(self) -> Iterator[list[Record]]:
        for chunk in self.chunks:
            assert self.num_allowed.acquire(timeout=TIMEOUT_SECONDS)
            self.num_taken += 1
            yield chunk


def test_a_line_is_answered_before_the_next_is_there() -> None:
    work, written = open_capitals(), []
    tap = Tap([records_of(b"one\n")[0], records_of(b"two\n")[0]])
    thread = run_in_thread(Pipeline(work, Written(written.append), PipelineOptions(1000), Counts()), iter(tap))
    for number, expected in enumerate(["ONE\n", "TWO\n"], start=1):
        tap.num_allowed.release()
        wait_until(lambda number=number: len(written) == number)
        assert written[-1] == expected
    thread.join(TIMEOUT_SECONDS)
    assert not thread.is_alive()


def test_lines_that_arrive_while_the_engine_works_share_a_batch() -> None:
    work, written = Capitals(), []
    tap = Tap([records_of(b"one\n")[0]] + [records_of(b"word\n")[0] for _ in range(9)])
    thread = run_in_thread(Pipeline(work, Written(written.append), PipelineOptions(1000), Counts()), iter(tap))
    tap.num_allowed.release()
    wait_until(lambda: work.batches)
    tap.num_allowed.release(9)
    wait_until(lambda: work.num_open == 10)
    work.gate.set()
    thread.join(TIMEOUT_SECONDS)
    assert work.batches == [["one"], ["word"] * 9]


def test_a_corpus_runs_in_full_batches_of_like_length() -> None:
    work = open_capitals()
    lines = [b"a" * (1 + number % 10) + b"\n" for number in range(4000)]
    Pipeline(work, Written(lambda _: None), PipelineOptions(100), Counts()).run(records_of(b"".join(lines)))
    padded = sum(len(batch) * max(map(len, batch)) for batch in work.batches)
    tokens = sum(len(word) for batch in work.batches for word in batch)
    assert tokens / padded > 0.9
    assert tokens / len(work.batches) > 80
    assert sum(map(len, work.batches[0])) < 100


def test_little_is_held_of_an_endless_input() -> None:
    work, num_written = open_capitals(), 0

    def count(lines: str) -> None:
        nonlocal num_written
        num_written += lines.count("\n")
        if num_written > 20_000:
            raise BrokenPipeError

    chunk = records_of(b"word\n" * 100)[0]
    chunks = iter(lambda: chunk, None)
    with pytest.raises(BrokenPipeError):
        Pipeline(work, Written(count), PipelineOptions(50), Counts()).run(chunks)
    assert work.most_prepared < 1000


def test_reading_waits_while_the_engine_does_not_answer() -> None:
    work = Capitals()
    tap = Tap([records_of(b"word\n" * 100)[0]] * 100)
    tap.num_allowed.release(100)
    thread = run_in_thread(Pipeline(work, Written(lambda _: None), PipelineOptions(50), Counts()), iter(tap))
    wait_until(lambda: len(work.batches) >= 3)
    time.sleep(0.1)
    assert tap.num_taken < 20
    work.gate.set()
    thread.join(TIMEOUT_SECONDS)
    assert tap.num_taken == 100


@pytest.mark.parametrize(("line", "most_open"), [(b"\n", 850), (b"%s\n" % (b" " * 1000), 250)])
def test_records_without_tokens_wait_for_the_engine_too(
    line: bytes, most_open: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xlmcli.infer.pipeline._MAX_HELD_BYTES", 100_000)
    work, counts = Capitals(), Counts()
    chunks = records_of(b"word\n" * 100) + [records_of(line * 10)[0] * 10] * 50
    tap = Tap(chunks)
    tap.num_allowed.release(len(chunks))
    thread = run_in_thread(Pipeline(work, Written(lambda _: None), PipelineOptions(50), counts), iter(tap))
    wait_until(lambda: len(work.batches) >= 3)
    time.sleep(0.3)
    assert work.num_open <= most_open
    assert tap.num_taken < 20
    work.gate.set()
    thread.join(TIMEOUT_SECONDS)
    assert counts.num_lines == 100 * len(chunks)


@pytest.mark.parametrize("max_bytes", [1, 40])
def test_limits_never_stop_the_flow(max_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xlmcli.infer.pipeline._MAX_HELD_BYTES", max_bytes)
    counts = Counts()
    thread = run_in_thread(
        Pipeline(open_capitals(), Written(lambda _: None), PipelineOptions(1), counts),
        iter(records_of(b"a b\n\nc\n" * 200) * 3),
    )
    thread.join(TIMEOUT_SECONDS)
    assert counts.num_lines == 1800


def test_what_was_read_before_an_error_is_answered() -> None:
    written: list[str] = []
    source = Input("in", lambda: io.BytesIO(b"one\ntwo\n\xff\nthree\n"), None)
    records = iter_records([source], FormatOptions(), "strict", LineCounter())
    with pytest.raises(DataError, match="in:3"):
        Pipeline(open_capitals(), Written(written.append), PipelineOptions(100), Counts()).run(records)
    assert "".join(written) == "ONE\nTWO\n"


def test_an_error_of_the_engine_comes_through() -> None:
    work = open_capitals()
    work.error = RuntimeError("out of memory")
    with pytest.raises(RuntimeError, match="out of memory"):
        Pipeline(work, Written(lambda _: None), PipelineOptions(100), Counts()).run(records_of(b"one\n"))


def test_line_by_line_never_gathers() -> None:
    work = open_capitals()
    Pipeline(work, Written(lambda _: None), PipelineOptions(100, line_by_line=True), Counts()).run(
        records_of(b"a\nbb\n\na b\n")
    )
    assert sorted(map(sorted, work.batches)) == [["a"], ["a", "b"], ["bb"]]


@pytest.mark.parametrize(("num_workers", "num_batches"), [(1, 1), (2, 2), (4, 4)])
def test_little_text_is_shared_out_among_the_workers(num_workers: int, num_batches: int) -> None:
    work = open_capitals(num_workers)
    Pipeline(work, Written(lambda _: None), PipelineOptions(1000), Counts()).run(records_of(b"ab\n" * 8))
    assert [len(batch) for batch in work.batches] == [8 // num_batches] * num_batches


def test_threads_end_with_the_run() -> None:
    def names() -> set[str]:
        return {thread.name for thread in threading.enumerate() if thread.name.startswith("xlm-")}

    seen: set[str] = set()

    def chunks() -> Iterator[Sequence[Record]]:
        seen.update(names())
        yield from records_of(b"a\n")

    Pipeline(open_capitals(), Written(lambda _: None), PipelineOptions(100), Counts()).run(chunks())
    assert "xlm-read" in seen
    assert names() == set()


@pytest.mark.parametrize("fails", ["writing", "the second model"])
def test_a_pivot_whose_second_half_fails_ends_while_the_input_pauses(fails: str) -> None:
    goes_on = threading.Event()
    waited: list[bool] = []

    def chunks() -> Iterator[list[Record]]:
        yield from records_of(b"one\n")
        waited.append(goes_on.wait(TIMEOUT_SECONDS))

    def take(_: str) -> None:
        if fails == "writing":
            raise OSError("disk full")

    second = open_capitals()
    second.error = OSError("disk full") if fails != "writing" else None
    works: list[Any] = [open_capitals(), second]
    with pytest.raises(OSError, match="disk full"):
        PivotPipeline(*works, Written(take), PipelineOptions(10), Counts()).run(chunks())
    assert not waited
    goes_on.set()
