"""``xlm attention``: what a model looks at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from xlmcli.cli.help import HeadedCommand
from xlmcli.cli.options import MODEL, OUTPUT, require_extra
from xlmcli.errors import UsageError
from xlmcli.lines import decode_line

if TYPE_CHECKING:
    from xlmcli.attention.maps import AttentionMap

_MAX_NUMBER = 1000


class _HeadType(click.ParamType[int | Literal["mean"]]):
    """The number of a head, or ``mean``."""

    name = "head"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | Literal["mean"]:
        if value == "mean":
            return "mean"
        if not str(value).isdecimal() or not 1 <= int(value) <= _MAX_NUMBER:
            self.fail(f"{value!r} is neither the number of a head, from 1, nor mean", param, ctx)
        return int(value)


class _TextType(click.ParamType[str]):
    """Text in UTF-8."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        # Python keeps what is not UTF-8 in an argument as halves of surrogate pairs.
        return decode_line(str(value).encode("utf-8", "surrogateescape"), param.opts[0] if param else self.name, 1)


_TEXT = _TextType()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What shall be shown."""

    layer: int | None
    head: int | Literal["mean"] | None
    all_heads: bool
    is_entropy: bool

    def check(self) -> None:
        """Raises a UsageError if options contradict each other."""
        given = [("--head", self.head is not None), ("--all-heads", self.all_heads), ("--entropy", self.is_entropy)]
        names = [name for name, is_given in given if is_given]
        if len(names) > 1:
            raise UsageError(f"{' and '.join(names)} together", hint="give one of them")

    def select(self, attention: AttentionMap) -> AttentionMap:
        """Returns what is wanted of all layers and heads."""
        shows_all = self.all_heads or self.is_entropy
        if attention.aligning is not None and self.layer is None and self.head is None and not shows_all:
            layer, head = attention.aligning
            return attention.layer(layer).head(head)
        if self.layer is not None or not shows_all:
            attention = attention.layer(self.layer or attention.layers[-1])
        if shows_all:
            return attention
        return attention.head(self.head) if isinstance(self.head, int) else attention.mean()


@click.command(cls=HeadedCommand)
@click.option(
    "-m",
    "--model",
    metavar="MODEL",
    type=MODEL,
    help="Path of a bundle or of a checkpoint, or name of a model.  [default: en-fr]",
)
@click.option("--text", type=_TEXT, required=True, metavar="TEXT", help="The sentence.")
@click.option("--src", metavar="LANG", help="Language of the sentence.")
@click.option("--tgt", metavar="LANG", help="A translator: language of the translation.")
@click.option("--target", type=_TEXT, metavar="TEXT", help="A translator: take this for the translation.")
@click.option(
    "--when",
    type=click.Choice(["chosen", "read"]),
    help="A translator: whether a row is the piece that it chooses, or the one that it reads.  [default: as aligns]",
)
@click.option(
    "--layer", type=click.IntRange(1, _MAX_NUMBER), metavar="N", help="The layer.  [default: the last, or what aligns]"
)
@click.option(
    "--head", type=_HeadType(), metavar="N|mean", help="The head, or the mean of all.  [default: mean, or what aligns]"
)
@click.option("--all-heads", is_flag=True, help="Every head, of all layers or of --layer.")
@click.option("--entropy", "is_entropy", is_flag=True, help="A table: how spread what each head looks at is, in bits.")
@click.option("--words", "by_words", is_flag=True, help="Words in place of the pieces that the model sees.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["text", "json", "tsv"]),
    help="A shaded matrix, or the numbers.  [default: text, or as OUT ends]",
)
@click.option(
    "-o",
    "--output",
    type=OUTPUT,
    metavar="OUT",
    help="Write to this file; .html is a page, .png, .svg and .pdf are pictures (extra plot).",
)
def command(
    model: str | None,
    text: str,
    src: str | None,
    tgt: str | None,
    target: str | None,
    when: Literal["chosen", "read"] | None,
    layer: int | None,
    head: int | Literal["mean"] | None,
    all_heads: bool,
    is_entropy: bool,
    by_words: bool,
    format_name: Literal["text", "json", "tsv"] | None,
    output: Path | None,
) -> None:
    """Show what a model looks at: of a translator, where each word of the translation comes from; of an encoder or a
    classifier, what each word of the text looks at.

    MODEL is a bundle, or with the extra train a checkpoint: a folder of ours or of Hugging Face, or a .pth file of the
    original code. Of a translator that head is shown by default which aligns words best, as xlm translate --alignment
    has it, else the mean of the last layer. A decoder reads a piece to choose the next one: "what is read" and "what is
    chosen" say which of the two a row is called. The model sees all of the text, as with xlm translate --no-protect.

    A row is a word that looks, a column one that is looked at, and the weights of a row make 1. Shades are relative
    to the largest weight; above them stands where each begins. In a page, pointing at a word shows its links.

    \b
    What is written:
      text                 a shaded matrix; with --all-heads small ones; with --entropy a table
      json                 an object: "queries" (rows), "keys" (columns), "layers", "heads", and "weights", a number for
                           each layer, head, query and key; with --entropy "layers", "heads" and "entropy"
      tsv                  a header, then layer, head, query's index, query, key's index, key, weight; with --entropy
                           layer, head, entropy; words count from 0, layers and heads from 1
      -o OUT.html          a page that needs no network
      -o OUT.png|svg|pdf   a picture

    \b
    Examples:
      xlm attention --src en --tgt fr --text "My sister reads a long book."
      xlm attention -m sentiment --src en --text "I like this film." --all-heads -o heads.html
      xlm attention -m sentiment --src en --text "I like this film." --entropy
    """
    wanted = _Wanted(layer, head, all_heads, is_entropy)
    wanted.check()
    from xlmcli.attention.show.writing import find_kind, write_attention

    kind = find_kind(output, format_name, is_entropy=is_entropy)
    if kind == "picture":
        require_extra("plot", "matplotlib")
    from xlmcli.attention.reading import read_attention
    from xlmcli.bundle import find_model, is_bundle

    path = Path(model) if model is not None and Path(model).is_file() else find_model(model)
    if not is_bundle(path):
        require_extra("train", "torch")
    attention = read_attention(path, text, src=src, tgt=tgt, target=target, when=when, by_words=by_words)
    write_attention(wanted.select(attention), output, kind, is_entropy=is_entropy)
