"""What translating costs: time to start, to answer a line and to work through a corpus, and memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from benchmarks.comparison import Question, Row, alternate, compare
from benchmarks.contenders import BareEngine, Sentences, Setup, TorchModel
from benchmarks.processes import (
    ONE_LINE_LIMIT_SECONDS,
    SHORTEST_SECONDS,
    WARM_UP_LINES,
    XLM,
    Pipe,
    peak_megabytes,
    time_call,
    time_process,
)

_HELP_LIMIT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class _Race:
    """What a corpus took each round, in seconds.

    Attributes:
        whole: ``xlm`` as a process.
        start_up: ``xlm`` on empty input.
        theirs: The reference.
        outputs: The lines that ``xlm`` wrote.
        num_tokens: Tokens of both sides, counted in the text.
    """

    whole: list[float]
    start_up: list[float]
    theirs: list[float]
    outputs: list[str]
    num_tokens: int

    @classmethod
    def run(
        cls, setup: Setup, sentences: Sentences, beam_size: int, rounds: int, reference: Callable[[], object]
    ) -> _Race:
        command, source = setup.translate_command(beam_size), setup.write_text(sentences.lines, "corpus.txt")
        empty, target = setup.write_text([], "empty.txt"), setup.folder / "translations.txt"
        whole, start_up, theirs = alternate(
            rounds,
            lambda: time_process(command, source, target),
            lambda: time_process(command, empty),
            lambda: time_call(reference),
        )
        outputs = target.read_text(encoding="utf-8").split("\n")[:-1]
        num_tokens = sum(map(len, sentences.ids)) + sum(map(len, setup.tokenizer.encode_batch(outputs)))
        return cls(whole, start_up, theirs, outputs, num_tokens)

    def rows(self, question: Question, their_outputs: Sequence[str]) -> list[Row]:
        """Compares with start-up left out, which the question's bar is about, and as a whole process."""
        # Ours starts with a capital where the text does.
        pairs = zip(self.outputs, their_outputs, strict=True)
        num_equal = sum(ours.casefold() == theirs.casefold() for ours, theirs in pairs)
        note = f"{num_equal:,} of {len(self.outputs):,} lines are equal"
        net = [max(whole - start, SHORTEST_SECONDS) for whole, start in zip(self.whole, self.start_up, strict=True)]
        whole = Question(f"{question.name}, whole process", question.reference, question.unit)
        theirs = self._per_token(self.theirs)
        return [
            compare(question, self._per_token(net), theirs, note),
            compare(whole, self._per_token(self.whole), theirs, f"start-up takes {median(self.start_up):.3f} s"),
        ]

    def _per_token(self, seconds: Sequence[float]) -> list[float]:
        return [value / self.num_tokens for value in seconds]


def measure_start_up(setup: Setup, line: str, rounds: int) -> list[Row]:
    """Times ``xlm --help`` and the translation of one line, whole processes."""
    source = setup.write_text([line], "line.txt")
    helps, lines, interpreters = alternate(
        rounds,
        lambda: time_process([XLM, "--help"]),
        lambda: time_process(setup.translate_command(), source),
        lambda: time_process([sys.executable, "-c", ""]),
    )
    note = f"Python alone takes {median(interpreters):.3f} s"
    return [
        compare(Question("xlm --help", "limit", "s", 1.0), helps, [_HELP_LIMIT_SECONDS] * rounds, note),
        compare(Question("one line, end to end", "limit", "s", 1.0), lines, [ONE_LINE_LIMIT_SECONDS] * rounds),
    ]


def measure_slow_pipe(setup: Setup, sentences: Sentences, rounds: int) -> list[Row]:
    """Times lines that come one by one through a pipe which stays open, against the engine's own time for them."""
    engine, pieces = BareEngine(setup), cycle(sentences.pieces)
    with subprocess.Popen(
        setup.translate_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        pipe = Pipe(process, cycle(sentences.lines))
        pipe.ask()
        engine.translate([next(pieces)], setup.beam_size)
        answers, translations = alternate(
            rounds,
            lambda: time_call(pipe.ask),
            lambda: time_call(lambda: engine.translate([next(pieces)], setup.beam_size)),
        )
    return [compare(Question("line out of a slow pipe", "bare engine, same line", "s", 0.5), answers, translations)]


def measure_throughput(setup: Setup, sentences: Sentences, rounds: int) -> list[Row]:
    """Races ``xlm translate < corpus`` against the engine on the corpus's pieces."""
    engine = BareEngine(setup)
    engine.translate(sentences.pieces[:WARM_UP_LINES], setup.beam_size)
    results: list[list[str]] = []

    def translate() -> None:
        results[:] = engine.translate(sentences.pieces, setup.beam_size)

    race = _Race.run(setup, sentences, setup.beam_size, rounds, translate)
    ids = {piece: index for index, piece in enumerate(setup.tokenizer.vocab)}
    outputs = setup.tokenizer.decode_batch([[ids[piece] for piece in pieces] for pieces in results])
    return race.rows(Question(f"corpus, beam {setup.beam_size}", "bare engine", "tokens/s", 0.95), outputs)


def measure_against_torch(setup: Setup, sentences: Sentences, rounds: int, checkpoint: Path) -> list[Row]:
    """Races greedy ``xlm translate < corpus`` against torch in float32 on the checkpoint that the bundle is made of."""
    model = TorchModel(checkpoint, setup)
    model.translate(sentences.ids[:WARM_UP_LINES])
    outputs: list[str] = []

    def translate() -> None:
        outputs[:] = model.translate(sentences.ids)

    race = _Race.run(setup, sentences, 1, rounds, translate)
    return race.rows(Question("corpus, greedy", "torch float32", "tokens/s", 4.0), outputs)


def measure_memory(setup: Setup, lines: Sequence[str], sizes: Sequence[int]) -> list[Row]:
    """Compares the peak memory of ``xlm translate`` on corpora of several sizes with that on the first.

    They are made of the shorter half of the lines: how many there are is the question, not how long it takes.
    """
    lines = sorted(lines, key=len)[: (len(lines) + 1) // 2]
    first, *others = [(size, _peak_megabytes(setup, lines, size)) for size in sizes]
    reference = f"{first[0]:,} lines"
    return [
        compare(Question(f"peak memory, {size:,} lines", reference, "MB", 0.9), [peak], [first[1]])
        for size, peak in others
    ]


def _peak_megabytes(setup: Setup, lines: Sequence[str], size: int) -> float:
    source = setup.write_text(list(islice(cycle(lines), size)), "memory.txt")
    return peak_megabytes(setup.translate_command(beam_size=1), source)
