"""Options that the `xlm eval` commands share, and what is done with a report once it is there."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import click

from xlmcli.cli.help import HeadedCommand
from xlmcli.cli.options import OUTPUT, grouped, require_extra
from xlmcli.console import print_grids, print_note
from xlmcli.errors import UsageError
from xlmcli.lines import STDIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlmcli.metrics.report.gates import Gate
    from xlmcli.metrics.report.reports import Report
    from xlmcli.metrics.significance import SamplingOptions

ReportFormat = Literal["table", "tsv", "json", "markdown", "latex"]

_MAX_SHOWN_COLUMNS = 16
_MAX_DIGITS = 10


class _SeedType(click.ParamType[int]):
    """A whole number from 0; sacreBLEU's variable may also say ``none``, for figures that differ from run to run."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value).strip()
        if not text.isdecimal() or len(text) > _MAX_DIGITS:
            self.fail(f"{value!r} is no seed: give a whole number from 0, so that figures can be had again", param, ctx)
        return int(text)


class EvalCommand(HeadedCommand):
    """A command with these options."""

    headings: ClassVar = {
        "Input": (
            *("gold", "text", "refs", "source", "testset", "column", "gold_column", "probability_column"),
            *("lang_column", "label_format", "labels", "multi_label"),
        ),
        "Models to run": ("models", "src", "tgt", "lang"),
        "Scores": ("metrics", "tokenize", "chrf_word_order", "lowercase", "sentence", "train_lang"),
        "Comparison": ("baseline", "resamples", "trials", "seed"),
        "Output": ("format", "width", "plot", "fail_under", "quiet"),
    }


_SHARED = (
    click.option("--baseline", metavar="NAME", help="System that the others are tested against.  [default: the first]"),
    click.option(
        "--resamples",
        type=click.IntRange(0, 1_000_000),
        default=1000,
        show_default=True,
        help="Bootstrap resamples for 95 % confidence intervals and the paired test; 0 for none.",
    ),
    click.option(
        "--seed",
        type=_SeedType(),
        default=12345,
        show_default=True,
        envvar="SACREBLEU_SEED",
        show_envvar=True,
        help="Of all sampling.",
    ),
    click.option(
        "--format",
        type=click.Choice(["table", "tsv", "json", "markdown", "latex"]),
        help="Of the report.  [default: table on a terminal, else tsv]",
    ),
    click.option(
        "--fail-under",
        metavar="METRIC=SCORE,...",
        help="Exit with 1 if a system falls short of a score (TER: is above it).",
    ),
    click.option("--plot", type=OUTPUT, metavar="FILE", help="Draw the result into this .png, .svg or .pdf file."),
    click.option("-q", "--quiet", is_flag=True, help="No progress bar and no notes on stderr."),
)


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What is wanted of a report.

    Attributes:
        baseline: Name of the system that the others are tested against; None is the first.
        resamples: Of bootstrap resampling.
        seed: Of all sampling.
        format: None is a table on a terminal, else TSV.
        fail_under: Limits as given; None for none.
        plot: Where to draw; None for nowhere.
        quiet: Whether notes are left out.
    """

    baseline: str | None
    resamples: int
    seed: int
    format: ReportFormat | None
    fail_under: str | None
    plot: Path | None
    quiet: bool

    def check_plot(self) -> None:
        """Checks that what is to be drawn can be.

        Raises:
            UsageError: The format does not exist.
            MissingExtraError: Matplotlib is not installed.
        """
        if self.plot is not None:
            require_extra("plot", "matplotlib")
            from xlmcli.metrics.report.plots import check_plot_path

            check_plot_path(self.plot)

    def gates(self, metric_names: Sequence[str]) -> tuple[Gate, ...]:
        """Returns the limits of scores.

        Raises:
            UsageError: --fail-under names a metric that is not computed, or no number.
        """
        from xlmcli.metrics.report.gates import parse_gates

        return () if self.fail_under is None else parse_gates(self.fail_under, metric_names)

    def sampling(self, num_trials: int) -> SamplingOptions:
        """Returns how to sample.

        Args:
            num_trials: Of approximate randomization.
        """
        from xlmcli.metrics.significance import SamplingOptions

        return SamplingOptions(self.resamples, num_trials, self.seed)

    def baseline_index(self, files: Sequence[str], models: Sequence[str]) -> int:
        """Returns which of the systems, files and then models, is the baseline.

        Raises:
            UsageError: None has that name, or two systems have one name.
        """
        names = [*files, *models]
        for name in names:
            if files.count(name) > 1 or models.count(name) > 1:
                raise UsageError(f"two systems are called {name}", hint="give each of them once")
            if name in files and name in models:
                raise UsageError(f"a file and a model are both called {name}", hint="give the whole path of the file")
        if self.baseline is None:
            return 0
        if self.baseline not in names:
            raise UsageError(f"--baseline {self.baseline}: no such system", hint=f"there is {', '.join(names)}")
        return names.index(self.baseline)


report_options = grouped(ReportOptions, "options", _SHARED)
"""Adds the shared options."""


def check_stdin(paths: Sequence[Path | None], systems: Sequence[Path], *, unit: str, quiet: bool) -> None:
    """Checks that standard input is read once at most, and tells whoever is at the terminal that it waits.

    Args:
        paths: All inputs.
        systems: Those that are scored.
        unit: What each of their lines is.
        quiet: Whether to say nothing.

    Raises:
        UsageError: It is named twice.
    """
    if paths.count(STDIN) > 1:
        raise UsageError("standard input can be read once only", hint="name files for the others")
    if STDIN in systems and not quiet and sys.stdin is not None and sys.stdin.isatty():
        print_note(f"reading from the terminal, a {unit} a line; Ctrl-D ends")


def publish(report: Report, options: ReportOptions, gates: Sequence[Gate]) -> None:
    """Writes a report to stdout, its warnings to stderr and its picture to a file, and checks its limits.

    Raises:
        GateError: A score falls short of a limit.
    """
    from xlmcli.metrics.report.gates import check_gates

    if not options.quiet:
        for warning in report.warnings:
            print_note(warning)
    _print_report(report, options.format)
    if options.plot is not None:
        from xlmcli.metrics.report.plots import plot_report

        plot_report(report, options.plot)
    check_gates(report, gates)


def write_stdout(text: str) -> None:
    """Writes text to stdout as UTF-8, whatever the locale."""
    sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.buffer.flush()


def _print_report(report: Report, report_format: ReportFormat | None) -> None:
    if report_format is None:
        report_format = "table" if sys.stdout.isatty() else "tsv"
    if report_format != "table":
        from xlmcli.metrics.report.writers import format_report

        write_stdout(format_report(report, report_format))
        return
    from xlmcli.metrics.report.grids import interval_note, score_grid, signature_lines, table_grid

    notes = [*signature_lines(report), *filter(None, [interval_note(report)])]
    tables = [table for table in report.tables if len(table.columns) <= _MAX_SHOWN_COLUMNS]
    print_grids([score_grid(report), *map(table_grid, tables)], notes)
    for table in report.tables:
        if table not in tables:
            print_note(f"{table.title}: too wide to show; --format tsv and json have it")
