from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence

import pytest

from xlmcli.errors import DataError, UsageError
from xlmcli.infer.iteration import iter_answers
from xlmcli.infer.pieces import Piece, Prepared
from xlmcli.infer.records.protocols import Record

TIMEOUT_SECONDS = 20


class Lengths:
    """Work without a model: the answer to a text is how many letters it has."""

    num_workers = 1

    def prepare(self, records: Sequence[Record]) -> list[Prepared]:
        return [Prepared([Piece(list(map(ord, record.text or "")))]) for record in records]

    def submit(self, batch: Sequence[Piece]) -> Lengths.Done:
        return self.Done([len(piece.ids) for piece in batch])

    def finish(self, record: Record, prepared: Prepared, results: Sequence[int]) -> int:
        return sum(results)

    class Done:
        def __init__(self, lens: list[int]) -> None:
            self.lens = lens

        def wait(self) -> list[int]:
            return self.lens


def names_of_threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_answers_come_in_order() -> None:
    texts = ["a" * (number % 17) for number in range(5000)]
    assert list(iter_answers(Lengths(), texts, 64)) == list(map(len, texts))


def test_no_texts_have_no_answers() -> None:
    assert list(iter_answers(Lengths(), [], 64)) == []


def test_an_answer_waits_for_no_further_text() -> None:
    answered = threading.Event()

    def iter_texts() -> Iterator[str]:
        yield "one"
        assert answered.wait(TIMEOUT_SECONDS)
        yield "three"

    answers = iter_answers(Lengths(), iter_texts(), 64)
    assert next(answers) == 3
    answered.set()
    assert list(answers) == [5]


def test_what_is_left_ends_and_reads_no_more() -> None:
    num_read = 0

    def iter_texts() -> Iterator[str]:
        nonlocal num_read
        while True:
            num_read += 1
            yield "text"

    answers = iter_answers(Lengths(), iter_texts(), 64)
    assert list(itertools.islice(answers, 3)) == [4, 4, 4]
    answers.close()  # type: ignore[attr-defined]
    assert not names_of_threads() & {"xlm-answers", "xlm-wait"}
    read_by_then = num_read
    assert read_by_then < 200_000
    assert num_read <= read_by_then + 8


def test_errors_come_after_the_answers_before_them() -> None:
    def iter_texts() -> Iterator[str]:
        yield "one"
        raise DataError("no more")

    answers = iter_answers(Lengths(), iter_texts(), 64)
    assert next(answers) == 3
    with pytest.raises(DataError, match="no more"):
        next(answers)


@pytest.mark.parametrize("texts", ["one text", b"one text", ["a", None], [3], ["a\udcff"]])
def test_what_is_no_text_is_refused(texts: object) -> None:
    with pytest.raises(UsageError, match=r"text"):
        list(iter_answers(Lengths(), texts, 64))  # type: ignore[arg-type]
