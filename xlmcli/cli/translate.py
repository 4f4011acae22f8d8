"""``xlm translate``."""

from __future__ import annotations

from dataclasses import replace

import click

from xlmcli.cli.documents import DocumentChoices, choose_formats, document_options
from xlmcli.cli.options import FiniteRange
from xlmcli.cli.streaming import StreamOptions, open_stream, stream_options
from xlmcli.documents.formats import DOCUMENT_FORMATS
from xlmcli.records import MAX_BEAM_SIZE, MAX_LENGTH_PENALTY


@click.command()
@click.option("--src", metavar="LANG", help="Language of the text; may be left out where the model has only one.")
@click.option("--tgt", metavar="LANG", help="Language to translate into; likewise.")
@click.option(
    "--beam-size", type=click.IntRange(1, MAX_BEAM_SIZE), help="Hypotheses kept; 1 is greedy (default: the model's)."
)
@click.option(
    "--length-penalty",
    type=FiniteRange(0, MAX_LENGTH_PENALTY),
    help="Divide scores by length to this power; more favours longer output (default: the model's).",
)
@click.option(
    "--n-best", type=click.IntRange(1, MAX_BEAM_SIZE), default=1, show_default=True, help="Translations of each text."
)
@click.option(
    "--no-protect",
    is_flag=True,
    help="Let the model see addresses, placeholders, tags, code and rare symbols, which otherwise are copied.",
)
@click.option("--with-scores", is_flag=True, help="Write the score of each translation.")
@click.option("--alignment", is_flag=True, help="Write which words stand for which.")
@click.option("--symmetric", is_flag=True, help="--alignment by both directions of the model: better, slower.")
@document_options
@stream_options(
    verb="translate",
    model_help="Path of a bundle, or name of an embedded model (default: en-fr).",
    documents=DOCUMENT_FORMATS,
)
def command(
    options: StreamOptions,
    documents: DocumentChoices,
    src: str | None,
    tgt: str | None,
    beam_size: int | None,
    length_penalty: float | None,
    n_best: int,
    no_protect: bool,
    with_scores: bool,
    alignment: bool,
    symmetric: bool,
) -> None:
    """Translate lines of text from FILEs (plain, .gz, .xz or .zst) or stdin, and write a line for each, in order.

    An empty line gives an empty line, and spaces around a text stay around its translation. A line that is too long for
    the model is split at its sentences. Translations
    come as soon as the input pauses, so the command can stand in a slow pipe. A translation that loops is searched for
    once more, without repeats, unless the search is greedy (--beam-size 1). Only translations go to stdout.

    \b
    What is written for each line:
      text                   translation
      text, --with-scores    score TAB translation
      text, --n-best N       N lines: number of the input line from 0 ||| translation ||| score
      text, --alignment      translation ||| links, such as 0-0 1-2 (word of the text - word of the translation, from 0)
      tsv, csv               the row with its column translated; --with-scores adds a column at the end;
                             --n-best N gives N rows
      jsonl                  the object with its field translated; --with-scores adds "score", --n-best N "nbest"
                             (a list of {"text", "score"}), and what went wrong stands in "warnings": "cut" (inside a
                             sentence longer than the model), "repetition", "unfinished" (stopped at the length limit),
                             "parted" (a protected span was lost or none learned; the rest was translated in parts),
                             "respelt" (characters came out broken; it was searched for without rare ones)

    A document (po, xliff, srt, vtt, html, md, json, properties: as FILE is named, or --format says) comes out whole:
    its text is translated, tags follow the words that they stood around, and the rest stays byte for byte.
    Placeholders, code and tags by themselves are protected with any model.

    With a model that has learned it (xlm info says so), addresses, placeholders, tags, code, names of files, emoji and
    other spans that must not change come out byte for byte, each exactly once; with any other, what its vocabulary
    cannot write does. --no-protect shows all to the model.

    With --alignment each word of the translation is linked to the word of the text that the model looked at most.
    Words and punctuation are split as Moses does it; tables get a column "alignment", and objects "alignment"
    ([[0, 0], …]), "source_words" and "target_words" (lists of {"word", "start", "end"}, in characters).

    A score is the log probability of the translation divided by its length in tokens to the power of --length-penalty.

    \b
    Examples:
      echo "How are you?" | xlm translate --src en --tgt fr
      xlm translate --src fr --tgt en letter.txt -o letter.en.txt
      xlm translate --src en --tgt fr manual.md -o manual.fr.md
      xlm translate --src en --tgt fr --format csv --column comment < reviews.csv
      tail -f app.log | xlm translate --src en --tgt fr
    """
    has_more = n_best > 1 or with_scores or alignment or symmetric
    formats = choose_formats(options, documents, has_more=has_more)
    with open_stream(options, formats) as stream:
        from xlmcli.bundle import find_model
        from xlmcli.infer.sinks import TextSink
        from xlmcli.infer.translation import SearchOptions, open_translation

        search = SearchOptions(
            beam_size=beam_size,
            length_penalty=length_penalty,
            num_best=n_best,
            with_scores=with_scores,
            protect=not no_protect,
            with_alignment=alignment or symmetric,
            is_symmetric=symmetric,
            is_document=formats.document is not None,
        )
        translation = open_translation(find_model(options.model), src, tgt, search, stream.engine_options)
        if formats.document is not None:
            document = replace(formats.document, target_lang=tgt or translation.direction.tgt)
            stream.formats = replace(formats, document=document)
        stream.run(translation, search.added, TextSink(stream.file))
    counts = translation.counts
    stream.print_summary(
        [
            (counts.num_cut, "with a sentence longer than the model, which was translated in parts"),
            (counts.num_repeating, "whose translation repeats itself"),
            (counts.num_parted, "where the text around protected spans was translated in parts"),
            (counts.num_respelt, "whose translation had broken characters, and was searched for without rare ones"),
            (counts.num_unfinished, "whose translation was stopped at the length limit"),
        ]
    )
