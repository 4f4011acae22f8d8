"""``python -m xlmcli`` is ``xlm``."""

from xlmcli.cli import run

if __name__ == "__main__":
    run()
