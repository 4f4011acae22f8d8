"""Options that `xlm pretrain` and the `xlm train` commands share, grouped as `xlmcli.train.core.options` has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from xlmcli.cli.options import DURATION, FILE, MONOLINGUAL, PARALLEL, SOURCE, FiniteRange, augment_option
from xlmcli.errors import ModelError, UsageError

if TYPE_CHECKING:
    from xlmcli.train.classification.files import Columns
    from xlmcli.train.core.options import DataOptions, RunOptions, SizeOptions

Function = TypeVar("Function", bound=Callable[..., Any])

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
        "--label-column", metavar="COLUMN", help="Number or name of the label's column, or its field; by default 1."
    ),
    click.option("--text-column", metavar="COLUMN", help="The same for the text; by default 2."),
    click.option("--pair-column", metavar="COLUMN", help="The same for the second text of a pair; by default none."),
)
_DATA = (
    click.option(
        "--mono",
        type=MONOLINGUAL,
        multiple=True,
        metavar="LANG=FILE",
        help="Text of a language, a sentence a line; may be repeated.",
    ),
    click.option(
        "--parallel",
        type=PARALLEL,
        multiple=True,
        metavar="LANG-LANG=FILE",
        help="Text of two languages, TSV or FILE.{}; may be repeated.",
    ),
    click.option(
        "--valid", type=SOURCE, multiple=True, metavar="LANGS=FILE", help="Held-out text of either kind; at least one."
    ),
    click.option(
        "--max-len",
        type=click.IntRange(1),
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
        help="Keep the token ids of the text there, for every run with the same text, vocabulary and limits.",
    ),
    click.option(
        "--batch-tokens",
        type=click.IntRange(1),
        default=4096,
        show_default=True,
        help="Longest sentence times sentences in a batch, a side.",
    ),
    alpha_option,
)
_SIZE = (
    click.option("--dim", type=click.IntRange(1), default=512, show_default=True, help="Width of the states."),
    click.option("--layers", type=click.IntRange(1), default=6, show_default=True, help="Layers of the encoder."),
    click.option("--heads", type=click.IntRange(1), default=8, show_default=True, help="Attention heads."),
    click.option(
        "--max-positions",
        type=click.IntRange(4),
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
    click.option("--max-steps", type=click.IntRange(1), help="Stop after so many optimizer steps."),
    click.option(
        "--max-time",
        type=DURATION,
        help="Stop after so long, such as 90m or 2h, over all resumes; reading the text does not count.",
    ),
    click.option("--patience", type=click.IntRange(1), help="Stop after so many validations without a better score."),
    click.option(
        "--accumulate",
        type=click.IntRange(1),
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
        "--log-every", type=click.IntRange(1), default=50, show_default=True, help="Steps between two lines of the log."
    ),
    click.option(
        "--average",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Newest checkpoints to average at the end.",
    ),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of everything random."),
    click.option(
        "--precision",
        type=click.Choice(["auto", "bf16", "fp32"]),
        default="auto",
        show_default=True,
        help="Numbers to compute with; auto is bf16 where the processor has it.",
    ),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where to compute.",
    ),
    click.option("--resume", is_flag=True, help="Go on with the run in OUT_FOLDER, from the same next step."),
    click.option("--quiet", is_flag=True, help="No progress display."),
    click.argument("out_folder", type=FILE),
)


def training_options(function: Function) -> Function:
    """Adds the options of data, sizes and the run to a command; the makers below read what arrives."""
    optimizer = optimizer_options(("inverse_sqrt", "cosine", "constant"), warmup=4000, beta2=0.98)
    valid_every = valid_every_option(1000)
    for decorate in reversed((*_DATA, *_SIZE, *_BUDGET, *_RATE, *optimizer, valid_every, *_LOOP)):
        function = decorate(function)
    return function


def column_options(function: Function) -> Function:
    """Adds where labelled text has its label and its text."""
    for decorate in reversed(_COLUMNS):
        function = decorate(function)
    return function


def size_options(function: Function) -> Function:
    """Adds the options of sizes alone."""
    for decorate in reversed(_SIZE):
        function = decorate(function)
    return function


def run_options(function: Function) -> Function:
    """Adds the options of the run, but for those of the optimizer and ``--valid-every``."""
    for decorate in reversed((*_BUDGET, *_LOOP)):
        function = decorate(function)
    return function


def optimizer_options(
    schedules: Sequence[str], *, warmup: int, beta2: float
) -> tuple[Callable[[Function], Function], ...]:
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
            type=click.IntRange(0),
            default=warmup,
            show_default=True,
            help="Steps in which the learning rate rises to its peak.",
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


def valid_every_option(default: int) -> Callable[[Function], Function]:
    """``--valid-every``, with a command's own default."""
    return click.option(
        "--valid-every",
        type=click.IntRange(1),
        default=default,
        show_default=True,
        help="Steps between two validations, each with a checkpoint.",
    )


