"""``xlm encode``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xlmcli.cli.options import FILE, SingleOption
from xlmcli.cli.streams.opening import open_stream
from xlmcli.cli.streams.options import StreamCommand, stream_options
from xlmcli.cli.streams.stream import LineStream, StreamOptions
from xlmcli.errors import DataError, UsageError
from xlmcli.records import ENCODING_BATCH_TOKENS

if TYPE_CHECKING:
    from xlmcli.infer.encoders import TextEncoder
    from xlmcli.infer.encoding import VectorPooling
    from xlmcli.infer.records.protocols import FormatOptions
    from xlmcli.infer.retrieval import TextIndex

_ARRAY_SUFFIX = ".npy"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What shall be written."""

    lang: str | None
    pair_lang: str | None
    pooling: VectorPooling | None
    tokens: bool
    similarity: bool
    nearest: Path | None
    num_best: int | None
    margin: bool

    def check(self, *, is_array: bool) -> None:
        """Raises a UsageError if options contradict each other."""
        kinds = [("--tokens", self.tokens), ("--similarity", self.similarity), ("--nearest", self.nearest is not None)]
        given = [name for name, is_given in kinds if is_given]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} together", hint="give one of them")
        for option, is_given in (("-k", self.num_best is not None), ("--margin", self.margin)):
            if is_given and self.nearest is None:
                raise UsageError(f"{option} is for --nearest", hint="add --nearest FILE")
        if self.pair_lang is not None and self.nearest is None and not self.similarity:
            raise UsageError("--pair-lang is for --similarity and --nearest", hint="--lang is the language of the text")
        if self.tokens and self.pooling is not None:
            raise UsageError("--tokens gives every state, --pooling one vector of them", hint="give one of them")
        if is_array and (self.similarity or self.nearest is not None):
            raise UsageError(
                f"{given[0]} gives no vectors to write as {_ARRAY_SUFFIX}", hint="choose another name for -o"
            )


@click.command(cls=StreamCommand)
@click.option("--lang", metavar="LANG", help="Language of the text, or auto: identified line by line.  [default: auto]")
@click.option(
    "--pooling",
    type=click.Choice(["first", "mean", "max"]),
    help="The vector of a text: its first state, or the mean or maximum of all.  [default: mean]",
)
@click.option("--tokens", is_flag=True, help="Write the state of every token in place of one vector.")
@click.option("--similarity", is_flag=True, help="Write how near two texts are: the cosine of their vectors.")
@click.option(
    "--pair-column", cls=SingleOption, metavar="COLUMN", help="tsv, csv: column of the second text.  [default: 2]"
)
@click.option("--pair-field", cls=SingleOption, metavar="FIELD", help="jsonl: field of the second text.")
@click.option("--nearest", type=FILE, metavar="FILE", help="Write the line of FILE that is nearest to each text.")
@click.option("-k", "num_best", type=click.IntRange(1, 10_000), metavar="N", help="The N nearest lines.  [default: 1]")
@click.option("--margin", is_flag=True, help="Score by margin, which finds translations better; reads all input first.")
@click.option(
    "--pair-lang", metavar="LANG", help="Language of the second texts and of --nearest FILE.  [default: auto]"
)
@stream_options(
    verb="encode", model_help="Path of a bundle of an encoder or a classifier.", batch_tokens=ENCODING_BATCH_TOKENS
)
def command(
    options: StreamOptions,
    lang: str | None,
    pooling: VectorPooling | None,
    tokens: bool,
    similarity: bool,
    pair_column: str | None,
    pair_field: str | None,
    nearest: Path | None,
    num_best: int | None,
    margin: bool,
    pair_lang: str | None,
) -> None:
    """Make vectors of lines of text from FILEs (plain, .gz, .xz or .zst) or stdin.

    With -o OUT.npy, they become an array of float32, a row a line, zeros for an empty line; it is written as it comes
    and takes no memory. A line that is too long for the model is read in passages, whose vectors become one. What was
    fine-tuned with transformers is told no language unless --lang is given; see xlm classify.

    \b
    What is written for each line:
      text                   the numbers of its vector, TAB between them; nothing for an empty line
      text, --similarity     the cosine of its two texts, which have a TAB between them
      text, --nearest FILE   score TAB number TAB line of FILE, N times with -k N
      text, --tokens         a line a token: number of the line TAB token TAB numbers of its state
      tsv, csv               the row and more columns for the same
      jsonl                  the object with "vector", with "similarity", with "nearest" (a list of {"score", "number",
                             "text"}), or with "tokens" and "states"
      parquet                the row and the columns that jsonl has fields: "vector" is a list of float32, "similarity"
                             a number, the rest JSON
      -o OUT.npy, --tokens   an array of rows with the fields "line" (from 1), "id" and "state"

    A margin is the cosine of two texts divided by the mean cosine of both with their four nearest neighbours.

    \b
    Examples:
      xlm encode -m my-encoder -o vectors.npy < lines.txt
      paste en.txt fr.txt | xlm encode -m my-encoder --similarity
      xlm encode -m my-encoder --nearest fr.txt --margin < en.txt
    """
    is_array = options.output is not None and options.output.suffix.lower() == _ARRAY_SUFFIX
    wanted = _Wanted(
        lang=lang,
        pair_lang=pair_lang,
        pooling=pooling,
        tokens=tokens,
        similarity=similarity,
        nearest=nearest,
        num_best=num_best,
        margin=margin,
    )
    wanted.check(is_array=is_array)
    if margin and options.resume:
        raise UsageError("--margin reads all input before it writes, and cannot go on", hint="leave out --resume")
    formats = _formats(options, pair_column, pair_field, similarity)
    if options.model is None:
        raise UsageError(
            "no model is named", hint="-m MODEL: an encoder or a classifier, such as the embedded sentiment"
        )
    with open_stream(options, formats, is_array=is_array) as stream:
        from xlmcli.bundle import find_model
        from xlmcli.infer.opening import open_model

        bundle = stream.keep("bundle", lambda: open_model(find_model(options.model)))

        from xlmcli.infer.encoders import TextEncoder
        from xlmcli.infer.pieces import CUT

        stream.check_models(bundle.path)
        encoder = stream.keep("encoder", partial(TextEncoder, bundle, stream.engine_options))
        _encode(stream, encoder, wanted, is_array)
    stream.print_summary([(stream.counts[CUT], "with a sentence longer than the model, which was read in parts")])


