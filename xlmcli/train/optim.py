"""The optimizer and its learning-rate schedules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

_WARMUP_START = 1e-7


@dataclass(frozen=True, slots=True)
class OptimOptions:
    """How the weights move.

    Attributes:
        lr: Peak learning rate.
        schedule: ``inverse_sqrt`` (from the warm-up's end, lr·√(warmup/step)) or ``cosine`` (to 0 at the budget's end).
        warmup: Steps of linear warm-up from 1e-7.
        cooldown: Last share of the budget, 0-1, over which an inverse_sqrt rate falls linearly to 0.
        weight_decay: Decoupled weight decay.
        beta2: Adam's second decay rate; the first is 0.9.
    """

    lr: float
    schedule: Literal["inverse_sqrt", "cosine"] = "inverse_sqrt"
    warmup: int = 4000
    cooldown: float = 0.0
    weight_decay: float = 0.0
    beta2: float = 0.98


def learning_rate(options: OptimOptions, step: int, progress: float) -> float:
    """The learning rate of a step.

    Args:
        options: The schedule.
        step: Steps done before this one, from 0.
        progress: Share of the budget (steps or time, whichever is further along) that is spent, 0-1.
    """
    rate = options.lr
    if step < options.warmup:
        rate = _WARMUP_START + (options.lr - _WARMUP_START) * (step + 1) / options.warmup
    if options.schedule == "cosine":
        return rate * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    if step >= options.warmup:
        rate *= math.sqrt(max(options.warmup, 1) / (step + 1))
    if options.cooldown > 0 and progress > 1 - options.cooldown:
        rate *= max(0.0, (1 - progress) / options.cooldown)
    return rate


def make_optimizer(model: nn.Module, options: OptimOptions) -> torch.optim.Optimizer:
    """Adam with decoupled weight decay over everything that learns."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(
        learning, lr=options.lr, betas=(0.9, options.beta2), weight_decay=options.weight_decay, fused=True
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