def make_data_options(values: dict[str, Any]) -> DataOptions:
    from xlmcli.train.core.options import DataOptions
    from xlmcli.train.data.corpus import LengthFilter, TextOptions

    return DataOptions(
        mono=values["mono"],
        parallel=values["parallel"],
        valid=values["valid"],
        text=TextOptions(
            LengthFilter(max_len=values["max_len"], max_ratio=values["max_ratio"]),
            values["augmentations"],
            values["seed"],
            values["cache"],
        ),
        batch_tokens=values["batch_tokens"],
        alpha=values["alpha"],
    )


def make_columns(values: dict[str, Any], *, multi_label: bool) -> Columns:
    """Where labelled text has its label and its text.

    Raises:
        UsageError: A column's number is below 1.
    """
    from xlmcli.tables import check_column
    from xlmcli.train.classification.files import Columns

    names = {"label": values["label_column"], "text": values["text_column"], "pair": values["pair_column"]}
    for name, column in names.items():
        check_column(column, f"--{name}-column")
    return Columns(**names, multi_label=multi_label)


def make_size_options(values: dict[str, Any]) -> SizeOptions:
    from xlmcli.train.core.options import SizeOptions

    return SizeOptions(
        dim=values["dim"],
        num_layers=values["layers"],
        num_heads=values["heads"],
        max_positions=values["max_positions"],
        gelu=values["activation"] == "gelu",
        sinusoidal=values["sinusoidal"],
        dropout=values["dropout"],
        attention_dropout=values["attention_dropout"],
    )


def make_run_options(values: dict[str, Any]) -> RunOptions:
    from xlmcli.train.core.optim import OptimOptions
    from xlmcli.train.core.options import LoopOptions, RunOptions

    budgets = [name for name in ("max_steps", "max_epochs", "max_time") if name in values]
    has_budget = any(values[name] is not None for name in budgets)
    flags = [f"--{name.replace('_', '-')}" for name in budgets]
    if not has_budget and values["patience"] is None:
        raise UsageError("the run would never end", hint=f"give {', '.join(flags)} or --patience")
    if not has_budget and (values["schedule"] == "cosine" or values["cooldown"] > 0):
        raise UsageError(
            "the learning rate is to fall towards the run's end, and nobody can tell where that is",
            hint=f"give {' or '.join(flags)}, or leave out --schedule cosine and --cooldown",
        )
    loop = LoopOptions(
        max_steps=values["max_steps"],
        max_seconds=values["max_time"],
        accumulate=values["accumulate"],
        clip=values["clip"],
        log_every=values["log_every"],
        valid_every=values["valid_every"],
        patience=values["patience"],
        average=values["average"],
        seed=values["seed"],
        precision=values["precision"],
    )
    optim = OptimOptions(
        lr=values["lr"],
        schedule=values["schedule"],
        warmup=values["warmup"],
        cooldown=values["cooldown"],
        weight_decay=values["weight_decay"],
        beta2=values["beta2"],
        head_lr=values.get("head_lr"),
    )
    return RunOptions(values["out_folder"], values["resume"], values["device"], loop, optim)


def model_folder(name: str) -> Path | None:
    """The folder or file that ``--init`` names, or None for random weights.

    Raises:
        ModelError: It is a name on the hub. A run needs its model again to be resumed, and in each of its processes, so
            that it is for the user to keep.
    """
    from xlmcli.bundle.reading import is_hub_name

    path = Path(name)
    if is_hub_name(name) and not path.exists() and not path.parent.exists():
        raise ModelError(
            f"--init {name}: no such folder", hint=f"get it from the hub: hf download {name} --local-dir {path.name}"
        )
    return None if name == RANDOM else path
