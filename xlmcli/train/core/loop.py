"""The training loop, for every objective.

Step k's randomness comes from the seed, k and the process alone, and the place in the data is saved, without what was
drawn ahead, so a run that is resumed takes the same next step as one that never stopped.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import nn

from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME
from xlmcli.checkpoint.config import CheckpointConfig, load_config, save_config
from xlmcli.checkpoint.training_state import (
    SNAPSHOTS,
    STATE_FILE,
    TRAINING_FOLDER,
    load_training_state,
    save_training_state,
)
from xlmcli.checkpoint.weights import fill_weights, mean_of, save_weights, saved_state
from xlmcli.errors import TrainingError
from xlmcli.signals import raise_ending
from xlmcli.text import Tokenizer
from xlmcli.train.core.batches import BatchQueue
from xlmcli.train.core.differences import describe_text, tell_apart
from xlmcli.train.core.folder import check_same_model, has_run
from xlmcli.train.core.freed_memory import return_freed_memory
from xlmcli.train.core.interrupts import noted_interrupts
from xlmcli.train.core.objective import Objective
from xlmcli.train.core.optim import learning_rate, make_optimizer, set_learning_rate, settings_of
from xlmcli.train.core.options import RunOptions
from xlmcli.train.core.precision import uses_bfloat16
from xlmcli.train.core.progress import Reporter, TrainingProgress
from xlmcli.train.core.validation import Scores, Validator

# Steps between two returns of freed memory to the system; getting it back takes as long as a small part of one.
_RETURN_EVERY = 100


@dataclass(slots=True)
class RunState:
    """Where a run is: all that a resume restores beside weights, optimizer and places in the data."""

    step: int = 0
    elapsed_seconds: float = 0.0
    best: tuple[float, ...] = ()
    num_worse: int = 0
    validated_step: int = 0


@dataclass(slots=True)
class Meter:
    """Sums since the last report."""

    losses: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    num_tokens: int = 0
    seconds: float = 0.0


class Trainer:
    """A model, what it learns, and how it is checked."""

    def __init__(
        self,
        model: nn.Module,
        objectives: Sequence[Objective],
        validator: Validator,
        run: RunOptions,
        reporters: Sequence[Reporter],
        accelerator: Accelerator,
    ) -> None:
        self.objectives, self.validator = objectives, validator
        self.reporters, self.accelerator = reporters, accelerator
        self.folder, self.options, self.optim_options = run.folder, run.loop, run.optim
        self._resumes = run.resume
        self._uses_bfloat16 = uses_bfloat16(run.loop.precision, accelerator.device)
        self.bare_model = model
        self.optimizer = make_optimizer(model, run.optim)
        self.model, self.optimizer = accelerator.prepare(model, self.optimizer)
        self.state = RunState()
        self._saved_at = 0.0
        self.batches = BatchQueue(objectives, run.loop.seed, run.loop.accumulate)
        self._described = {"text": describe_text(objectives), "held_out": dict(validator.text)}

    def begin(self, config: CheckpointConfig, tokenizer: Tokenizer) -> None:
        """Goes on with the run in the folder, or writes down there what this one makes.

        Raises:
            UsageError: The run in the folder is of another model.
            ModelError: Its state is damaged, or no command could open what this one makes.
            TrainingError: It was made with other objectives, text or held-out text.
        """
        if self._resumes:
            check_same_model(config, self.folder)
            self.resume()
        elif self.accelerator.is_main_process:
            tokenizer.save(self.folder)
        # A run that has ended and goes on was calibrated; weights that it finds better are not.
        if self.accelerator.is_main_process and not (self._resumes and load_config(self.folder) == config):
            save_config(config, self.folder)

    def run(self) -> RunState:
        """Trains until a budget is spent or patience runs out; the best model is in the folder then.

        Raises:
            TrainingError: The loss is not a number.
        """
        state, options = self.state, self.options
        meter = Meter()
        self.model.train()
        with closing(self.batches), noted_interrupts() as interrupts:
            while self.share_spent() < 1 and not self.is_stale():
                started = time.monotonic()
                rate = self.step(meter)
                state.step += 1
                if state.step % _RETURN_EVERY == 0:
                    return_freed_memory()
                duration = self._largest(time.monotonic() - started)
                meter.seconds += duration
                state.elapsed_seconds += duration
                if state.step % options.log_every == 0:
                    self._report(meter, rate)
                    meter = Meter()
                if state.step % options.valid_every == 0:
                    self.validate()
                elif state.elapsed_seconds - self._saved_at >= options.save_seconds:
                    self.save()
                if number := int(self._largest(interrupts.number)):
                    self.save()
                    raise_ending(number)
            if state.validated_step < state.step:
                self.validate()
        if options.average > 1:
            if self.accelerator.is_main_process:
                self._keep_average_if_better()
            self.save()  # a resumed run must know the score of what it may replace
        return state

    def step(self, meter: Meter) -> float:
        """One optimizer step; returns its learning rate."""
        state, options, accelerator = self.state, self.options, self.accelerator
        objective = self.objectives[state.step % len(self.objectives)]
        torch.manual_seed(_mix(options.seed, state.step, accelerator.process_index))
        batches = self.batches.take(state.step)
        for number, batch in enumerate(batches, start=1):
            with nullcontext() if number == len(batches) else accelerator.no_sync(self.model):
                with self._autocast():
                    loss = batch.loss(self.model, accelerator.device)
                accelerator.backward(loss.mean / options.accumulate)
            meter.losses[objective.name].append(float(loss.mean.detach()))
            meter.num_tokens += loss.num_tokens
        norm = accelerator.clip_grad_norm_(self.model.parameters(), options.clip)
        if norm is not None and not math.isfinite(float(norm)):
            raise TrainingError(
                f"step {state.step + 1}: the gradient is not a number",
                hint=f"lower the learning rate, or raise --warmup{self._and_resume()}",
            )
        rate = learning_rate(self.optim_options, state.step, self.share_spent())
        set_learning_rate(self.optimizer, rate)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return rate

    def _and_resume(self) -> str:
        return ", and --resume from the last checkpoint" if has_run(self.folder) else ""

    def share_spent(self) -> float:
        """Share of the budget that is spent, 0-1: steps or time, whichever is further along."""
        options, shares = self.options, [0.0]
        if options.max_steps is not None:
            shares.append(self.state.step / options.max_steps)
        if options.max_seconds is not None:
            shares.append(self.state.elapsed_seconds / options.max_seconds)
        return min(1.0, max(shares))

    def is_stale(self) -> bool:
        """Whether validation has not got better for as long as patience allows."""
        return self.options.patience is not None and self.state.num_worse >= self.options.patience

    def validate(self) -> None:
        """Scores the model, keeps it if it is the best, and saves what a resume needs."""
        started = time.monotonic()
        scores = self._scores()
        state = self.state
        is_best = scores.rank > state.best
        if is_best:
            state.best, state.num_worse = scores.rank, 0
        else:
            state.num_worse += 1
        state.validated_step = state.step
        state.elapsed_seconds += self._largest(time.monotonic() - started)
        if self.accelerator.is_main_process:
            if is_best:
                save_weights(saved_state(self.bare_model), self.folder / CHECKPOINT_WEIGHTS_NAME)
            if self.options.average > 1:
                self._keep_snapshot()
            for reporter in self.reporters:
                reporter.validated(state.step, state.elapsed_seconds, scores, is_best)
        self.save()

    def save(self) -> None:
        """Writes the newest weights and all that a resume restores."""
        self._saved_at = self.state.elapsed_seconds
        if self.accelerator.is_main_process:
            self._save()
        self.accelerator.wait_for_everyone()

    def _save(self) -> None:
        folder = self.folder / TRAINING_FOLDER
        folder.mkdir(exist_ok=True)
        state = {
            "run": {name: getattr(self.state, name) for name in RunState.__slots__},
            **self._described,
            "positions": self.batches.positions,
            "batches": self.batches.makings,
            "weights": saved_state(self.bare_model),
            "optimizer": self.optimizer.state_dict(),
        }
        save_training_state(state, folder / STATE_FILE)

    def _keep_snapshot(self) -> None:
        """Keeps the weights for averaging, and those of the last few validations before."""
        folder = self.folder / TRAINING_FOLDER
        folder.mkdir(exist_ok=True)
        save_weights(saved_state(self.bare_model), folder / f"step-{self.state.step}.safetensors")
        for path in self._snapshots()[: -self.options.average]:
            path.unlink()

    def resume(self) -> None:
        """Goes on where the folder's last checkpoint was.

        Raises:
            ModelError: There is none, or it is damaged.
            TrainingError: It was made with other objectives, text or held-out text; the message says which.
        """
        path = self.folder / TRAINING_FOLDER / STATE_FILE
        saved = load_training_state(path)
        # Runs of older versions may have other fields.
        self.state = RunState(**{name: value for name, value in saved["run"].items() if name in RunState.__slots__})
        self._saved_at = self.state.elapsed_seconds
        fill_weights(self.bare_model, saved["weights"], path)
        settings = settings_of(self.optimizer)
        self.optimizer.load_state_dict(saved["optimizer"])
        for group, given in zip(self.optimizer.param_groups, settings, strict=True):
            group |= given  # What the options say now wins.
        # Runs of older versions have one of them or none.
        told = [tell_apart(saved.get(key, now), now) for key, now in self._described.items()]
        if differences := "; ".join(filter(None, told)):
            raise TrainingError(
                f"the run in {self.folder} has other text: {differences}",
                hint="give the options and the text that it was started with",
            )
        for warning in self.batches.move(saved["positions"], saved.get("batches", self.batches.makings)):
            for reporter in self.reporters:
                reporter.warned(warning)
        for snapshot in self._snapshots():  # A run that crashed may have kept some before its state.
            if _step_of(snapshot) > self.state.step:
                snapshot.unlink()

    def _scores(self) -> Scores:
        """One process's scores, for all of them: the least difference in who is best would part their ways."""
        results = [self._main_scores() if self.accelerator.is_main_process else None]
        broadcast_object_list(results)
        (scores,) = results
        assert scores is not None
        return scores

    def _main_scores(self) -> Scores:
        self.bare_model.eval()
        with self._autocast():
            scores = self.validator()
        self.bare_model.train()
        return scores

    def _keep_average_if_better(self) -> None:
        """Averages the newest snapshots and keeps the result if it scores better than the best so far."""
        snapshots = self._snapshots()[-self.options.average :]
        if len(snapshots) < 2:
            return
        average = mean_of(snapshots)
        newest = {name: tensor.clone() for name, tensor in saved_state(self.bare_model).items()}
        self.bare_model.load_state_dict(average, strict=False)
        scores = self._main_scores()
        is_best = scores.rank > self.state.best
        if is_best:
            self.state.best = scores.rank
            save_weights(average, self.folder / CHECKPOINT_WEIGHTS_NAME)
        for reporter in self.reporters:
            reporter.validated(self.state.step, self.state.elapsed_seconds, scores, is_best)
        self.bare_model.load_state_dict(newest, strict=False)

    def _snapshots(self) -> list[Path]:
        """The newest weights of past validations, oldest first."""
        paths = (self.folder / TRAINING_FOLDER).glob(SNAPSHOTS)
        return sorted(paths, key=_step_of)

    def _report(self, meter: Meter, rate: float) -> None:
        num_tokens = meter.num_tokens * self.accelerator.num_processes
        progress = TrainingProgress(
            step=self.state.step,
            share=self.share_spent(),
            losses={name: sum(values) / len(values) for name, values in meter.losses.items()},
            tokens_per_second=num_tokens / max(meter.seconds, 1e-9),
            lr=rate,
            elapsed_seconds=self.state.elapsed_seconds,
        )
        for reporter in self.reporters:
            reporter.progress(progress)

    def _largest(self, value: float) -> float:
        """The largest of all processes' values, so that all stop at the same step."""
        if self.accelerator.num_processes == 1:
            return value
        values = self.accelerator.gather(torch.tensor([float(value)], device=self.accelerator.device))
        return float(values.max())

    def _autocast(self) -> Any:
        device = self.accelerator.device.type
        return torch.autocast(device, torch.bfloat16, enabled=self._uses_bfloat16)


def _step_of(snapshot: Path) -> int:
    return int(snapshot.stem.removeprefix("step-"))


def _mix(*numbers: int) -> int:
    """One seed out of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
