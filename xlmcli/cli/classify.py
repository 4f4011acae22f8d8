"""``xlm classify``."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from xlmcli.cli.options import FiniteRange, SingleOption
from xlmcli.cli.streams.opening import open_stream
from xlmcli.cli.streams.options import StreamCommand, stream_options
from xlmcli.cli.streams.stream import LineStream, StreamOptions
from xlmcli.console import Shader
from xlmcli.errors import ExitCode, UsageError
from xlmcli.records import ENCODING_BATCH_TOKENS, MAX_NUM_BEST_LABELS

if TYPE_CHECKING:
    from xlmcli.infer.classification import Classification


@click.command(cls=StreamCommand)
@click.option("--lang", metavar="LANG", help="Language of the text, or auto: identified line by line.  [default: auto]")
@click.option(
    "-k",
    "num_best",
    type=click.IntRange(1, MAX_NUM_BEST_LABELS),
    metavar="N",
    help="The N likeliest labels of each text.",
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
@click.option(
    "--explain",
    is_flag=True,
    help="Also how much each word moves the label; takes about (words + 1) times as long.",
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
    batch_tokens=ENCODING_BATCH_TOKENS,
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
    explain: bool,
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
      text, --explain        label TAB probability TAB word:weight word:weight ..., and so for each label; on a
                             terminal, a line for each: label TAB probability TAB line with its words shaded
      tsv, csv               the row and two more columns; several labels and probabilities stand with commas between,
                             a label that holds a comma in quotes
      tsv, csv, --explain    a third column: word:weight word:weight ..., with | between several labels, || between the
                             texts of a pair
      jsonl                  the object with "label" and "probability"; with -k or --all also "labels" (a list of both);
                             "lang", if the model is told the language and the object has none; "warnings": "cut"
      jsonl, --explain       also "explanation", and one in each of "labels": a list of "word", "start" and "end"
                             (characters of the text, from 0), "weight", and "pair": true for words of the second text;
                             "warnings": "unexplained"
      parquet                the row and the columns that jsonl has fields; lists and objects are JSON

    A model that gives a text any number of labels gives those whose probability is 0.5 or more. With --only and --not,
    lines come out as they went in, as from grep, and the exit code is 1 if there were none. A label that holds a comma
    is given by itself (--only 'a, b' --only c), or in quotes (--only '"a, b",c').

    With --explain, the weight of a word is the label's probability minus what it is without that word, in the same
    language: above 0, the word speaks for the label. It is no more than that: of words that say the same, each may
    weigh little, and weights do not add up to the probability. Words are what stands between spaces; Chinese, Japanese
    and Thai, where the language is told or identified, are split by the libraries of their extras. If nothing is left
    without a word, its weight is ? (null in JSON). Texts of more than about 5,000 characters are only labelled. On a
    terminal, words for the label are green, those against it red and underlined, and the heaviest in reverse; where
    colour is off, + and - stand before them, ++ and -- before the heaviest.

    \b
    Examples:
      xlm classify < reviews.txt
      xlm classify --format csv --column comment < reviews.csv
      xlm classify --explain --text "I like this film."
      xlm classify --only negative --threshold 0.8 < reviews.txt | head
      tail -f app.log | xlm classify -m my-classifier --lang en --echo
    """
    from xlmcli.infer.labels import LabelOptions, check_labels
    from xlmcli.infer.records.protocols import FormatOptions

    labels = LabelOptions(num_best, all_labels, threshold, abstain)
    selected = _selected(only, excluded, has_more=num_best is not None or all_labels or explain or echo)
    if echo and explain:
        raise UsageError("--echo and --explain together", hint="--explain gives the words of each line")
    if echo and options.format_name != "text":
        raise UsageError("--echo is for plain text", hint="the other formats keep what they are given anyway")
    formats = FormatOptions(
        options.format_name,
        options.column,
        options.field,
        pair_column,
        pair_field,
        delimiter=options.delimiter,
    )
    with open_stream(options, formats) as stream:
        from xlmcli.bundle import DEFAULT_CLASSIFIER, find_model
        from xlmcli.infer.opening import open_model

        bundle = stream.keep("bundle", lambda: open_model(find_model(options.model, DEFAULT_CLASSIFIER)))

        from xlmcli.infer.classification import UNEXPLAINED, Classification
        from xlmcli.infer.pieces import CUT
        from xlmcli.infer.records.protocols import Added
        from xlmcli.infer.sinks import SELECTED, EchoSink, SelectionSink

        stream.check_models(bundle.path)
        wanted = check_labels(selected, bundle.classifier, abstain)
        classification = stream.keep(
            "classification", partial(Classification, bundle, lang, labels, stream.engine_options)
        )
        if explain:
            _explain(stream, classification, is_text=options.format_name == "text")
        elif not wanted:
            sink = EchoSink(stream.file) if echo else stream.new_sink(classification.added)
            stream.run(classification, classification.added, sink)
        else:
            selection = SelectionSink(stream.new_sink(None), wanted, bool(excluded), stream.counts)
            stream.run(classification, Added(), selection)
    cut = "with a sentence longer than the model, which was read in parts"
    if pair_column is not None or pair_field is not None:
        cut = "with a pair longer than the model, whose longer text was cut"
    stream.print_summary([(stream.counts[CUT], cut), (stream.counts[UNEXPLAINED], "with too many words to explain")])
    if wanted and not stream.counts[SELECTED]:
        raise click.exceptions.Exit(ExitCode.GATE_FAILED)


def _explain(stream: LineStream, classification: Classification, *, is_text: bool) -> None:
    from xlmcli.infer.explanation import Explanation

    # What is written elsewhere is for programs.
    is_shown = is_text and stream.file is sys.stdout.buffer and sys.stdout.isatty()
    explanation = Explanation(classification, Shader().shade if is_shown else None)
    stream.run(explanation, explanation.added, stream.new_sink(explanation.added))


def _selected(only: tuple[str, ...], excluded: tuple[str, ...], *, has_more: bool) -> tuple[str, ...]:
    """Returns the labels of --only or --not, which allow no more to be written; none if neither is there."""
    if only and excluded:
        raise UsageError("--only and --not together", hint="give one of them")
    if (only or excluded) and has_more:
        option = "--only" if only else "--not"
        raise UsageError(
            f"{option} prints lines as they are, without labels", hint="leave out -k, --all, --echo and --explain"
        )
    return only or excluded
