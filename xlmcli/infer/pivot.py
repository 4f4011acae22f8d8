"""Translation through a third language: the translations of one model are the texts of another."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from queue import Queue

from xlmcli.infer.alignment import Alignment
from xlmcli.infer.guards import PieceTranslation
from xlmcli.infer.hypotheses import Translations
from xlmcli.infer.pieces import Piece, Prepared
from xlmcli.infer.pipeline import (
    Pending,
    Pipeline,
    PipelineOptions,
    PipelineProgress,
    Sink,
    StoppedError,
    join_emptying,
)
from xlmcli.infer.records.protocols import Answer, Record
from xlmcli.infer.translation import Translation

_MAX_WAITING = 64
"""Lists of records between the two models, at most."""
_Between = Queue[list[Record] | BaseException | None]


@dataclass(frozen=True, slots=True)
class PivotRecord:
    """A record half way: its text is what the first model said.

    Attributes:
        record: As it was read.
        said: The first model's answer.
    """

    record: Record
    said: Translations

    @property
    def text(self) -> str:
        return self.said.hypotheses[0].text

    @property
    def pair(self) -> None:
        return None

    @property
    def num_bytes(self) -> int:
        return self.record.num_bytes

    @property
    def raw(self) -> bytes:
        return self.record.raw

    def format(self, answer: Answer) -> str:
        return self.record.format(answer)


class PivotPipeline:
    """Two pipelines, one after the other; see `Pipeline`.

    Args:
        first: Translates into the third language.
        second: Translates from it. Scores are its own, and links lead through the words between.
        sink: Where the answers go.
        options: How records are gathered, for either.
        progress: Is told what was written.
    """

    def __init__(
        self,
        first: Translation,
        second: Translation,
        sink: Sink[Translations],
        options: PipelineOptions,
        progress: PipelineProgress,
    ) -> None:
        self._between: _Between = Queue(_MAX_WAITING)
        self._first = Pipeline(first, _Handover(self._between), options, _Unwatched())
        self._second = Pipeline(_SecondStep(second), _WholeSink(sink), options, progress)

    def run(self, chunks: Iterable[Sequence[Record]]) -> None:
        """Answers all records; as `Pipeline.run`."""
        thread = threading.Thread(target=self._run_first, args=(chunks,), name="xlm-first", daemon=True)
        thread.start()
        try:
            self._second.run(self._iter_between())
        except (KeyboardInterrupt, SystemExit, BrokenPipeError):
            raise  # The process is about to go.
        except BaseException:
            self._first.stop()
            join_emptying(thread, self._between)
            raise
        thread.join()

    def _run_first(self, chunks: Iterable[Sequence[Record]]) -> None:
        try:
            self._first.run(chunks)
        except StoppedError:
            return  # The second one has failed.
        except BaseException as error:
            self._between.put(error)
        else:
            self._between.put(None)

    def _iter_between(self) -> Iterator[list[Record]]:
        while (waiting := self._between.get()) is not None:
            if isinstance(waiting, BaseException):
                raise waiting
            yield waiting


class _Unwatched:
    def advance(self, num_lines: int, num_tokens: int, num_bytes: int) -> None:
        pass


class _Handover:
    """Gives the first model's answers to the second one."""

    def __init__(self, between: _Between) -> None:
        self._between = between

    def write(self, answered: Sequence[tuple[Record, Translations | None]]) -> None:
        self._between.put([record if said is None else PivotRecord(record, said) for record, said in answered])


class _WholeSink:
    """Gives the second model's answers to a sink, with the records as they were read."""

    def __init__(self, sink: Sink[Translations]) -> None:
        self._sink = sink

    def write(self, answered: Sequence[tuple[Record, Translations | None]]) -> None:
        self._sink.write(
            [(record.record if isinstance(record, PivotRecord) else record, said) for record, said in answered]
        )


class _SecondStep:
    """The second model's work, whose answers tell of the first one's too."""

    def __init__(self, translation: Translation) -> None:
        self._translation = translation
        self.num_workers = translation.num_workers

    def prepare(self, records: Sequence[Record]) -> list[Prepared]:
        return self._translation.prepare(records)

    def submit(self, batch: Sequence[Piece]) -> Pending[PieceTranslation]:
        return self._translation.submit(batch)

    def finish(self, record: Record, prepared: Prepared, results: Sequence[PieceTranslation]) -> Translations:
        answer = self._translation.finish(record, prepared, results)
        assert isinstance(record, PivotRecord), "only those that pass through come as they were read"
        before = record.said
        warnings = tuple(dict.fromkeys((*before.warnings, *answer.warnings)))
        to_pivot = before.hypotheses[0].alignment
        hypotheses = tuple(
            replace(item, alignment=_compose(to_pivot, item.alignment)) if to_pivot and item.alignment else item
            for item in answer.hypotheses
        )
        return replace(answer, hypotheses=hypotheses, warnings=warnings)


def _compose(first: Alignment, second: Alignment) -> Alignment:
    """Links words of a text with those of its second translation, through the words between."""
    sources: dict[int, list[int]] = {}
    for source, between in first.links:
        sources.setdefault(between, []).append(source)
    links = {(source, target) for between, target in second.links for source in sources.get(between, ())}
    return Alignment(first.source, second.target, sorted(links))
