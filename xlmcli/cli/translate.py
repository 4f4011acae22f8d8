"""``xlm translate``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xlmcli.cli.documents import DocumentChoices, choose_formats, document_options
from xlmcli.cli.options import FILE, FiniteRange, was_given
from xlmcli.cli.streams.opening import open_stream
from xlmcli.cli.streams.options import StreamCommand, stream_options
from xlmcli.cli.streams.stream import LineStream, StreamOptions
from xlmcli.documents.formats import DOCUMENT_FORMATS
from xlmcli.errors import GateError, UsageError
from xlmcli.records import MAX_BEAM_SIZE, MAX_LENGTH_PENALTY

if TYPE_CHECKING:
    from xlmcli.bundle.choosing import Step
    from xlmcli.infer.directions import SearchOptions
    from xlmcli.infer.engine import EngineOptions
    from xlmcli.infer.translation import Translation


@click.command(cls=StreamCommand)
@click.option(
    "--src",
    metavar="LANG",
    help="Language of the text; auto tells it line by line. May be left out where the model has only one.",
)
@click.option("--tgt", metavar="LANG", help="Language to translate into; likewise, but for auto.")
@click.option("--force", is_flag=True, help="With --src auto, take no line for one in the language of --tgt.")
@click.option("--pivot", is_flag=True, help="Where no model has the direction, go through English.")
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
    help="Let the model see the text as it is: copy no addresses and code, mind no numbers, names, rare words, "
    "capitals and accents.",
)
@click.option("--with-scores", is_flag=True, help="Write the score of each translation.")
@click.option("--alignment", is_flag=True, help="Write which words stand for which.")
@click.option("--symmetric", is_flag=True, help="--alignment by both directions of the model: better, slower.")
@click.option("--terms", type=FILE, multiple=True, metavar="FILE", help="TSV: term TAB translation [TAB note].")
@click.option(
    "--terms-missing",
    type=click.Choice(["warn", "error"]),
    default="warn",
    show_default=True,
    help="A term that has no place in a translation: count the line, or fail in the end (exit code 1).",
)
@click.option(
    "--translate-memory",
    type=FILE,
    metavar="FILE",
    help="Texts that are not translated by the model: text TAB translation, or TMX (.tmx).",
)
@document_options
@stream_options(
    verb="translate",
    model_help="Path of a bundle, or name of a model (default: one for --src and --tgt).",
    documents=DOCUMENT_FORMATS,
)
def command(
    options: StreamOptions,
    documents: DocumentChoices,
    src: str | None,
    tgt: str | None,
    force: bool,
    pivot: bool,
    beam_size: int | None,
    length_penalty: float | None,
    n_best: int,
    no_protect: bool,
    with_scores: bool,
    alignment: bool,
    symmetric: bool,
    terms: tuple[Path, ...],
    terms_missing: str,
    translate_memory: Path | None,
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
                             "parted" (a protected span or a term was lost; the rest was translated in parts),
                             "respelt" (characters came out broken; it was searched for without rare ones),
                             "terms" (one has no place in the translation); --translate-memory adds "memory" (true
                             where the text, or a sentence of it, was answered from there)
      parquet                the row with its column translated, and the columns that jsonl has fields; lists are JSON

    A document (po, xliff, srt, vtt, html, md, json, properties: as FILE is named, or --format says) comes out whole:
    its text is translated, tags follow the words that they stood around, and the rest stays byte for byte.
    Placeholders, code and tags by themselves are protected with any model.

    With a model that has learned it (xlm info says so), addresses, placeholders, tags, code, names of files, emoji and
    other spans that must not change come out byte for byte, each exactly once; with any other, what its vocabulary
    cannot write does. It also keeps its numbers: a line that has lost one is translated again, and the number put back
    as the language writes it. A line in capitals is read as a sentence by any model and gets an answer in capitals;
    French, Italian, Portuguese and Spanish text without accents is read with them, and one to three words are tried
    without their capital, too. Rare words that a translation has lost come from the model's lexicon, where it has one
    (xlm info says so). --no-protect shows the text to the model as it is.

    Without -m, the embedded en-fr is taken if it has the direction, else an embedded model that has it, else a pulled
    one, the smallest first. With --pivot two models may follow each other; scores are then the second one's, and links
    go through the words between. With --src auto, each line is translated by the model that its language has, among
    all those that are translated into --tgt (with -m, those of that model: safer for short lines); lines in the
    language of --tgt pass through, and objects get a "language".

    With --alignment each word of the translation is linked to the word of the text that the model looked at most; an
    empty line stays empty. Words and punctuation are split as Moses does it, but for curly apostrophes, which are
    straight ones, and for combining marks and emoji, which stay whole. Links stand behind the translation in n-best
    lists too, and behind a score and its tab; tables get a column "alignment", and objects "alignment"
    ([[0, 0], …]), "source_words" and "target_words" (lists of {"word", "start", "end"}, in characters).

    With --terms (may be repeated), each term that stands in the text comes out as its translation, as it is written in
    the list: whole words; in any case, unless the term has capitals; the longest, where terms overlap. Inflected forms
    are terms of their own. They take the place of the words that --alignment would link to them; where there are none,
    a model that has learned protected spans carries them as it carries those, and with any other the text is translated
    in parts around them. What stands in addresses and the like is no term. A text that --translate-memory has (exactly,
    but for spaces at its ends), or a sentence or a line of it, is answered from there, terms or not.

    A score is the log probability of the translation divided by its length in tokens to the power of --length-penalty.

    \b
    Examples:
      echo "How are you?" | xlm translate --src en --tgt fr
      xlm translate --src fr --tgt en letter.txt -o letter.en.txt
      xlm translate --src en --tgt fr manual.md -o manual.fr.md
      xlm translate --src en --tgt fr --format csv --column comment < reviews.csv
      xlm translate --src en --tgt fr --terms terms.tsv --translate-memory old.tmx < letter.en
      tail -f app.log | xlm translate --src en --tgt fr
    """
    if was_given("terms_missing") and not terms:
        raise UsageError("--terms-missing is for --terms", hint="add --terms FILE")
    has_more = n_best > 1 or with_scores or alignment or symmetric
    formats = choose_formats(options, documents, has_more=has_more)
    with open_stream(options, formats) as stream:
        from xlmcli.bundle.choosing import find_route
        from xlmcli.infer.directions import SearchOptions
        from xlmcli.infer.hypotheses import MEMORY, PARTED, REPETITION, RESPELT, TERMS, UNFINISHED
        from xlmcli.infer.languages import AUTO
        from xlmcli.infer.pieces import CUT

        search = SearchOptions(
            beam_size=beam_size,
            length_penalty=length_penalty,
            num_best=n_best,
            with_scores=with_scores,
            protect=not no_protect,
            with_alignment=alignment or symmetric,
            is_symmetric=symmetric,
            terms=terms,
            memory=translate_memory,
            is_document=formats.document is not None,
        )
        if formats.document is not None and (src == AUTO or pivot):
            raise UsageError(
                "a document is translated by one model from one language", hint="give --src and no --pivot"
            )
        if src == AUTO:
            _translate_identified(stream, options.model, tgt, search, force=force, pivot=pivot)
        elif force:
            raise UsageError("--force is for --src auto", hint="leave it out")
        else:
            _translate(stream, find_route(options.model, src, tgt, pivot=pivot), search)
        if terms_missing == "error" and stream.counts[TERMS]:
            raise GateError(
                f"lines with a term that has no place in the translation: {stream.counts[TERMS]:,}",
                hint="--format jsonl marks them; --terms-missing warn lets them pass",
            )
    stream.print_summary(
        [
            (
                stream.counts[CUT],
                "with a sentence longer than the model, or with over eight spans to keep, translated in parts",
            ),
            (stream.counts[REPETITION], "whose translation repeats itself"),
            (stream.counts[PARTED], "where the text around protected spans was translated in parts"),
            (stream.counts[RESPELT], "whose translation had broken characters, and was searched for without rare ones"),
            (stream.counts[UNFINISHED], "whose translation was stopped at the length limit"),
            (stream.counts[TERMS], "with a term that has no place in the translation"),
            (stream.counts[MEMORY], "answered from the translation memory"),
        ]
    )


