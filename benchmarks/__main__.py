"""``python -m benchmarks``: measures, prints a table and writes JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.comparison import Entry, Row, Skipped, describe_processor, format_table
from benchmarks.contenders import Sentences, Setup
from benchmarks.corpus import read_lines
from benchmarks.encoders import EncoderSetup, Task
from benchmarks.encoding import EncoderMeasures, measure_encoder
from benchmarks.translation import (
    measure_against_torch,
    measure_memory,
    measure_slow_pipe,
    measure_start_up,
    measure_throughput,
)
from xlmcli.bundle import DEFAULT_CLASSIFIER, embedded_models, find_model, open_bundle
from xlmcli.cores import count_usable_cores
from xlmcli.errors import DataError, XlmError
from xlmcli.outputs import atomic_write
from xlmcli.records import Direction
from xlmcli.text import load_tokenizer

_PACKAGES = ("xlmcli", "ctranslate2", "torch", "transformers", "sentencepiece")


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure; see ``--help``."""

    model: str | None
    direction: Direction
    checkpoint: Path | None
    corpus: Path | None
    classifier: str | None
    classifier_checkpoint: Path | None
    encoder: str | None
    encoder_checkpoint: Path | None
    texts: Path | None
    lines: int
    torch_lines: int
    beam_size: int | None
    max_batch_tokens: int
    encoder_batch_tokens: int
    threads: int
    rounds: int
    start_rounds: int
    memory_lines: list[int]
    batch_tokens: int
    train_steps: int
    only: list[str] | None
    output: Path


def measure_start(options: Options, setup: Setup, sentences: Sentences) -> Sequence[Entry]:
    return measure_start_up(setup, sentences.lines[0], options.start_rounds)


def measure_pipe(options: Options, setup: Setup, sentences: Sentences) -> Sequence[Entry]:
    return measure_slow_pipe(setup, sentences, options.start_rounds)


def measure_engine(options: Options, setup: Setup, sentences: Sentences) -> Sequence[Entry]:
    return measure_throughput(setup, sentences, options.rounds)


def measure_torch(options: Options, setup: Setup, sentences: Sentences) -> Sequence[Entry]:
    if options.checkpoint is None:
        return [Skipped("corpus, greedy", "no --checkpoint to run in torch")]
    return measure_against_torch(setup, sentences.first(options.torch_lines), options.rounds, options.checkpoint)


def measure_peaks(options: Options, setup: Setup, sentences: Sentences) -> Sequence[Entry]:
    return measure_memory(setup, sentences.lines, sorted(options.memory_lines))


def measure_steps(options: Options, setup: Setup, _: Sentences) -> Sequence[Entry]:
    from benchmarks.training import TrainingOptions, measure_training

    training = TrainingOptions(options.threads, options.batch_tokens, options.train_steps, options.rounds)
    return measure_training(setup.bundle.manifest.architecture, training)


def measure_classifier(options: Options, setup: Setup, _: Sentences) -> Sequence[Entry]:
    if options.classifier is None and DEFAULT_CLASSIFIER not in embedded_models():
        return [Skipped("classify", "no --classifier, and none is embedded")]
    path = find_model(options.classifier, DEFAULT_CLASSIFIER)
    return _measure_encoder(options, setup, "classify", path, options.classifier_checkpoint)


def measure_vectors(options: Options, setup: Setup, _: Sentences) -> Sequence[Entry]:
    if options.encoder is None:
        return [Skipped("encode", "no --encoder")]
    return _measure_encoder(options, setup, "encode", find_model(options.encoder), options.encoder_checkpoint)


def _measure_encoder(
    options: Options, setup: Setup, task: Task, path: Path, checkpoint: Path | None
) -> Sequence[Entry]:
    bundle, tokenizer = open_bundle(path), load_tokenizer(path)
    langs = tuple(bundle.manifest.languages)
    # A model without languages takes any.
    lang = options.direction.src if options.direction.src in langs or not langs else langs[0]
    encoder = EncoderSetup(task, bundle, tokenizer, lang, options.threads, options.encoder_batch_tokens, setup.folder)
    texts = Sentences.encode(bundle, tokenizer, read_lines(options.texts or options.corpus, options.lines))
    measures = EncoderMeasures(
        options.rounds, options.start_rounds, options.torch_lines, options.memory_lines, checkpoint
    )
    return measure_encoder(encoder, texts, measures)


