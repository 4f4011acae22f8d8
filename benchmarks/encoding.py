"""What classifying and encoding cost: time to start, to answer a line and to work through a corpus, and memory."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from benchmarks.comparison import Entry, Question, Row, Skipped, alternate, compare
from benchmarks.contenders import Sentences
from benchmarks.encoders import BareEncoder, EncoderSetup, TransformersEncoder
from benchmarks.processes import (
    ONE_LINE_LIMIT_SECONDS,
    SHORTEST_SECONDS,
    WARM_UP_LINES,
    Pipe,
    Spent,
    peak_megabytes,
    spend_call,
    spend_process,
    time_call,
    time_process,
    write_text,
)
from xlmcli.infer.languages import AUTO


@dataclass(frozen=True, slots=True)
class EncoderMeasures:
    """What to measure.

    Attributes:
        rounds: Turns of each contender.
        start_rounds: Turns where one is short.
        torch_lines: Lines for the comparison with transformers.
        memory_lines: Sizes of the corpora for peak memory.
        checkpoint: What the bundle was converted from; None leaves transformers out.
    """

    rounds: int
    start_rounds: int
    torch_lines: int
    memory_lines: list[int]
    checkpoint: Path | None


def measure_encoder(setup: EncoderSetup, texts: Sentences, measures: EncoderMeasures) -> list[Entry]:
    """Measures all that there is to measure of a task."""
    entries: list[Entry] = [
        *_measure_lines(setup, texts, measures.start_rounds),
        *_measure_engine(setup, texts, measures.rounds),
    ]
    if measures.checkpoint is None:
        entries.append(Skipped(f"{setup.task}, against transformers", "no checkpoint to run in transformers"))
    else:
        first = texts.first(measures.torch_lines)
        entries += _measure_transformers(setup, first, measures.rounds, measures.checkpoint)
    return entries + _measure_memory(setup, texts.lines, sorted(measures.memory_lines))


def _measure_lines(setup: EncoderSetup, texts: Sentences, rounds: int) -> list[Row]:
    """Times one line as a whole process, and lines that come one by one through a pipe which stays open."""
    engine, ids = BareEncoder(setup), cycle(texts.ids)
    source = write_text(setup.folder / "line.txt", texts.lines[:1])
    command = setup.command(AUTO)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        pipe = Pipe(process, cycle(texts.lines))
        pipe.ask()
        engine.encode_line(next(ids))
        lines, answers, states = alternate(
            rounds,
            lambda: time_process(command, source),
            lambda: time_call(pipe.ask),
            lambda: time_call(lambda: engine.encode_line(next(ids))),
        )
    one_line = Question(f"{setup.task}: one line, end to end", "limit", "s", 1.0)
    slow_pipe = Question(f"{setup.task}: line out of a slow pipe", "bare engine, same line", "s", 0.5)
    return [compare(one_line, lines, [ONE_LINE_LIMIT_SECONDS] * rounds), compare(slow_pipe, answers, states)]


def _measure_engine(setup: EncoderSetup, texts: Sentences, rounds: int) -> list[Row]:
    """Races ``xlm`` on a corpus, with the language told and identified, against the engine on the corpus's ids."""
    engine = BareEncoder(setup)
    engine.encode(texts.ids[:WARM_UP_LINES])
    corpus = _Corpus(setup, texts)
    told, told_empty, auto, auto_empty, theirs = alternate(
        rounds,
        lambda: corpus.run(setup.lang),
        lambda: corpus.start(setup.lang),
        lambda: corpus.run(AUTO),
        lambda: corpus.start(AUTO),
        lambda: spend_call(lambda: engine.encode(texts.ids)),
    )
    rows = list(corpus.rows(f"--lang {setup.lang}", "bare engine", 0.95, told, told_empty, theirs))
    rows += corpus.rows("--lang auto", "bare engine", 0.95, auto, auto_empty, theirs)
    return rows


