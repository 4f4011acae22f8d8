"""`xlm eval classify`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xlmcli.cli.eval.options import EvalCommand, ReportOptions, check_stdin, publish, report_options
from xlmcli.cli.options import FILE, MODEL, SingleOption
from xlmcli.errors import UsageError
from xlmcli.lines import STDIN, content_suffix

if TYPE_CHECKING:
    from xlmcli.cli.eval.models import NamedModel
    from xlmcli.metrics.labels.file import LabelColumns, SystemLabels
    from xlmcli.tables import FormatName


@click.command("classify", cls=EvalCommand, short_help="Score labels.")
@click.argument("files", nargs=-1, type=FILE, metavar="[PRED]...")
@click.option("--gold", type=FILE, required=True, metavar="GOLD", help="File with the right labels.")
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    metavar="MODEL",
    type=MODEL,
    help="Classify --input with this bundle, and score that; may be repeated.",
)
@click.option("--input", "text", type=FILE, metavar="FILE", help="Texts for -m: plain text, one a line.")
@click.option("--lang", metavar="LANG", help="Language of --input, for models that are told it.")
@click.option(
    "--column",
    "--field",
    "column",
    cls=SingleOption,
    metavar="NAME",
    help="Column (number from 1, or name in the header) or JSON field of the labels.  [default: label, or the first]",
)
@click.option(
    "--gold-column",
    "--gold-field",
    "gold_column",
    cls=SingleOption,
    metavar="NAME",
    help="Likewise in GOLD, where it differs.",
)
@click.option(
    "--probability-column",
    "--probability-field",
    "probability_column",
    cls=SingleOption,
    metavar="NAME",
    help="Likewise of the labels' probabilities in PRED.  [default: probability, if there is one]",
)
@click.option(
    "--lang-column",
    "--lang-field",
    "lang_column",
    cls=SingleOption,
    metavar="NAME",
    help="Likewise of GOLD's languages.",
)
@click.option("--train-lang", metavar="LANG", help="Language of the training data, for the gaps of the others to it.")
@click.option(
    "--label-format",
    type=click.Choice(["text", "tsv", "csv", "jsonl"]),
    help="Of files whose suffix does not tell it, and of stdin.  [default: text]",
)
@click.option(
    "--labels",
    metavar="LABEL,...",
    help="All labels that may occur, those with a comma in quotes.  [default: those of GOLD, and with -m of the model]",
)
@click.option("--multi-label", is_flag=True, help="A line may have several labels, joined by commas, or none.")
@click.option(
    "-w", "--width", type=click.IntRange(0, 16), default=4, show_default=True, help="Decimals of printed scores."
)
@report_options
def command(
    files: tuple[Path, ...],
    gold: Path,
    models: tuple[str, ...],
    text: Path | None,
    lang: str | None,
    column: str | None,
    gold_column: str | None,
    probability_column: str | None,
    lang_column: str | None,
    train_lang: str | None,
    label_format: FormatName | None,
    labels: str | None,
    multi_label: bool,
    width: int,
    options: ReportOptions,
) -> None:
    """Score labels: PRED files as xlm classify writes them, stdin if there are none, or what models make of --input.

    Files are plain text (a label a line), .tsv, .csv or .jsonl, with a row for each row of GOLD. Accuracy, macro and
    weighted precision, recall and F1 come with 95 % confidence intervals by bootstrap resampling; beside them stand the
    figures of each label, the confusion matrix and, where there are probabilities, the expected calibration error. Of
    several systems each is tested against the first, or --baseline, by the paired bootstrap and, for accuracy, by
    McNemar's exact test; a difference is called significant where all p-values are below 0.05.

    With --lang-column, each language is scored by itself; with --train-lang, also compared with that one.

    \b
    Examples:
      xlm classify -m sentiment < texts.txt | xlm eval classify --gold gold.txt
      xlm eval classify --gold test.tsv old.tsv new.tsv --format markdown
      xlm eval classify --gold test.csv --lang-column lang --train-lang en predicted.csv
      xlm eval classify --gold gold.txt -m sentiment --input texts.txt --fail-under accuracy=0.8
      cut -f2 test.tsv | xlm eval classify --gold test.tsv -m sentiment --input -
    """
    if bool(models) != (text is not None):
        raise UsageError("-m and --input belong together", hint="-m MODEL --input FILE classifies, then scores")
    if train_lang is not None and lang_column is None:
        raise UsageError("--train-lang needs languages", hint="name GOLD's column of them: --lang-column NAME")
    options.check_plot()
    from xlmcli.metrics.labels.file import check_gold, check_predictions, check_texts
    from xlmcli.metrics.labels.report import LabelReportOptions, label_metrics, report_labels
    from xlmcli.metrics.sides import read_side, side_name
    from xlmcli.tables import split_labels

    gates = options.gates(label_metrics(multi_label))
    paths = files or (() if models else (STDIN,))
    places = _Places(
        gold=gold,
        files=paths,
        label_format=label_format,
        column=column,
        gold_column=gold_column,
        probability_column=probability_column,
        lang_column=lang_column,
    )
    check_stdin((*paths, gold, text), paths, unit="label", quiet=options.quiet)
    named: list[NamedModel] = []
    if text is not None:
        _check_plain(text)
        from xlmcli.cli.eval.models import check_classifiers, classify_texts, name_models

        named = name_models(models)
        check_classifiers(named, multi_label)
    baseline = options.baseline_index([*map(side_name, paths)], [model.facts.name for model in named])
    right = _read(gold, places.of_gold(), is_gold=True, multi_label=multi_label)
    known = None if labels is None else split_labels(labels)
    if known is not None:
        check_gold(right, known, multi_label=multi_label)
    systems = [_read(path, places.of_predictions(path), is_gold=False, multi_label=multi_label) for path in paths]
    for system in systems:
        check_predictions(right, system, known, multi_label=multi_label)
    if text is not None:
        texts = read_side(text)
        check_texts(right, texts)
        for model in named:
            system = classify_texts(texts, model, lang, multi_label, options.quiet)
            check_predictions(right, system, known, multi_label=multi_label)
            systems.append(system)
    report = report_labels(
        right, systems, options.sampling(0), LabelReportOptions(multi_label, train_lang, baseline, width)
    )
    publish(report, options, gates)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where labels are, as the options of the same names say."""

    gold: Path
    files: tuple[Path, ...]
    label_format: FormatName | None
    column: str | None
    gold_column: str | None
    probability_column: str | None
    lang_column: str | None

    def of_gold(self) -> LabelColumns:
        """Returns where GOLD has its labels."""
        from xlmcli.metrics.labels.file import LabelColumns

        column = self.gold_column or self._shared(self.column, self.gold, self._labelled())
        return LabelColumns(self._format(self.gold), column, None, self.lang_column)

    def of_predictions(self, path: Path) -> LabelColumns:
        """Returns where a file of predictions has its labels."""
        from xlmcli.metrics.labels.file import LabelColumns

        column = self._shared(self.column, path, self._labelled())
        probability_column = self._shared(self.probability_column, path, self.files)
        return LabelColumns(self._format(path), column, probability_column)

    def _labelled(self) -> tuple[Path, ...]:
        """Returns the files that --column is for."""
        return self.files if self.gold_column is not None else (*self.files, self.gold)

    def _shared(self, column: str | None, path: Path, paths: tuple[Path, ...]) -> str | None:
        """Returns the column of one of several files that an option is for: none of plain text beside tables."""
        is_meant = self._format(path) != "text" or all(self._format(other) == "text" for other in paths)
        return column if is_meant else None

    def _format(self, path: Path) -> FormatName:
        from xlmcli.tables import format_of

        if path != STDIN and (content_suffix(path) == ".txt" or format_of(path) != "text"):
            return format_of(path)
        return self.label_format or "text"


def _check_plain(text: Path) -> None:
    from xlmcli.tables import format_of

    if format_of(text) != "text":
        raise UsageError(
            f"--input {text}: texts are read from plain text, one a line",
            hint="take them out of a table, for example: cut -f2 TABLE.tsv | xlm eval classify ... --input -",
        )


def _read(path: Path, place: LabelColumns, *, is_gold: bool, multi_label: bool) -> SystemLabels:
    from xlmcli.metrics.labels.file import read_gold, read_predictions
    from xlmcli.metrics.sides import iter_side_lines, side_name

    read = read_gold if is_gold else read_predictions
    return read(iter_side_lines(path), side_name(path), place, multi_label=multi_label)
