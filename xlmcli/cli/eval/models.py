"""Output made on the spot, for `xlm eval` with a model. What it uses of `xlmcli.infer` is used nowhere else here."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from xlmcli.cli.streams.opening import leaving_at_once
from xlmcli.console import LineProgress, show_line_progress
from xlmcli.errors import DataError, UsageError
from xlmcli.records import ENCODING_BATCH_TOKENS, TRANSLATION_BATCH_TOKENS

if TYPE_CHECKING:
    from xlmcli.bundle import Bundle
    from xlmcli.infer.labels import Labelled as Answer
    from xlmcli.infer.pipeline import Work
    from xlmcli.metrics.labels.file import SystemLabels
    from xlmcli.metrics.report.reports import ModelFacts
    from xlmcli.metrics.sides import Side
    from xlmcli.metrics.translation.report import Candidate, Speed

Kept = TypeVar("Kept")


class NamedModel(NamedTuple):
    """A model to ask, and what tells it from others."""

    bundle: Bundle
    facts: ModelFacts


def name_models(models: Sequence[str]) -> list[NamedModel]:
    """Finds models; bundles of one name are called as the user wrote them.

    Raises:
        ModelError: There is no such model.
    """
    from xlmcli.bundle import MODEL_NAME, find_model
    from xlmcli.infer.opening import open_model
    from xlmcli.metrics.report.reports import ModelFacts

    bundles = [open_model(find_model(model)) for model in models]
    counts = Counter(bundle.name for bundle in bundles)
    names = [bundle.name if counts[bundle.name] == 1 else name for bundle, name in zip(bundles, models, strict=True)]
    return [
        NamedModel(bundle, ModelFacts(name, bundle.manifest.files[MODEL_NAME]))
        for bundle, name in zip(bundles, names, strict=True)
    ]


def translate_source(source: Side, model: NamedModel, src: str | None, tgt: str | None, quiet: bool) -> Candidate:
    """Translates text as ``xlm translate`` does.

    Raises:
        ModelError: There is no such model, or it does not translate in that direction.
    """
    from xlmcli.infer.directions import SearchOptions, open_translation
    from xlmcli.infer.engine import EngineOptions
    from xlmcli.metrics.sides import Side
    from xlmcli.metrics.translation.report import Candidate

    translation = open_translation(model.bundle, src, tgt, SearchOptions(), EngineOptions())
    output, speed = _answer(
        translation,
        source,
        lambda text, answer: answer.lines(text, 0)[0].rstrip(),
        TRANSLATION_BATCH_TOKENS,
        quiet=quiet,
    )
    return Candidate(Side(model.facts.name, output), model.facts, speed)


def check_classifiers(models: Sequence[NamedModel], multi_label: bool) -> None:
    """Checks that models give the labels that are to be scored.

    Raises:
        ModelError: One is no classifier.
        UsageError: One gives a text any number of labels, and one is wanted.
    """
    for bundle, _ in models:
        if bundle.classifier.multi_label and not multi_label:
            raise UsageError(f"{bundle.name} gives a text any number of labels", hint="add --multi-label")


def classify_texts(source: Side, model: NamedModel, lang: str | None, multi_label: bool, quiet: bool) -> SystemLabels:
    """Classifies text as ``xlm classify`` does.

    Raises:
        ModelError: The model cannot be used.
        DataError: A text gets no label where each needs one.
    """
    import numpy as np

    from xlmcli.infer.classification import Classification
    from xlmcli.infer.engine import EngineOptions
    from xlmcli.infer.labels import LabelOptions
    from xlmcli.metrics.labels.file import SystemLabels
    from xlmcli.tables import join_labels

    classification = Classification(model.bundle, lang, LabelOptions(), EngineOptions())
    answers, _ = _answer(classification, source, _keep_labels, ENCODING_BATCH_TOKENS, quiet=quiet)
    if not multi_label and () in (labels := [answer.labels for answer in answers]):
        raise DataError(
            f"{source.name}:{labels.index(()) + 1}: no label: the text is empty",
            hint="take its line out of gold and of the texts",
        )
    probabilities = None if multi_label else np.array([answer.labels[0].probability for answer in answers])
    write = join_labels if multi_label else "".join
    names = [write(label.name for label in answer.labels) for answer in answers]
    return SystemLabels(
        model.facts.name,
        numbers=range(1, len(names) + 1),
        labels=names,
        probabilities=probabilities,
        langs=None,
        possible=model.bundle.classifier.labels,
        model=model.facts,
    )


def _keep_labels(_text: str, answer: Answer) -> Answer:
    return answer


class _Collector(Generic[Kept]):
    """Keeps what a pipeline answers, in order."""

    def __init__(self, keep: Callable[[str, Any], Kept]) -> None:
        self._keep = keep
        self.kept: list[Kept] = []

    def write(self, answered: Sequence[tuple[Any, Any]]) -> None:
        self.kept += [self._keep(record.text or "", answer) for record, answer in answered]


class _Meter:
    """Counts tokens on their way to a progress bar."""

    def __init__(self, progress: LineProgress) -> None:
        self._progress = progress
        self.num_tokens = 0

    def advance(self, num_lines: int, num_tokens: int, num_bytes: int) -> None:
        self.num_tokens += num_tokens
        self._progress.advance(num_lines, num_tokens, num_bytes)


def _answer(
    work: Work[Any, Any], source: Side, keep: Callable[[str, Any], Kept], batch_tokens: int, *, quiet: bool
) -> tuple[list[Kept], Speed]:
    """Puts lines through a model; returns what is kept of each answer, and how fast it went."""
    from xlmcli.infer.pipeline import Pipeline, PipelineOptions
    from xlmcli.infer.reading import Input, LineCounter
    from xlmcli.infer.records.formats import iter_records
    from xlmcli.infer.records.protocols import FormatOptions
    from xlmcli.metrics.translation.report import Speed

    content = "".join(f"{line}\n" for line in source.lines).encode("utf-8")
    text = Input(source.name, lambda: io.BytesIO(content), len(content))
    collector = _Collector(keep)
    with (
        leaving_at_once(),
        show_line_progress(not quiet, text.num_bytes, reads_stdin=False, writes_stdout=False) as progress,
    ):
        meter = _Meter(progress)
        begin = time.perf_counter()
        records = iter_records([text], FormatOptions(), "strict", LineCounter())
        Pipeline(work, collector, PipelineOptions(batch_tokens), meter).run(records)
        seconds = time.perf_counter() - begin
    return collector.kept, Speed(len(source.lines) / seconds, meter.num_tokens / seconds)
