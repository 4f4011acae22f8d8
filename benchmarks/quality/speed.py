"""Speed and BLEU of several beams, so that the default can be chosen by both."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.processes import NOTHING, SHORTEST_SECONDS, Spent, spend_process, write_text
from benchmarks.quality.answers import Answers, Request, Translator
from benchmarks.quality.lengths import count_words
from benchmarks.quality.parts import ParallelSet, Part, score_bleu
from benchmarks.quality.records import Layout, Record
from xlmcli.records import Direction


@dataclass(frozen=True, slots=True)
class SpeedOptions:
    """What is timed.

    Attributes:
        translator: What translates.
        beams: Beam sizes.
        rounds: How often each is timed; the median counts.
    """

    translator: Translator
    beams: tuple[int, ...]
    rounds: int


@dataclass(frozen=True, slots=True)
class SpeedPart(Part):
    """Times `xlm translate` with each beam, without what it takes on empty input."""

    test_sets: Sequence[ParallelSet]
    options: SpeedOptions

    title = "Speed"
    note = (
        "Words of the source a second, start-up left out: on the clock for each core, and of processor time, which "
        "other work on the machine falsifies less."
    )
    layout = Layout({"test_set": "test set", "direction": "direction", "variant": "beam"}, ("metric",))

    def iter_requests(self) -> Iterator[Request]:
        yield from ()

    def measure(self, answers: Answers) -> list[Record]:
        with tempfile.TemporaryDirectory() as folder:
            return [record for test_set in self.test_sets for record in _measure(test_set, self.options, Path(folder))]


def first_of_each_direction(test_sets: Sequence[ParallelSet]) -> list[ParallelSet]:
    """Returns the first test set of each direction."""
    first: dict[Direction, ParallelSet] = {}
    for test_set in test_sets:
        first.setdefault(test_set.direction, test_set)
    return list(first.values())


def net_words_per_second(num_words: int, whole: Sequence[float], start_up: Sequence[float]) -> float:
    """Returns the speed, from seconds of each round with the start and of the start alone."""
    return num_words / max(median(whole) - median(start_up), SHORTEST_SECONDS)


def _measure(test_set: ParallelSet, options: SpeedOptions, folder: Path) -> Iterator[Record]:
    source, target = write_text(folder / "sources.txt", test_set.sources), folder / "translations.txt"
    command = options.translator.command(test_set.direction)
    start_up = [spend_process(command, NOTHING) for _ in range(options.rounds)]
    for beam in options.beams:
        whole = [spend_process([*command, "--beam-size", str(beam)], source, target) for _ in range(options.rounds)]
        yield score_bleu(test_set, target.read_text(encoding="utf-8").split("\n")[:-1], f"beam {beam}")
        yield from _speeds(test_set, f"beam {beam}", options.translator.threads, whole, start_up)


def _speeds(
    test_set: ParallelSet, variant: str, threads: int, whole: Sequence[Spent], start_up: Sequence[Spent]
) -> Iterator[Record]:
    num_words = sum(map(count_words, test_set.sources))
    clock = net_words_per_second(num_words, *([spent.seconds for spent in side] for side in (whole, start_up)))
    processor = net_words_per_second(
        num_words, *([spent.processor_seconds for spent in side] for side in (whole, start_up))
    )
    cores = f"{threads} core" + ("s" if threads > 1 else "")
    yield Record(test_set.direction, test_set.name, f"words/s per core ({cores})", clock / threads, variant=variant)
    yield Record(test_set.direction, test_set.name, "words/s of processor time", processor, variant=variant)
