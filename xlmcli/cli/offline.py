"""``--offline``, in a module of its own that ``xlm --help`` can afford to import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from xlmcli.environment import go_offline

Function = TypeVar("Function", bound=Callable[..., Any])


def offline_option(function: Function) -> Function:
    """Adds ``--offline``, which forbids the network as ``XLM_OFFLINE=1`` does."""
    decorate = click.option(
        "--offline",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_apply,
        help="Never use the network; XLM_OFFLINE=1 and HF_HUB_OFFLINE=1 do the same.",
    )
    return decorate(function)


def _apply(ctx: click.Context, _param: click.Parameter, is_offline: bool) -> None:
    if is_offline and not ctx.resilient_parsing:
        go_offline()
