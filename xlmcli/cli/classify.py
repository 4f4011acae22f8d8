"""``xlm classify``."""

from __future__ import annotations

import click

from xlmcli.cli.options import FiniteRange, SingleOption
from xlmcli.cli.streaming import StreamOptions, open_stream, stream_options
from xlmcli.errors import ExitCode, UsageError


@click.command()
@click.option("--lang", metavar="LANG", help="Language of the text, or auto: identified line by line.  [default: auto]")
@click.option(
    "-k", "num_best", type=click.IntRange(1, 10_000), metavar="N", help="The N likeliest labels of each text."
)
@click.option("--all", "all_labels", is_flag=True, help="Every label and its probability, the likeliest first.")
@click.option("--threshold", type=FiniteRange(0, 1), metavar="P", help="Only labels at least as probable as P.")
@click.option(
    "--abstain", metavar="LABEL", help="Label of texts of which no label reaches --threshold (default: none)."
)
@click.option(
    "--only",
    multiple=True,
    metavar="LABEL,...",
    help="Print the lines that get one of these labels, and nothing else; may be repeated.",
)
@click.option(
    "--not",
    "excluded",
    multiple=True,
    metavar="LABEL,...",
    help="Print the lines that get none of these labels; may be repeated.",
)
@click.option("--echo", is_flag=True, help="text: write each line after its label.")
@click.option(
    "--pair-column",
    cls=SingleOption,
    metavar="COLUMN",
    help="tsv, csv: column of the second text, for models of pairs.",
)
@click.option("--pair-field", cls=SingleOption, metavar="FIELD", help="jsonl: field of the second text.")
@stream_options(
    verb="classify",
    model_help="Path of a classifier's bundle, or name of an embedded or pulled one (default: sentiment).",
    batch_tokens=512,
)
def command(
    options: StreamOptions,
    lang: str | None,
    num_best: int | None,
    all_labels: bool,
    threshold: float | None,
    abstain: str | None,
    only: tuple[str, ...],
    excluded: tuple[str, ...],
    echo: bool,
    pair_column: str | None,
    pair_field: str | None,
) -> None:
    """Label lines of text from FILEs (plain, .gz, .xz or .zst) or stdin, and write a line for each, in order.

    An empty line gives an empty line. A line that is too long for the model is read in passages of whole sentences,
    whose probabilities are averaged; of a pair that is too long, the longer text is cut. Answers come as soon as the
    input pauses, so the command can stand in a slow pipe.

    A classifier that was fine-tuned with transformers, where a language embedding is added only for those who pass
    langs, gets no language unless --lang says one (or auto), and takes all texts for English when it cuts them into
    words, as XLMTokenizer does.

    \b
    What is written for each line:
      text                   label TAB probability
      text, -k N or --all    label TAB probability TAB label TAB probability ...
      text, --echo           label TAB probability TAB line
      tsv, csv               the row and two more columns; several labels and probabilities stand with commas between,
                             a label that holds a comma in quotes
      jsonl                  the object with "label" and "probability"; with -k or --all also "labels" (a list of both);
                             "lang", if the model is told the language and the object has none; "warnings": "cut"

    A model that gives a text any number of labels gives those whose probability is 0.5 or more. With --only and --not,
    lines come out as they went in, as from grep, and the exit code is 1 if there were none. A label that holds a comma
    is given by itself (--only 'a, b' --only c), or in quotes (--only '"a, b",c').

    \b
    Examples:
      xlm classify < reviews.txt
      xlm classify --format csv --column comment < reviews.csv
      xlm classify --only negative --threshold 0.8 < reviews.txt | head
      tail -f app.log | xlm classify -m my-classifier --lang en --echo
    """
    from xlmcli.infer.labels import LabelOptions, check_labels
    from xlmcli.infer.records.protocols import FormatOptions

    labels = LabelOptions(num_best, all_labels, threshold, abstain)
    selected = _selected(only, excluded, is_list=num_best is not None or all_labels, echo=echo)
    if echo and options.format_name != "text":
        raise UsageError("--echo is for plain text", hint="the other formats keep what they are given anyway")
    formats = FormatOptions(
        options.format_name, options.column, options.field, pair_column, pair_field, delimiter=options.delimiter
    )
    num_selected = None
    with open_stream(options, formats) as stream:
        from xlmcli.bundle import DEFAULT_CLASSIFIER, find_model, open_bundle
        from xlmcli.infer.classification import Classification
        from xlmcli.infer.records.protocols import Added
        from xlmcli.infer.sinks import EchoSink, SelectionSink, TextSink

        bundle = open_bundle(find_model(options.model, DEFAULT_CLASSIFIER))
        wanted = check_labels(selected, bundle.classifier, abstain)
        classification = Classification(bundle, lang, labels, stream.engine_options)
        if not wanted:
            stream.run(classification, classification.added, (EchoSink if echo else TextSink)(stream.file))
        else:
            selection = SelectionSink(stream.file, wanted, is_inverted=bool(excluded))
            stream.run(classification, Added(), selection)
            num_selected = selection.num_selected
    counts = classification.counts
    stream.print_summary(
        [
            (counts.num_cut, "with a sentence longer than the model, which was read in parts"),
            (counts.num_shortened, "with a pair longer than the model, whose longer text was cut"),
        ]
    )
    if num_selected == 0:
        raise click.exceptions.Exit(ExitCode.GATE_FAILED)


def _selected(only: tuple[str, ...], excluded: tuple[str, ...], *, is_list: bool, echo: bool) -> tuple[str, ...]:
    """Returns the labels of --only or --not; none if neither is there."""
    if only and excluded:
        raise UsageError("--only and --not together", hint="give one of them")
    if (only or excluded) and (is_list or echo):
        option = "--only" if only else "--not"
        raise UsageError(f"{option} prints lines as they are, without labels", hint="leave out -k, --all and --echo")
    return only or excluded
