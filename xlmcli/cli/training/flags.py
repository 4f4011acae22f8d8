"""What the options of training say, grouped as `xlmcli.train.core.options` has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from xlmcli.cli.options import was_in_file
from xlmcli.errors import UsageError

if TYPE_CHECKING:
    from xlmcli.sources import Source
    from xlmcli.text.augmentation import Augmentation
    from xlmcli.train.classification.files import Columns
    from xlmcli.train.core.options import DataOptions, RunOptions, SizeOptions


@dataclass(frozen=True, slots=True)
class DataFlags:
    """The values of the options of text."""

    mono: tuple[Source, ...]
    parallel: tuple[Source, ...]
    valid: tuple[Source, ...]
    max_len: int
    max_ratio: float
    augmentations: tuple[Augmentation, ...]
    cache: Path | None
    batch_tokens: int
    alpha: float

    def options(self, seed: int) -> DataOptions:
        """The same for training; ``seed`` draws variants."""
        from xlmcli.train.core.options import DataOptions
        from xlmcli.train.data.corpus import LengthFilter, TextOptions

        text = TextOptions(LengthFilter(self.max_len, self.max_ratio), self.augmentations, seed, self.cache)
        shared = frozenset(filter(was_in_file, ("mono", "parallel", "valid")))
        sources = (self.mono, self.parallel, self.valid)
        return DataOptions(*sources, text, self.batch_tokens, self.alpha, shared=shared)


@dataclass(frozen=True, slots=True)
class ColumnFlags:
    """The values of the options of labelled text's columns."""

    label_column: str | None
    text_column: str | None
    pair_column: str | None

    def columns(self, *, multi_label: bool) -> Columns:
        """Where labelled text has its label and its text.

        Raises:
            UsageError: A column's number is below 1.
        """
        from xlmcli.tables import check_column
        from xlmcli.train.classification.files import Columns

        for column, option in ((self.label_column, "label"), (self.text_column, "text"), (self.pair_column, "pair")):
            check_column(column, f"--{option}-column")
        return Columns(self.label_column, self.text_column, self.pair_column, multi_label=multi_label)


@dataclass(frozen=True, slots=True)
class SizeFlags:
    """The values of the options of sizes."""

    dim: int
    layers: int
    heads: int
    max_positions: int
    activation: Literal["gelu", "relu"]
    sinusoidal: bool
    dropout: float
    attention_dropout: float

    def options(self) -> SizeOptions:
        """The same for training."""
        from xlmcli.train.core.options import SizeOptions

        return SizeOptions(
            dim=self.dim,
            num_layers=self.layers,
            num_heads=self.heads,
            max_positions=self.max_positions,
            gelu=self.activation == "gelu",
            sinusoidal=self.sinusoidal,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
        )


@dataclass(frozen=True, slots=True)
class RunFlags:
    """The values of the options of a run; those of a classifier alone have defaults."""

    max_steps: int | None
    max_time: float | None
    patience: int | None
    accumulate: int
    lr: float
    schedule: Literal["inverse_sqrt", "cosine", "constant"]
    warmup: int
    cooldown: float
    weight_decay: float
    beta2: float
    valid_every: int
    clip: float
    save_every: float
    log_every: int
    average: int
    seed: int
    precision: Literal["auto", "bf16", "fp32"]
    device: Literal["auto", "cpu", "cuda"]
    resume: bool
    quiet: bool
    out_folder: Path
    head_lr: float | None = None
    max_epochs: float | None = None

    def options(self) -> RunOptions:
        """The same for training.

        Raises:
            UsageError: The run would never end, or its learning rate falls towards an end that nobody knows.
        """
        from xlmcli.train.core.optim import OptimOptions
        from xlmcli.train.core.options import LoopOptions, RunOptions

        self._check_budget()
        loop = LoopOptions(
            max_steps=self.max_steps,
            max_seconds=self.max_time,
            accumulate=self.accumulate,
            clip=self.clip,
            log_every=self.log_every,
            valid_every=self.valid_every,
            save_seconds=self.save_every,
            patience=self.patience,
            average=self.average,
            seed=self.seed,
            precision=self.precision,
        )
        optim = OptimOptions(
            lr=self.lr,
            schedule=self.schedule,
            warmup=self.warmup,
            cooldown=self.cooldown,
            weight_decay=self.weight_decay,
            beta2=self.beta2,
            head_lr=self.head_lr,
        )
        return RunOptions(self.out_folder, self.resume, self.device, loop, optim)

    def _check_budget(self) -> None:
        if any(budget is not None for budget in (self.max_steps, self.max_epochs, self.max_time)):
            return
        has_epochs = any(param.name == "max_epochs" for param in click.get_current_context().command.params)
        budgets = "--max-steps, --max-epochs, --max-time" if has_epochs else "--max-steps, --max-time"
        if self.patience is None:
            raise UsageError("the run would never end", hint=f"give {budgets} or --patience")
        if self.schedule == "cosine" or self.cooldown > 0:
            raise UsageError(
                "the learning rate is to fall towards the run's end, and nobody can tell where that is",
                hint=f"give {budgets.replace(', ', ' or ')}, or leave out --schedule cosine and --cooldown",
            )