_happened = attrgetter("happened")


def _translate(stream: LineStream, route: Sequence[Step], search: SearchOptions) -> None:
    """Translates by one model, or by two that follow each other."""
    stream.check_models(*(step.path for step in route))
    sink = stream.new_sink(search.added)
    if len(route) == 1:
        (step,) = route
        translation = stream.keep("translation", partial(_open, step, search, stream.engine_options))
        if (document := stream.formats.document) is not None:
            direction = translation.direction
            stream.formats = replace(
                stream.formats, document=replace(document, source_lang=direction.src, target_lang=direction.tgt)
            )
        stream.run(translation, search.added, sink, _happened)
        return
    _check_one_direction(search, "two models, through English")
    from xlmcli.infer.pivot import PivotPipeline

    one, other = route
    engine = stream.engine_options
    single = replace(search, num_best=1)
    first = stream.keep("first", partial(_open, one, single, engine))
    second = stream.keep("second", partial(_open, other, search, engine))
    stream.note(f"through English: by {one.path.name}, then {other.path.name}")
    stream.run_through(partial(PivotPipeline, first, second), search.added, sink, _happened)


def _open(step: Step, search: SearchOptions, engine: EngineOptions) -> Translation:
    from xlmcli.infer.directions import open_translation
    from xlmcli.infer.opening import open_model

    return open_translation(open_model(step.path), step.src, step.tgt, search, engine)


def _translate_identified(
    stream: LineStream, model: str | None, tgt: str | None, search: SearchOptions, *, force: bool, pivot: bool
) -> None:
    """Translates lines in several languages."""
    from xlmcli.bundle.choosing import find_translators
    from xlmcli.infer.identified import open_identified

    if pivot:
        raise UsageError("--pivot and --src auto together", hint="give one of them")
    if model is None and tgt is None:
        raise UsageError("--src auto does not say what to translate into", hint="add --tgt")
    _check_one_direction(search, "--src auto")
    paths = find_translators(model, tgt)
    stream.check_models(*paths)
    translation = stream.keep(
        "translation", partial(open_identified, paths, tgt, search, stream.engine_options, passes_target=not force)
    )
    added = replace(search.added, suggested=("language",))
    stream.run(translation, added, stream.new_sink(added), _happened)


def _check_one_direction(search: SearchOptions, other: str) -> None:
    if search.terms or search.memory:
        raise UsageError(f"--terms and --translate-memory are for one direction, not for {other}")