def _measure_transformers(setup: EncoderSetup, texts: Sentences, rounds: int, checkpoint: Path) -> list[Row]:
    """Races ``xlm`` on a corpus against transformers in float32 on the checkpoint that the bundle is made of."""
    model = TransformersEncoder(checkpoint, setup)
    model.run(texts.ids[:WARM_UP_LINES], is_sorted=True)
    corpus = _Corpus(setup, texts)
    labels: list[int] = []
    ours, empty, is_sorted, unsorted = alternate(
        rounds,
        lambda: corpus.run(setup.lang),
        lambda: corpus.start(setup.lang),
        lambda: spend_call(lambda: labels.extend(model.run(texts.ids, is_sorted=True))),
        lambda: spend_call(lambda: model.run(texts.ids, is_sorted=False)),
    )
    what = f"--lang {setup.lang}"
    note = corpus.describe_labels(labels[: len(texts.ids)])
    rows = list(corpus.rows(what, "transformers float32, sorted by length", None, ours, empty, is_sorted, note))
    rows += corpus.rows(what, "transformers float32, in order", None, ours, empty, unsorted)
    return rows


class _Corpus:
    """A corpus that ``xlm`` works through, as a process."""

    def __init__(self, setup: EncoderSetup, texts: Sentences) -> None:
        self._setup, self._ids = setup, texts.ids
        self._source = write_text(setup.folder / "corpus.txt", texts.lines)
        self._empty = write_text(setup.folder / "empty.txt", [])
        self._target = setup.folder / "answers.txt"

    def run(self, lang: str) -> Spent:
        """Runs it."""
        return spend_process(self._setup.corpus_command(lang), self._source, self._target)

    def start(self, lang: str) -> Spent:
        """Runs the process on empty input."""
        return spend_process(self._setup.corpus_command(lang), self._empty)

    def rows(
        self,
        what: str,
        reference: str,
        bar: float | None,
        ours: Sequence[Spent],
        empty: Sequence[Spent],
        theirs: Sequence[Spent],
        note: str = "",
    ) -> Iterator[Row]:
        """Compares without start-up, on the clock and in processor time."""
        num_tokens = sum(map(len, self._ids))
        clocks: dict[str, Callable[[Spent], float]] = {
            "": lambda spent: spent.seconds,
            ", processor time": lambda spent: spent.processor_seconds,
        }
        for name, clock in clocks.items():
            net = [max(clock(whole) - clock(start), SHORTEST_SECONDS) for whole, start in zip(ours, empty, strict=True)]
            question = Question(f"{self._setup.task} {what}{name}", reference, "tokens/s", bar)
            start_up = f"start-up takes {median(map(clock, empty)):.3f} s"
            costs = [[seconds / num_tokens for seconds in side] for side in (net, list(map(clock, theirs)))]
            yield compare(question, costs[0], costs[1], f"{start_up}; {note}" if note else start_up)

    def describe_labels(self, theirs: Sequence[int]) -> str:
        """Says how many labels of the last run are those of another."""
        if self._setup.task != "classify":
            return ""
        names = self._setup.bundle.classifier.labels
        ours = [line.partition("\t")[0] for line in self._target.read_text(encoding="utf-8").split("\n")[:-1]]
        num_equal = sum(our == names[their] for our, their in zip(ours, theirs, strict=True))
        return f"{num_equal:,} of {len(ours):,} labels are equal"


def _measure_memory(setup: EncoderSetup, lines: Sequence[str], sizes: Sequence[int]) -> list[Row]:
    """Compares the peak memory of ``xlm`` on corpora of several sizes with that on the first.

    They are made of the shorter half of the lines, numbered, so that no line comes twice.
    """
    lines = sorted(lines, key=len)[: (len(lines) + 1) // 2]
    peaks = []
    for size in sizes:
        numbered = (f"{line} {number}" for number, line in enumerate(islice(cycle(lines), size)))
        source = write_text(setup.folder / "memory.txt", numbered)
        peaks.append(peak_megabytes(setup.corpus_command(AUTO), source))
    return [
        compare(
            Question(f"{setup.task}: peak memory, {size:,} lines", f"{sizes[0]:,} lines", "MB", 0.9), [peak], [peaks[0]]
        )
        for size, peak in zip(sizes[1:], peaks[1:], strict=True)
    ]
