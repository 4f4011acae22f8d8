"""``xlm`` as a process of its own, which ``python -m xlmcli`` is too. Whoever imports this module is that process."""

from __future__ import annotations

from xlmcli import signals

signals.install()  # Before all else is imported, which takes its time.

from typing import NoReturn  # noqa: E402


def run() -> NoReturn:
    """Runs ``xlm`` with the process's arguments and exits with its code."""
    from xlmcli.cli import run as run_commands
    from xlmcli.cli.standard_streams import prepare_standard_streams
    from xlmcli.environment import silence_libraries

    silence_libraries()
    prepare_standard_streams()
    run_commands()


if __name__ == "__main__":
    run()