MEASUREMENTS: dict[str, Callable[[Options, Setup, Sentences], Sequence[Entry]]] = {
    "start-up": measure_start,
    "pipe": measure_pipe,
    "engine": measure_engine,
    "torch": measure_torch,
    "memory": measure_peaks,
    "classify": measure_classifier,
    "encode": measure_vectors,
    "training": measure_steps,
}


def parse_options(arguments: Sequence[str]) -> Options:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures xlmcli against its baselines, prints a table and writes JSON.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("-m", "--model", help="bundle or embedded model; the embedded default if left out")
    add("--direction", type=Direction.parse, default="en-fr", help="from and to")
    add("--checkpoint", type=Path, help="what the bundle was converted from, for the comparison with torch")
    add("--corpus", type=Path, help="text to translate; made up if left out")
    add("--classifier", help="bundle for `xlm classify`; the embedded default if left out")
    add("--classifier-checkpoint", type=Path, help="what it was converted from, for the comparison with transformers")
    add("--encoder", help="bundle for `xlm encode`")
    add("--encoder-checkpoint", type=Path, help="what it was converted from, for the comparison with transformers")
    add("--texts", type=Path, help="text to classify and encode; the corpus if left out")
    add("--lines", type=int, default=10_000, help="lines of the corpus")
    add("--torch-lines", type=int, default=1000, help="lines of the corpus for the comparison with torch")
    add("--beam-size", type=int, help="hypotheses kept; the model's if left out")
    add("--max-batch-tokens", type=int, default=2048, help="source tokens of a batch")
    add("--encoder-batch-tokens", type=int, default=512, help="tokens of a batch to classify or encode")
    add("--threads", type=int, default=count_usable_cores(), help="threads of each contender")
    add("--rounds", type=int, default=3, help="turns of each contender")
    add("--start-rounds", type=int, default=10, help="turns where one is short: start-up, single lines")
    add("--memory-lines", type=int, nargs="+", default=[10_000, 100_000], help="sizes of the corpora for peak memory")
    add("--batch-tokens", type=int, default=4096, help="training: tokens of a batch, a side")
    add("--train-steps", type=int, default=2, help="training: steps in a round")
    add("--only", nargs="+", choices=list(MEASUREMENTS), help="leave the other measurements out")
    add("--output", type=Path, default=Path("build/bench.json"), help="JSON")
    return Options(**vars(parser.parse_args(arguments)))


def measure(options: Options) -> list[Entry]:
    """Measures what is wanted, one after another.

    Raises:
        XlmError: There is no such model, checkpoint or corpus.
    """
    bundle = open_bundle(find_model(options.model))
    bundle.check_direction(options.direction)
    entries: list[Entry] = []
    with tempfile.TemporaryDirectory() as folder:
        setup = Setup(
            bundle,
            load_tokenizer(bundle.path),
            options.direction,
            options.threads,
            options.max_batch_tokens,
            options.beam_size or bundle.translation.decoding.beam_size,
            Path(folder),
        )
        sentences = Sentences.encode(bundle, setup.tokenizer, read_lines(options.corpus, options.lines))
        if not sentences.lines:
            raise DataError("no line of the corpus fits the model")
        for name, function in MEASUREMENTS.items():
            if options.only is None or name in options.only:
                print(f"measuring: {name}", file=sys.stderr)
                entries += function(options, setup, sentences)
    return entries


def write_json(options: Options, machine: dict[str, object], entries: Sequence[Entry]) -> None:
    """Writes everything that was measured, and on what."""
    document = {
        "machine": machine,
        "options": asdict(options),
        "rows": [{**asdict(entry), "is_met": entry.is_met} for entry in entries if isinstance(entry, Row)],
        "skipped": [asdict(entry) for entry in entries if isinstance(entry, Skipped)],
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(options.output, "w") as file:
        json.dump(document, file, indent=2, ensure_ascii=False, default=str)
        file.write("\n")


def describe_machine() -> dict[str, object]:
    """Returns the processor, the packages, and how busy others keep the machine."""
    return {
        "processor": describe_processor(),
        "cores": count_usable_cores(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def main(arguments: Sequence[str]) -> int:
    machine = describe_machine()
    try:
        options = parse_options(arguments)
        entries = measure(options)
    except XlmError as error:
        print(f"error: {error.message}" + (f"\n\nhint: {error.hint}" if error.hint else ""), file=sys.stderr)
        return error.exit_code
    write_json(options, machine, entries)
    print(format_table(entries))
    print(f"\n{machine['processor']}, {options.threads} threads, load {machine['load']:.1f} before the start")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