def _formats(options: StreamOptions, pair_column: str | None, pair_field: str | None, is_pair: bool) -> FormatOptions:
    from xlmcli.infer.records.protocols import FormatOptions

    if not is_pair and (pair_column is not None or pair_field is not None):
        raise UsageError("a second text is for --similarity", hint="add --similarity")
    if is_pair and options.format_name == "jsonl" and pair_field is None:
        raise UsageError("--similarity needs a second text", hint="--pair-field names its field")
    if is_pair and options.format_name == "parquet" and pair_column is None:
        raise UsageError("--similarity needs a second text", hint="--pair-column names its column")
    if is_pair and options.format_name in ("tsv", "csv"):
        pair_column = pair_column or "2"
    return FormatOptions(
        options.format_name,
        options.column,
        options.field,
        pair_column,
        pair_field,
        has_tabbed_pairs=is_pair,
        delimiter=options.delimiter,
    )


def _encode(stream: LineStream, encoder: TextEncoder, wanted: _Wanted, is_array: bool) -> None:
    if wanted.tokens:
        _encode_tokens(stream, encoder, wanted, is_array)
    elif wanted.similarity:
        _compare(stream, encoder, wanted)
    elif wanted.nearest is not None:
        _find_nearest(stream, encoder, wanted, wanted.nearest)
    else:
        _encode_texts(stream, encoder, wanted, is_array)


def _encode_texts(stream: LineStream, encoder: TextEncoder, wanted: _Wanted, is_array: bool) -> None:
    from xlmcli.infer.encoding import Encoding
    from xlmcli.infer.vectors import VectorArraySink, vector_added

    work = stream.keep("work", partial(Encoding, encoder, wanted.lang, wanted.pooling or "mean"))
    if is_array:
        sink = VectorArraySink(stream.file, encoder.dim)
        stream.run(work, vector_added(0), sink)
        sink.finish()
    else:
        added = vector_added(encoder.dim)
        stream.run(work, added, stream.new_sink(added))


def _encode_tokens(stream: LineStream, encoder: TextEncoder, wanted: _Wanted, is_array: bool) -> None:
    from xlmcli.infer.encoding import TokenEncoding
    from xlmcli.infer.vectors import TokenArraySink, token_added

    work = stream.keep("work", partial(TokenEncoding, encoder, wanted.lang))
    if is_array:
        sink = TokenArraySink(stream.file, encoder.dim, stream.counts)
        stream.run(work, token_added(0), sink)
        sink.finish()
    else:
        added = token_added(encoder.dim)
        stream.run(work, added, stream.new_sink(added))


def _compare(stream: LineStream, encoder: TextEncoder, wanted: _Wanted) -> None:
    from xlmcli.infer.encoding import PairEncoding
    from xlmcli.infer.vectors import SIMILARITY

    langs = (wanted.lang, wanted.pair_lang)
    work = stream.keep("work", partial(PairEncoding, encoder, langs, wanted.pooling or "mean"))
    stream.run(work, SIMILARITY, stream.new_sink(SIMILARITY))


def _find_nearest(stream: LineStream, encoder: TextEncoder, wanted: _Wanted, path: Path) -> None:
    from xlmcli.infer.encoding import Encoding
    from xlmcli.infer.retrieval import NearestSink, nearest_added

    index = stream.keep("index", partial(_read_index, stream, encoder, wanted, path))
    work = stream.keep("work", partial(Encoding, encoder, wanted.lang, wanted.pooling or "mean"))
    num_best = wanted.num_best or 1
    added = nearest_added(num_best)
    sink = NearestSink(stream.new_sink(added), index, num_best, wanted.margin)
    stream.run(work, added, sink)
    sink.finish()


def _read_index(stream: LineStream, encoder: TextEncoder, wanted: _Wanted, path: Path) -> TextIndex:
    from xlmcli.infer.encoding import Encoding
    from xlmcli.infer.reading import file_input
    from xlmcli.infer.retrieval import TextIndex

    index = TextIndex()
    stream.read_lines(Encoding(encoder, wanted.pair_lang, wanted.pooling or "mean"), file_input(path), index)
    if not index.num_texts:
        raise DataError(f"--nearest {path}: the file has no text")
    return index
