"""``xlm`` as a process of its own, which ``python -m xlmcli`` is too."""

from __future__ import annotations

from typing import NoReturn

from xlmcli import signals


def run() -> NoReturn:
    """Runs ``xlm`` with the process's arguments and exits with its code."""
    signals.install()  # Before anything takes its time to be imported.
    from xlmcli.cli import run as run_commands
    from xlmcli.cli.standard_streams import prepare_standard_streams

    prepare_standard_streams()
    run_commands()


if __name__ == "__main__":
    run()
