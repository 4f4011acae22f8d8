"""Records of an interrupted run: those that are done are left out, those to come are entered in the journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from xlmcli.infer.pipeline import MakePipeline, PipelineOptions, PipelineProgress
from xlmcli.infer.records.protocols import Record
from xlmcli.journal import Journal
from xlmcli.signals import undone


class ResumedPipeline:
    """Answers the records that an interrupted run left.

    Args:
        make_pipeline: Makes the pipeline that answers them.
        journal: How far the run is; what is written is entered.
        options: How records are gathered.
        progress: Is told what was written.
    """

    def __init__(
        self, make_pipeline: MakePipeline, journal: Journal, options: PipelineOptions, progress: PipelineProgress
    ) -> None:
        self._pipeline = make_pipeline(options, self)
        self._journal = journal
        self._progress = progress

    def run(self, chunks: Iterable[Sequence[Record]]) -> None:
        """Answers them; as `Pipeline.run`."""
        with undone(self._journal.save):
            self._pipeline.run(skip_records(chunks, self._journal.done.num_records, self._progress))
        self._journal.save()

    def advance(self, num_lines: int, num_tokens: int, num_bytes: int) -> None:
        """Takes what was written since the last call."""
        self._journal.advance(num_lines)
        self._progress.advance(num_lines, num_tokens, num_bytes)


def skip_records(
    chunks: Iterable[Sequence[Record]], num_records: int, progress: PipelineProgress
) -> Iterator[Sequence[Record]]:
    """Leaves the first records out, and tells the progress of their bytes."""
    for records in chunks:
        skipped = records[:num_records]
        num_records -= len(skipped)
        if skipped:
            progress.advance(0, 0, sum(record.num_bytes for record in skipped))
        yield records[len(skipped) :]
