"""`xlm pretrain`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from xlmcli.cli.options import (
    FILE,
    FiniteRange,
    ListType,
    config_option,
    lowercase_option,
    require_extra,
    was_given,
)
from xlmcli.cli.training.flags import DataFlags, RunFlags, SizeFlags
from xlmcli.cli.training.options import (
    TrainingCommand,
    data_options,
    init_option,
    language_run_options,
    model_folder,
    refuse_sizes,
    size_options,
)
from xlmcli.errors import UsageError


@click.command("pretrain", cls=TrainingCommand)
@init_option("A pretrained XLM to go on with")
@click.option(
    "--tokenizer",
    type=FILE,
    help="Folder with a vocabulary; by default that of --init, or one that is learned from the text.",
)
@click.option(
    "--vocab-size",
    type=click.IntRange(1, 1_000_000),
    default=8000,
    show_default=True,
    help="Size of the vocabulary to learn.",
)
@lowercase_option
@click.option(
    "--no-language-embeddings",
    is_flag=True,
    help="Do not tell a new model which language a text is in, as XLM-17 and XLM-100 are not told.",
)
@click.option(
    "--embeddings",
    type=click.Choice(["random", "cooccurrence"]),
    default="random",
    show_default=True,
    help="What a new model's words start as: cooccurrence puts them near the words of the same sentence or pair.",
)
@click.option(
    "--objectives",
    type=ListType("mlm", "tlm", "clm"),
    default="mlm",
    show_default=True,
    help="What to learn, joined by commas; several take turns.",
)
@click.option(
    "--block-len",
    type=click.IntRange(3, 65_536),
    default=256,
    show_default=True,
    help="Longest sequence of running text; longer lines are cut.",
)
@click.option(
    "--mask-share", type=FiniteRange(0, 1), default=0.15, show_default=True, help="Share of words to predict."
)
@click.option(
    "--mask-smoothing",
    type=FiniteRange(0),
    default=0.0,
    show_default=True,
    help="Choose words to predict with a weight of count^-this; 0 chooses evenly.",
)
@data_options
@size_options
@language_run_options
@config_option
def command(
    init: str,
    tokenizer: Path | None,
    vocab_size: int,
    lowercase: bool,
    no_language_embeddings: bool,
    embeddings: Literal["random", "cooccurrence"],
    objectives: tuple[str, ...],
    block_len: int,
    mask_share: float,
    mask_smoothing: float,
    data: DataFlags,
    size: SizeFlags,
    run: RunFlags,
) -> None:
    """Pretrain an XLM from raw text, and write it to OUT_FOLDER as Hugging Face's XLMModel.

    MLM and CLM read running text: --mono and both sides of --parallel. TLM reads the pairs of --parallel. A source may
    end in ,only=GLOB (rows whose third column matches), ,column=NUMBER (where a table in one language has its text),
    ,max-words=NUMBER (rows of no more words), ,synthetic=LANG (the language of two whose text a model made, and nobody
    should learn to write) and ,repeat=NUMBER (how often it counts in an epoch). With --init, sizes are the pretrained
    model's; with another --tokenizer, new words begin as the mean of the old words that spell them. Several processes:
    start the same command with `torchrun --nproc-per-node N -m xlmcli` or, on GPUs,
    `accelerate launch -m xlmcli`.

    \b
    Examples:
      xlm pretrain --vocab-size 8000 --mono en=english.txt --mono fr=french.txt.xz \\
          --valid en=dev.en --max-time 90m xlm-en-fr
      xlm pretrain --config recipe.toml --resume xlm-en-fr
    """
    require_extra("train", "torch", "accelerate", "scipy")
    from xlmcli.console import show_training
    from xlmcli.train.core.log import JsonLog
    from xlmcli.train.data.masking import MaskingOptions
    from xlmcli.train.pretraining.options import PretrainOptions
    from xlmcli.train.pretraining.run import pretrain

    start = model_folder(init)
    if tokenizer is not None or start is not None:
        given = "--init" if tokenizer is None else "--tokenizer"
        for name in filter(was_given, ("vocab_size", "lowercase")):
            option = f"--{name.replace('_', '-')}"
            message = f"{option} is for a vocabulary that is learned, and {given} has one"
            raise UsageError(message, hint=f"leave out {option}")
    if start is not None:
        refuse_sizes("--init")
    options = PretrainOptions(
        tokenizer=tokenizer,
        init=start,
        vocab_size=vocab_size,
        lowercase=lowercase,
        tells_languages=not no_language_embeddings,
        embeddings=embeddings,
        objectives=objectives,
        block_len=block_len,
        masking=MaskingOptions(share=mask_share, smoothing=mask_smoothing),
        data=data.options(run.seed),
        size=size.options(),
        run=run.options(),
    )
    with show_training(run.quiet) as display:
        pretrain(options, [JsonLog(options.run.folder), display])
