"""``xlm doctor``: what this machine has, and whether it will translate."""

from __future__ import annotations

import click

from xlmcli.cli.help import HeadedCommand
from xlmcli.errors import GateError


@click.command(cls=HeadedCommand)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Of stdout.",
)
def command(output_format: str) -> None:
    """Write what this machine has: versions, cores, devices with their compute types, CUDA libraries, models, network.

    The last line says whether it will translate, and how fast: real sentences are translated for a second with the
    embedded model. Nothing is downloaded. If it will not translate, the exit code is 1.

    \b
    Examples:
      xlm doctor
      xlm doctor --format json
    """
    from xlmcli.doctor.attempt import try_translation
    from xlmcli.doctor.machine import examine_machine
    from xlmcli.doctor.report import format_report_json, format_report_text

    machine = examine_machine()
    trial = try_translation(has_gpu=any(item.device == "cuda" for item in machine.devices))
    report = format_report_text(machine, trial) if output_format == "text" else format_report_json(machine, trial)
    click.echo(report)
    if trial.speed is None:
        problems = "; ".join(trial.problems.values())
        raise GateError(f"this machine will not translate: {problems}", hint=trial.advice)
