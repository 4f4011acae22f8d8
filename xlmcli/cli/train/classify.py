"""`xlm train classify`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from xlmcli.cli.options import FILE, MONOLINGUAL, FiniteRange, config_option, grouped, require_extra
from xlmcli.cli.training.flags import ColumnFlags, RunFlags, SizeFlags
from xlmcli.cli.training.options import (
    TrainingCommand,
    alpha_option,
    column_options,
    init_option,
    model_folder,
    refuse_sizes,
    run_options,
    size_options,
)
from xlmcli.sources import Source

_TEXT = (
    click.option(
        "--train",
        type=MONOLINGUAL,
        multiple=True,
        metavar="LANG=FILE",
        help="Labelled text: TSV, .csv or .jsonl; may be repeated.",
    ),
    click.option(
        "--valid",
        type=MONOLINGUAL,
        multiple=True,
        metavar="LANG=FILE",
        help="Held-out labelled text, also in languages without --train (zero-shot); may be repeated.",
    ),
    click.option(
        "--select",
        metavar="LANG,...",
        help="Languages of --valid whose mean macro-F1 decides which model is best; by default the first one's.",
    ),
    click.option("--multi-label", is_flag=True, help="A text has any number of labels, joined by commas."),
    click.option(
        "--max-len",
        type=click.IntRange(1, 65_536),
        help="Cut a text, or both of a pair together, to so many tokens; by default to what the model can read.",
    ),
    alpha_option,
)
_RECIPE = (
    click.option(
        "--pooling",
        type=click.Choice(["first", "mean"]),
        help="What stands for a text: its first state (by default), or the mean of all.",
    ),
    click.option(
        "--class-weights",
        type=click.Choice(["none", "balanced"]),
        default="none",
        show_default=True,
        help="Whether rare labels count as much as frequent ones.",
    ),
    click.option(
        "--word-blank",
        type=FiniteRange(0, 1),
        default=0.0,
        show_default=True,
        help="Share of words that are masked while learning: against learning little text by heart.",
    ),
    click.option(
        "--batch-size", type=click.IntRange(1, 65_536), default=16, show_default=True, help="Texts in a batch."
    ),
    click.option(
        "--seeds",
        type=click.IntRange(1, 1000),
        default=1,
        show_default=True,
        help="Runs to make, each with a seed and a budget of its own; the best is kept.",
    ),
)


_RATES = (
    click.option("--max-epochs", type=FiniteRange(0, min_open=True), help="Stop after so many times all text."),
    click.option(
        "--encoder-lr",
        "lr",
        type=FiniteRange(0, min_open=True),
        default=5e-6,
        show_default=True,
        help="Peak learning rate of the encoder; small models take more, such as 1e-4.",
    ),
    click.option(
        "--head-lr",
        type=FiniteRange(0, min_open=True),
        default=1e-4,
        show_default=True,
        help="Peak learning rate of the layer on top.",
    ),
)


@dataclass(frozen=True, slots=True)
class ClassifierFlags:
    """The values of the options of labelled text and of what is made of it."""

    train: tuple[Source, ...]
    valid: tuple[Source, ...]
    select: str | None
    multi_label: bool
    max_len: int | None
    alpha: float
    pooling: Literal["first", "mean"] | None
    class_weights: Literal["none", "balanced"]
    word_blank: float
    batch_size: int
    seeds: int


@click.command("classify", cls=TrainingCommand, short_help="Train a classifier of texts or of pairs of texts.")
@init_option("A pretrained XLM or a classifier")
@click.option("--tokenizer", type=FILE, help="Folder with a vocabulary; by default that of the pretrained model.")
@grouped(ClassifierFlags, "flags", (*_TEXT, *_RECIPE))
@column_options
@size_options
@run_options(_RATES, ("constant", "cosine", "inverse_sqrt"), warmup=100, beta2=0.999, valid_every=200)
@config_option
def command(
    init: str,
    tokenizer: Path | None,
    flags: ClassifierFlags,
    columns: ColumnFlags,
    size: SizeFlags,
    run: RunFlags,
) -> None:
    """Train a classifier of texts or pairs of texts, and write it to OUT_FOLDER.

    The folder opens as Hugging Face's XLMForSequenceClassification. Rows are label<TAB>text unless told otherwise; the
    JSON lines of `xlm classify --all` teach with their probabilities. Held-out text in languages that no --train has is
    scored along the way: zero-shot transfer. The model with the best macro-F1 is kept, and its probabilities are
    calibrated on the held-out text. Small --encoder-lr is what a large published XLM needs; it stays at chance with
    more. With --init, the sizes are the pretrained model's. Several processes: start the same command with
    `torchrun --nproc-per-node N -m xlmcli` or, on GPUs, `accelerate launch -m xlmcli`.

    \b
    Examples:
      xlm train classify --init xlm-15 --train en=reviews.tsv --valid en=dev.en.tsv --valid fr=dev.fr.tsv \\
          --max-epochs 10 --patience 5 sentiment
      xlm train classify --init xlm-15 --train en=nli.jsonl --valid en=dev.jsonl --label-column gold_label \\
          --text-column sentence1 --pair-column sentence2 --seeds 3 --max-epochs 5 nli
    """
    require_extra("train", "torch", "accelerate")
    from xlmcli.console import show_training
    from xlmcli.train.classification.options import ClassifyTrainingOptions
    from xlmcli.train.classification.run import train_classification
    from xlmcli.train.core.log import JsonLog

    start = model_folder(init)
    if start is not None:
        refuse_sizes("--init")
    options = ClassifyTrainingOptions(
        tokenizer=tokenizer,
        init=start,
        train=flags.train,
        valid=flags.valid,
        select=() if flags.select is None else tuple(flags.select.split(",")),
        columns=columns.columns(multi_label=flags.multi_label),
        pooling=flags.pooling,
        is_balanced=flags.class_weights == "balanced",
        word_blank=flags.word_blank,
        max_len=flags.max_len,
        batch_size=flags.batch_size,
        alpha=flags.alpha,
        max_epochs=run.max_epochs,
        num_seeds=flags.seeds,
        size=size.options(),
        run=run.options(),
    )
    with show_training(run.quiet) as display:
        train_classification(options, [JsonLog(options.run.folder), display])
