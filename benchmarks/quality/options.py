"""The command line of ``python -m benchmarks.quality``, and the parts of the measurements that it asks for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.answers import Translator
from benchmarks.quality.languages import LanguagePart
from benchmarks.quality.lengths import LengthPart
from benchmarks.quality.numbers import NumberPart
from benchmarks.quality.parts import Part
from benchmarks.quality.phrasebook import read_phrasebook
from benchmarks.quality.phrases import PhrasePart, read_phrases
from benchmarks.quality.plain import PlainPart
from benchmarks.quality.robustness import RobustnessPart
from benchmarks.quality.rows import read_test_sets
from benchmarks.quality.spans import SpanPart, read_span_lines
from benchmarks.quality.speed import SpeedOptions, SpeedPart, first_of_each_direction
from xlmcli.cores import count_usable_cores
from xlmcli.errors import UsageError
from xlmcli.records import Direction

SPAN_LANG = "en"

_DESCRIPTION = """\
Measures the translations of a bundle, and prints the scores as JSON that `xlm convert --scores` takes.

  python -m benchmarks.quality BUNDLE tatoeba:en-fr=test/tatoeba.en-fr.tsv --by-length --robustness > scores.json

Each test set is scored in every direction of the bundle that it allows, by what `xlm translate` prints for it.
"""


@dataclass(frozen=True, slots=True)
class Options:
    """The command line; see its help."""

    bundle: str
    test_sets: list[str]
    by_length: bool
    robustness: bool
    numbers: bool
    languages: bool
    spans: Path | None
    phrases: Path | None
    phrasebook: Path | None
    beams: tuple[int, ...]
    rounds: int
    threads: int
    no_protect: bool
    show_misses: bool
    markdown: Path | None

    def __post_init__(self) -> None:
        if not self.test_sets and (self.by_length or self.robustness or self.beams):
            raise UsageError("--by-length, --robustness and --beams need a test set", hint="NAME:LANG-LANG=FILE.tsv")
        if (self.numbers or self.languages) and not self.test_sets and self.phrasebook is None:
            raise UsageError(
                "--numbers and --languages need a test set", hint="NAME:LANG-LANG=FILE.tsv or --phrasebook FILE.tsv"
            )

    @property
    def translator(self) -> Translator:
        """What translates."""
        return Translator(self.bundle, self.threads, protects=not self.no_protect)


def parse_options(arguments: Sequence[str]) -> Options:
    """Reads the command line.

    Raises:
        UsageError: An option lacks what it works on.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("bundle", help="folder of the model, or its name")
    add("test_sets", nargs="*", metavar="NAME:LANG-LANG=FILE.tsv", help="pairs: BLEU, chrF2, share of repeating lines")
    add("--by-length", action="store_true", help="BLEU of the test sets by words of the source")
    add("--robustness", action="store_true", help="BLEU of the test sets in capitals, with typing errors, …")
    add("--numbers", action="store_true", help="share of lines, of test sets and phrasebook, that keep their numbers")
    add("--languages", action="store_true", help="share of their lines that are identified as the target's language")
    add("--spans", type=Path, metavar="FILE.tsv", help=f"sentence ({SPAN_LANG}), then the spans to be kept")
    add("--phrases", type=Path, metavar="FILE.tsv", help="direction, phrase, acceptable translations joined by ' / '")
    add("--phrasebook", type=Path, metavar="FILE.tsv", help="theme, then en fr de es it pt")
    add("--beams", type=_parse_beams, default=(), metavar="1,2,4", help="BLEU and speed of each, on the first test set")
    add("--rounds", type=_parse_count, default=1, help="how often each beam is timed (default: 1)")
    add("--threads", type=_parse_count, default=count_usable_cores(), help="cores to use (default: all)")
    add("--no-protect", action="store_true", help="measure the model alone: xlm translate --no-protect")
    add("--show-misses", action="store_true", help="list phrases, spans, numbers and languages that were missed")
    add("--markdown", type=Path, metavar="FILE.md", help="write tables to this file")
    return Options(**vars(parser.parse_intermixed_args(arguments)))


def read_parts(options: Options, directions: Sequence[Direction]) -> list[Part]:
    """Reads the files, and returns the parts that are asked for.

    Raises:
        UsageError: A test set is not named as it should be.
        DataError: A file cannot be read, or has another form.
    """
    test_sets = [test_set for text in options.test_sets for test_set in read_test_sets(text, directions)]
    phrasebook = None if options.phrasebook is None else read_phrasebook(options.phrasebook, directions)
    all_sets = [*test_sets, *([] if phrasebook is None else phrasebook.whole())]
    parts: list[Part] = [PlainPart(test_sets)]
    if options.by_length:
        parts.append(LengthPart(test_sets))
    if options.robustness:
        parts.append(RobustnessPart(test_sets))
    if options.spans is not None:
        from_lang = [direction for direction in directions if direction.src == SPAN_LANG]
        parts.append(SpanPart(read_span_lines(options.spans), from_lang))
    if options.numbers:
        parts.append(NumberPart(all_sets))
    if options.languages:
        parts.append(LanguagePart(all_sets))
    if options.phrases is not None:
        parts.append(PhrasePart(read_phrases(options.phrases, directions)))
    if phrasebook is not None:
        parts.append(phrasebook)
    if options.beams:
        speed = SpeedOptions(options.translator, options.beams, options.rounds)
        parts.append(SpeedPart(first_of_each_direction(test_sets), speed))
    return parts


def _parse_beams(text: str) -> tuple[int, ...]:
    return tuple(_parse_count(part) for part in text.split(","))


def _parse_count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)
