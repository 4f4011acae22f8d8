"""``xlm tokenizer``: learn a shared vocabulary, and turn lines into pieces and back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from xlmcli.cli.help import HeadedGroup
from xlmcli.cli.options import (
    FILE,
    MONOLINGUAL,
    FiniteRange,
    augment_option,
    config_option,
    lowercase_option,
    parallel_option,
)
from xlmcli.console import print_line
from xlmcli.errors import DataError, UsageError
from xlmcli.lines import STDIN_NAME, iter_stdin_lines, iter_text_lines
from xlmcli.sources import Source

if TYPE_CHECKING:
    from xlmcli.text import Tokenizer
    from xlmcli.text.augmentation import Augmentation


@click.group(cls=HeadedGroup)
def command() -> None:
    """Learn a shared vocabulary from several languages, and use it in a pipe.

    \b
    Example:
      xlm tokenizer train --lang en=english.txt.zst --lang fr=french.txt.zst --vocab-size 8000 vocabulary
    """


@command.command(short_help="Learn a vocabulary from text.")
@click.option(
    "--lang",
    "monolingual",
    type=MONOLINGUAL,
    multiple=True,
    metavar="LANG=FILE",
    help="Text of a language, a sentence a line; may be repeated.",
)
@parallel_option
@click.option(
    "--vocab-size",
    type=click.IntRange(1, 1_000_000),
    default=8000,
    show_default=True,
    help="Ids in all: 14 special tokens, 256 bytes, pieces.",
)
@click.option(
    "--model-type",
    type=click.Choice(["unigram", "bpe"]),
    default="unigram",
    show_default=True,
    help="How pieces are chosen.",
)
@click.option(
    "--alpha",
    type=FiniteRange(0, 1),
    default=0.5,
    show_default=True,
    help="Languages are sampled with p ∝ lines^alpha.",
)
@click.option(
    "--sentences",
    type=click.IntRange(1, 100_000_000),
    default=1_000_000,
    show_default=True,
    help="How many lines are sampled for learning in all.",
)
@augment_option
@lowercase_option
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Which lines are sampled."
)
@click.option("--force", is_flag=True, help="Replace the vocabulary of a folder that has one.")
@config_option
@click.argument("out_folder", type=FILE)
def train(
    monolingual: tuple[Source, ...],
    parallel: tuple[Source, ...],
    vocab_size: int,
    model_type: Literal["unigram", "bpe"],
    alpha: float,
    sentences: int,
    augmentations: tuple[Augmentation, ...],
    lowercase: bool,
    seed: int,
    force: bool,
    out_folder: Path,
) -> None:
    """Learn a SentencePiece vocabulary shared by all languages given, and write it to OUT_FOLDER.

    Files may be plain or compressed (.gz, .xz, .zst). What a vocabulary has no piece for is spelt in bytes, so nothing
    is ever unknown. XLM's special tokens have XLM's ids.

    \b
    Examples:
      xlm tokenizer train --lang en=english.txt --lang fr=french.txt.zst vocabulary
      xlm tokenizer train --parallel en-fr=pairs.tsv.xz --vocab-size 16000 --model-type bpe vocabulary
    """
    from xlmcli.bundle.names import TOKENIZER_NAMES
    from xlmcli.text.sentencepiece_training import TokenizerOptions, train_sentencepiece

    sources = monolingual + parallel
    if any(augmentation.kind == "spans" for augmentation in augmentations):
        raise UsageError("--augment spans is for models: every vocabulary has the tokens of marks", hint="leave it out")
    if not sources:
        raise UsageError("nothing to learn from", hint="name text with --lang or --parallel")
    if not force and any((out_folder / name).exists() for name in TOKENIZER_NAMES):
        raise UsageError(f"{out_folder} already has a vocabulary", hint="--force replaces it")
    options = TokenizerOptions(
        sources=sources,
        vocab_size=vocab_size,
        model_type=model_type,
        alpha=alpha,
        num_sentences=sentences,
        seed=seed,
        lowercase=lowercase,
        augmentations=augmentations,
    )
    for sample in train_sentencepiece(options, out_folder):
        print_line(f"{sample.lang}: {sample.num_lines:,} lines, {len(sample.sentences):,} learned from")


_model_option = click.option(
    "-m", "--model", type=FILE, required=True, metavar="FOLDER", help="A tokenizer, checkpoint or bundle."
)
_lang_option = click.option(
    "--lang", help="Language of the text, for a tokenizer whose rules depend on it (XLM's BPE)."
)


@command.command(short_help="Turn lines of text into pieces or ids.")
@_model_option
@_lang_option
@click.option("--ids", is_flag=True, help="Write ids in place of pieces.")
def encode(model: Path, lang: str | None, ids: bool) -> None:
    """Read lines of text from stdin and write their pieces, separated by spaces, line by line.

    \b
    Example:
      echo "How are you?" | xlm tokenizer encode -m vocabulary
    """
    from xlmcli.text import load_tokenizer

    tokenizer = load_tokenizer(model)
    names = [str(index) for index in range(tokenizer.vocab_size)] if ids else tokenizer.vocab
    _map_lines(lambda line, _: " ".join(names[index] for index in tokenizer.encode(line, lang)))


@command.command(short_help="Turn lines of pieces or ids into text.")
@_model_option
@_lang_option
@click.option("--ids", is_flag=True, help="Read ids in place of pieces.")
def decode(model: Path, lang: str | None, ids: bool) -> None:
    """Read lines of pieces, separated by spaces, from stdin and write their text, line by line.

    \b
    Example:
      echo "How are you?" | xlm tokenizer encode -m vocabulary | xlm tokenizer decode -m vocabulary
    """
    from xlmcli.text import load_tokenizer
    from xlmcli.text.marks import without_marks

    tokenizer = load_tokenizer(model)
    names = {str(index): index for index in range(tokenizer.vocab_size)} if ids else _ids_of(tokenizer)
    wanted = f"an id of this vocabulary (0 to {tokenizer.vocab_size - 1})" if ids else "a piece of this vocabulary"

    def decode_line(line: str, number: int) -> str:
        words = line.split()
        if strangers := [word for word in words if word not in names]:
            raise DataError(f"{STDIN_NAME}:{number}: not {wanted}: {strangers[0]}")
        return without_marks(tokenizer.decode([names[word] for word in words], lang))

    _map_lines(decode_line)


def _ids_of(tokenizer: Tokenizer) -> dict[str, int]:
    return {piece: index for index, piece in enumerate(tokenizer.vocab)}


def _map_lines(function: Callable[[str, int], str]) -> None:
    """Writes ``function(line, line number)`` for every line of stdin, each as soon as it is known."""
    if sys.stdin is None:
        raise DataError("standard input is closed")
    output = sys.stdout.buffer
    for number, text in enumerate(iter_text_lines(iter_stdin_lines(), STDIN_NAME), start=1):
        output.write(function(text, number).encode("utf-8") + b"\n")
        output.flush()
