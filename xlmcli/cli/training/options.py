"""Options that `xlm pretrain` and the `xlm train` commands share, grouped as `xlmcli.train.core.options` has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import click

from xlmcli.cli.help import HeadedCommand
from xlmcli.cli.options import (
    BUDGET,
    DURATION,
    FILE,
    MODEL,
    MONOLINGUAL,
    SOURCE,
    FiniteRange,
    Function,
    SingleOption,
    augment_option,
    device_option,
    grouped,
    parallel_option,
    was_given,
    was_in_file,
)
from xlmcli.cli.training.flags import ColumnFlags, DataFlags, RunFlags, SizeFlags
from xlmcli.errors import ModelError, UsageError

Option = Callable[[Any], Any]
"""A decorator of click that adds an option to a command."""

RANDOM = "none"
"""What ``--init`` says for random weights."""

alpha_option = click.option(
    "--alpha",
    type=FiniteRange(0, 1),
    default=0.5,
    show_default=True,
    help="Languages are sampled with p ∝ n^alpha.",
)

_COLUMNS = (
    click.option(
        "--label-column",
        cls=SingleOption,
        metavar="COLUMN",
        help="Number or name of the label's column, or its field; by default 1.",
    ),
    click.option("--text-column", cls=SingleOption, metavar="COLUMN", help="The same for the text; by default 2."),
    click.option(
        "--pair-column",
        cls=SingleOption,
        metavar="COLUMN",
        help="The same for the second text of a pair; by default none.",
    ),
)
_DATA = (
    click.option(
        "--mono",
        type=MONOLINGUAL,
        multiple=True,
        metavar="LANG=FILE",
        help="Text of a language, a sentence a line; may be repeated.",
    ),
    parallel_option,
    click.option(
        "--valid", type=SOURCE, multiple=True, metavar="LANGS=FILE", help="Held-out text of either kind; at least one."
    ),
    click.option(
        "--max-len",
        type=click.IntRange(1, 65_536),
        default=100,
        show_default=True,
        help="Leave out sentences (of pairs, in pretraining) with more tokens.",
    ),
    click.option(
        "--max-ratio",
        type=FiniteRange(1),
        default=3.0,
        show_default=True,
        help="Leave out pairs of more than ten tokens with a larger length ratio.",
    ),
    augment_option,
    click.option(
        "--cache",
        type=FILE,
        metavar="FOLDER",
        help="Keep the token ids of the text there, for every run with the same text, vocabulary, limits and variants.",
    ),
    click.option(
        "--batch-tokens",
        type=click.IntRange(1, 1_000_000),
        default=4096,
        show_default=True,
        help="Longest sentence times sentences in a batch, a side.",
    ),
    alpha_option,
)
_SIZE = (
    click.option("--dim", type=click.IntRange(1, 16_384), default=512, show_default=True, help="Width of the states."),
    click.option("--layers", type=click.IntRange(1, 128), default=6, show_default=True, help="Layers of the encoder."),
    click.option("--heads", type=click.IntRange(1, 1024), default=8, show_default=True, help="Attention heads."),
    click.option(
        "--max-positions",
        type=click.IntRange(4, 65_536),
        default=512,
        show_default=True,
        help="Longest sequence that the model can read, in tokens.",
    ),
    click.option(
        "--activation",
        type=click.Choice(["gelu", "relu"]),
        default="gelu",
        show_default=True,
        help="Activation of the feed-forward layers.",
    ),
    click.option("--sinusoidal", is_flag=True, help="Fixed sinusoidal positions instead of learned ones."),
    click.option(
        "--dropout",
        type=FiniteRange(0, 1, max_open=True),
        default=0.1,
        show_default=True,
        help="Dropout on embeddings and on the output of every sublayer.",
    ),
    click.option(
        "--attention-dropout",
        type=FiniteRange(0, 1, max_open=True),
        default=0.0,
        show_default=True,
        help="Dropout on attention weights.",
    ),
)
_BUDGET = (
    click.option("--max-steps", type=click.IntRange(1, 10**9), help="Stop after so many optimizer steps."),
    click.option(
        "--max-time",
        type=BUDGET,
        help="Stop after so long, such as 90m or 2h, over all resumes; reading the text does not count.",
    ),
    click.option(
        "--patience", type=click.IntRange(1, 10**9), help="Stop after so many validations without a better score."
    ),
    click.option(
        "--accumulate",
        type=click.IntRange(1, 10**6),
        default=1,
        show_default=True,
        help="Batches whose gradients make one step.",
    ),
)
_RATE = (
    click.option(
        "--lr", type=FiniteRange(0, min_open=True), default=5e-4, show_default=True, help="Peak learning rate."
    ),
)
_LOOP = (
    click.option(
        "--clip", type=FiniteRange(0, min_open=True), default=5.0, show_default=True, help="Largest gradient norm."
    ),
    click.option(
        "--save-every",
        type=DURATION,
        default="10m",
        show_default=True,
        help="Time between two checkpoints that a run which was killed goes on from.",
    ),
    click.option(
        "--log-every",
        type=click.IntRange(1, 10**9),
        default=50,
        show_default=True,
        help="Steps between two lines of the log.",
    ),
    click.option(
        "--average",
        type=click.IntRange(1, 1000),
        default=1,
        show_default=True,
        help="Newest checkpoints to average at the end.",
    ),
    click.option(
        "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Seed of everything random."
    ),
    click.option(
        "--precision",
        type=click.Choice(["auto", "bf16", "fp32"]),
        default="auto",
        show_default=True,
        help="Numbers to compute with; auto is bf16 where the processor has it.",
    ),
    device_option,
    click.option("--resume", is_flag=True, help="Go on with the run in OUT_FOLDER, from the same next step."),
    click.option("-q", "--quiet", is_flag=True, help="No progress display."),
    click.argument("out_folder", type=FILE),
)


def _optimizer_options(schedules: Sequence[str], *, warmup: int, beta2: float) -> tuple[Option, ...]:
    """The options of the optimizer but for learning rates, with a command's own schedules (the default first)."""
    return (
        click.option(
            "--schedule",
            type=click.Choice(schedules),
            default=schedules[0],
            show_default=True,
            help="How the learning rate falls after the warm-up.",
        ),
        click.option(
            "--warmup",
            type=click.IntRange(0, 10**9),
            default=warmup,
            show_default=True,
            help="Steps in which the learning rate rises to its peak; at most half the budget.",
        ),
        click.option(
            "--cooldown",
            type=FiniteRange(0, 1),
            default=0.0,
            show_default=True,
            help="Last share of the budget in which a rate that is no cosine falls to 0.",
        ),
        click.option(
            "--weight-decay", type=FiniteRange(0), default=0.0, show_default=True, help="Decoupled weight decay."
        ),
        click.option(
            "--beta2",
            type=FiniteRange(0, 1, max_open=True),
            default=beta2,
            show_default=True,
            help="Adam's second decay rate.",
        ),
    )


