"""`xlm eval translate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from xlmcli.cli.eval.options import (
    EvalCommand,
    ReportOptions,
    check_stdin,
    publish,
    report_options,
    write_stdout,
)
from xlmcli.cli.options import FILE, MODEL, ListType, was_given
from xlmcli.console import print_note
from xlmcli.errors import UsageError
from xlmcli.lines import STDIN
from xlmcli.records import Direction

if TYPE_CHECKING:
    from xlmcli.cli.eval.models import NamedModel
    from xlmcli.metrics.sides import Side
    from xlmcli.metrics.translation.report import Candidate
    from xlmcli.metrics.translation.scorer import MetricName, Scorer


@click.command("translate", cls=EvalCommand, short_help="Score translations.")
@click.argument("files", nargs=-1, type=FILE, metavar="[HYP]...")
@click.option("--ref", "refs", type=FILE, multiple=True, metavar="REF", help="Reference translations; repeat for more.")
@click.option("--source", type=FILE, metavar="SOURCE", help="What was translated, or is to be with -m.")
@click.option("--testset", metavar="NAME", help="Source and references of this test set of sacreBLEU's, such as wmt14.")
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    metavar="MODEL",
    type=MODEL,
    help="Translate the source with this bundle or embedded model, and score that; may be repeated.",
)
@click.option("--src", metavar="LANG", help="Language of the source.")
@click.option("--tgt", metavar="LANG", help="Language of the translations; zh, ja and ko choose BLEU's tokeniser.")
@click.option(
    "--metrics",
    type=ListType("bleu", "chrf", "ter"),
    default="bleu,chrf",
    show_default=True,
    help="What to compute. TER is slow on long lines.",
)
@click.option(
    "--tokenize", metavar="NAME", help="BLEU's tokeniser, as sacreBLEU calls it.  [default: 13a, or by --tgt]"
)
@click.option(
    "--chrf-word-order",
    type=click.IntRange(0, 16),
    default=0,
    show_default=True,
    help="Word n-grams of chrF; 2 is chrF++.",
)
@click.option("--lowercase", is_flag=True, help="BLEU and chrF ignore case.")
@click.option("--sentence", is_flag=True, help="Write the scores of each line instead, as tsv or JSON lines.")
@click.option(
    "--trials",
    type=click.IntRange(0, 1_000_000),
    default=10_000,
    show_default=True,
    help="Trials of approximate randomization, where there are several systems; 0 for none.",
)
@click.option(
    "-w", "--width", type=click.IntRange(0, 16), default=2, show_default=True, help="Decimals of printed scores."
)
@report_options
def command(
    files: tuple[Path, ...],
    refs: tuple[Path, ...],
    source: Path | None,
    testset: str | None,
    models: tuple[str, ...],
    src: str | None,
    tgt: str | None,
    metrics: tuple[str, ...],
    tokenize: str | None,
    chrf_word_order: int,
    lowercase: bool,
    sentence: bool,
    trials: int,
    width: int,
    options: ReportOptions,
) -> None:
    """Score translations: HYP files, stdin if there are none, or what models make of the source.

    BLEU, chrF and TER are sacreBLEU's, with its signatures, and equal what its command prints. Every file has a line
    for each line of the others. Each score comes with a 95 % confidence interval, by bootstrap resampling. Of several
    systems each is tested against the first, or --baseline, by the paired bootstrap and by approximate randomization;
    a difference is called significant where both p-values are below 0.05.

    With --source, the report also has the shares of lines that repeat themselves, that copy the source where the
    reference does not, and that are not half to twice as long as a reference, in percent; with -m also the speed.

    \b
    Examples:
      xlm translate --src en --tgt fr < test.en | xlm eval translate --ref test.fr
      xlm eval translate --ref test.fr --metrics bleu,chrf,ter old.fr new.fr
      xlm eval translate -m en-fr --src en --tgt fr --source test.en --ref test.fr
      xlm eval translate -m en-fr --src en --tgt fr --testset wmt14 --fail-under bleu=20
      xlm eval translate --ref test.fr --sentence --format json out.fr
    """
    from xlmcli.metrics.sides import side_name
    from xlmcli.metrics.translation.scorer import MetricOptions, open_scorers

    texts = _Inputs(files=files, refs=refs, source=source, testset=testset, models=models, src=src, tgt=tgt)
    options.check_plot()
    texts.check(options.quiet)
    if sentence:
        _check_sentence_options(options)
    # ListType lets nothing else through.
    names = cast("tuple[MetricName, ...]", metrics)
    metric_options = MetricOptions(names, tgt, tokenize, chrf_word_order, lowercase)
    original, references = texts.read_references()
    scorers = open_scorers(metric_options, len(references), for_sentences=sentence)
    gates = options.gates([scorer.name for scorer in scorers])
    named = texts.name_models()
    baseline = options.baseline_index([*map(side_name, texts.hypotheses)], [model.facts.name for model in named])
    candidates = texts.read_candidates(original, references, named, options.quiet)
    if sentence:
        _write_sentences(candidates, references, scorers, options, width)
        return
    from xlmcli.infer.repetition import repeats_itself
    from xlmcli.metrics.translation.report import report_translations

    report = report_translations(
        candidates,
        references,
        original,
        scorers,
        options.sampling(trials),
        repeats_itself,
        baseline=baseline,
        decimals=width,
    )
    publish(report, options, gates)


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Where texts come from, as the options of the same names say."""

    files: tuple[Path, ...]
    refs: tuple[Path, ...]
    source: Path | None
    testset: str | None
    models: tuple[str, ...]
    src: str | None
    tgt: str | None

    @property
    def hypotheses(self) -> tuple[Path, ...]:
        return self.files or (() if self.models else (STDIN,))

    def check(self, quiet: bool) -> None:
        """Raises a UsageError if options contradict each other."""
        if bool(self.refs) == (self.testset is not None):
            raise UsageError(
                "--ref and --testset together" if self.refs else "nothing to compare with",
                hint="give --ref REF, or --testset NAME --src LANG --tgt LANG",
            )
        if self.testset is not None:
            if self.source is not None:
                raise UsageError("--source and --testset together", hint="a test set has its own source")
            if self.src is None or self.tgt is None:
                raise UsageError("--testset needs a direction", hint="add --src LANG --tgt LANG")
        elif self.models and self.source is None:
            raise UsageError("-m needs something to translate", hint="add --source FILE, or --testset NAME")
        check_stdin((*self.hypotheses, *self.refs, self.source), self.hypotheses, unit="translation", quiet=quiet)

    def read_references(self) -> tuple[Side | None, list[Side]]:
        """Returns the source, if there is one, and the references."""
        from xlmcli.metrics.sides import check_aligned, read_side

        if self.testset is not None and self.src is not None and self.tgt is not None:
            from xlmcli.metrics.translation.testsets import load_testset

            return load_testset(self.testset, Direction(self.src, self.tgt))
        references = [read_side(path) for path in self.refs]
        source = None if self.source is None else read_side(self.source)
        for side in references[1:] if source is None else (*references[1:], source):
            check_aligned(side, references[0])
        return source, references

    def name_models(self) -> list[NamedModel]:
        if not self.models:
            return []
        from xlmcli.cli.eval.models import name_models

        return name_models(self.models)

    def read_candidates(
        self, source: Side | None, references: list[Side], models: Sequence[NamedModel], quiet: bool
    ) -> list[Candidate]:
        """Returns the systems: files first, then what models make of the source."""
        from xlmcli.metrics.sides import check_aligned, read_side
        from xlmcli.metrics.translation.report import Candidate

        sides = [read_side(path) for path in self.hypotheses]
        for side in sides:
            check_aligned(side, references[0])
        candidates = [Candidate(side) for side in sides]
        if models and source is not None:
            from xlmcli.cli.eval.models import translate_source

            candidates += [translate_source(source, model, self.src, self.tgt, quiet) for model in models]
        return candidates


def _check_sentence_options(options: ReportOptions) -> None:
    if options.format not in (None, "tsv", "json"):
        raise UsageError(f"--sentence has no --format {options.format}", hint="it has tsv and json, a line each")
    for name in filter(was_given, ("baseline", "resamples", "trials", "seed", "fail_under", "plot")):
        raise UsageError(f"--{name.replace('_', '-')} is for whole texts", hint="leave it or --sentence out")


def _write_sentences(
    candidates: list[Candidate], references: list[Side], scorers: list[Scorer], options: ReportOptions, decimals: int
) -> None:
    from xlmcli.metrics.translation.report import format_sentences_json, format_sentences_tsv, score_sentences

    names = [scorer.name for scorer in scorers]
    rows = score_sentences(candidates, references, scorers)
    is_json = options.format == "json"
    lines = format_sentences_json(rows, names) if is_json else format_sentences_tsv(rows, names, decimals)
    if not options.quiet:
        for scorer in scorers:
            print_note(f"{scorer.name}|{scorer.signature()}")
    for line in lines:
        write_stdout(line)
