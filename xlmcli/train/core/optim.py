"""The optimizer and its learning-rate schedules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

HEAD_PREFIX = "sequence_summary."
"""What the names of the weights of a classifier's head begin with."""

_WARMUP_START = 1e-7
_LONGEST_WARMUP = 0.5  # of the budget
_LR_RATIO = "lr_ratio"


@dataclass(frozen=True, slots=True)
class OptimOptions:
    """How the weights move.

    Attributes:
        lr: Peak learning rate.
        schedule: ``inverse_sqrt`` (from the warm-up's end, lr·√(warmup/step)), ``cosine`` (to 0 at the budget's end) or
            ``constant``.
        warmup: Steps of linear warm-up from 1e-7; of a shorter run, half.
        cooldown: Last share of the budget, 0-1, over which an inverse_sqrt or constant rate falls linearly to 0.
        weight_decay: Decoupled weight decay.
        beta2: Adam's second decay rate; the first is 0.9.
        head_lr: Peak learning rate of a classifier's head; None takes ``lr``.
    """

    lr: float
    schedule: Literal["inverse_sqrt", "cosine", "constant"] = "inverse_sqrt"
    warmup: int = 4000
    cooldown: float = 0.0
    weight_decay: float = 0.0
    beta2: float = 0.98
    head_lr: float | None = None


def learning_rate(options: OptimOptions, step: int, progress: float) -> float:
    """The learning rate of a step.

    Args:
        options: The schedule.
        step: Steps done before this one, from 0.
        progress: Share of the budget (steps or time, whichever is further along) that is spent, 0-1.
    """
    rate = options.lr
    if step < options.warmup:
        rise = min(1.0, max((step + 1) / options.warmup, progress / _LONGEST_WARMUP))
        rate = _WARMUP_START + (options.lr - _WARMUP_START) * rise
    if options.schedule == "cosine":
        return rate * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    if step >= options.warmup and options.schedule == "inverse_sqrt":
        rate *= math.sqrt(max(options.warmup, 1) / (step + 1))
    if options.cooldown > 0 and progress > 1 - options.cooldown:
        rate *= max(0.0, (1 - progress) / options.cooldown)
    return rate


def make_optimizer(model: nn.Module, options: OptimOptions) -> torch.optim.Optimizer:
    """Adam with decoupled weight decay over everything that learns."""
    learning = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    head = [parameter for name, parameter in learning.items() if name.startswith(HEAD_PREFIX)]
    body = [parameter for name, parameter in learning.items() if not name.startswith(HEAD_PREFIX)]
    groups: list[dict[str, Any]] = [{"params": body}]
    if head:
        head_lr = options.lr if options.head_lr is None else options.head_lr
        groups.append({"params": head, _LR_RATIO: head_lr / options.lr})
    return torch.optim.AdamW(
        groups, lr=options.lr, betas=(0.9, options.beta2), weight_decay=options.weight_decay, fused=True
    )


def settings_of(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """What options say of each group of weights, other than the rate of a step."""
    names = ("betas", "weight_decay", _LR_RATIO)
    return [{name: group[name] for name in names if name in group} for group in optimizer.param_groups]


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Sets the learning rate, that of a classifier's head in proportion."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get(_LR_RATIO, 1.0)