def _valid_every_option(default: int) -> Option:
    """``--valid-every``, with a command's own default."""
    return click.option(
        "--valid-every",
        type=click.IntRange(1, 10**9),
        default=default,
        show_default=True,
        help="Steps between two validations, each with a checkpoint.",
    )


class TrainingCommand(HeadedCommand):
    """A command with these options."""

    headings: ClassVar = {
        "Start": (
            *("init", "init_encoder", "init_decoder", "tokenizer", "vocab_size", "lowercase"),
            *("no_language_embeddings", "embeddings"),
        ),
        "Text": (
            *("mono", "parallel", "train", "valid", "select", "label_column", "text_column", "pair_column"),
            *("multi_label", "max_len", "max_ratio", "alpha", "augmentations", "cache"),
        ),
        "What is learned": (
            *("directions", "objectives", "block_len", "mask_share", "mask_smoothing", "label_smoothing"),
            *("word_shuffle", "word_drop", "word_blank", "pooling", "class_weights"),
        ),
        "Size of the model": (
            *("dim", "layers", "decoder_layers", "heads", "max_positions", "activation", "sinusoidal"),
            *("dropout", "attention_dropout"),
        ),
        "Length of the run": ("max_steps", "max_time", "max_epochs", "patience", "resume"),
        "Steps": (
            *("batch_tokens", "batch_size", "accumulate", "lr", "head_lr", "schedule", "warmup", "cooldown"),
            *("weight_decay", "beta2", "clip", "precision", "device"),
        ),
        "Validation and checkpoints": ("valid_every", "save_every", "log_every", "average", "seeds", "seed"),
    }


data_options = grouped(DataFlags, "data", _DATA)
"""Adds the options of text."""

column_options = grouped(ColumnFlags, "columns", _COLUMNS)
"""Adds where labelled text has its label and its text."""

size_options = grouped(SizeFlags, "size", _SIZE)
"""Adds the options of sizes."""


def run_options(
    rates: Sequence[Option], schedules: Sequence[str], *, warmup: int, beta2: float, valid_every: int
) -> Callable[[Function], Function]:
    """Adds the options of a run.

    Args:
        rates: A command's own options of learning rates and budgets.
        schedules: Its schedules, the default first.
        warmup: Its default.
        beta2: Its default.
        valid_every: Its default.
    """
    optimizer = _optimizer_options(schedules, warmup=warmup, beta2=beta2)
    return grouped(RunFlags, "run", (*_BUDGET, *rates, *optimizer, _valid_every_option(valid_every), *_LOOP))


language_run_options = run_options(
    _RATE, ("inverse_sqrt", "cosine", "constant"), warmup=4000, beta2=0.98, valid_every=1000
)
"""Adds the options of a run that pretrains or learns to translate."""


def init_option(what: str) -> Callable[[Function], Function]:
    """The option ``--init``, of what it takes."""
    return click.option(
        "--init",
        default=RANDOM,
        show_default=True,
        type=MODEL,
        help=f"{what} (folder, file or model's name), or none for random weights.",
    )


def model_folder(name: str) -> Path | None:
    """The folder or file that ``--init`` names, or None for random weights.

    A checkpoint or a file at a path wins over a model of that name, and so does a bundle.

    Raises:
        ModelError: There is none. It is a name on the hub: a run needs its model again to be resumed, and in each of
            its processes, so that it is for the user to keep.
    """
    from xlmcli.bundle.finding import find_model, is_hub_name, pulled_models
    from xlmcli.bundle.reading import is_checkpoint

    path = Path(name)
    if name == RANDOM or is_checkpoint(path) or path.is_file():
        return None if name == RANDOM else path
    if is_hub_name(name) and not path.parent.exists() and name not in pulled_models():
        raise ModelError(
            f"--init {name}: no such folder", hint=f"get it from the hub: hf download {name} --local-dir {path.name}"
        )
    return find_model(name)


def refuse_sizes(option: str) -> None:
    """Makes sure that nothing is asked of a model that has its sizes; a settings file may be for a new one, too.

    Args:
        option: The one that names the model.

    Raises:
        UsageError: An option on the command line is for new models.
    """
    names = (*(field.name for field in fields(SizeFlags) if "dropout" not in field.name), "no_language_embeddings")
    for name in names:
        if was_given(name) and not was_in_file(name):
            size = f"--{name.replace('_', '-')}"
            raise UsageError(f"{size} is for a new model, and {option} has one", hint=f"leave out {size}")
