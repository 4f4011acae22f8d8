"""Offline, no connection is opened: any attempt ends the process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmcli.errors import ExitCode

Run = Callable[..., tuple[int, str, str]]
NAME = "team/mt-en-fr"

GUARD = """\
import os, socket, sys

def refuse(*args, **kwargs):
    print("CONNECTION", args, file=sys.stderr)
    os._exit(99)

for name in ("connect", "connect_ex", "sendto", "bind"):
    setattr(socket.socket, name, refuse)
for name in ("create_connection", "getaddrinfo", "gethostbyname"):
    setattr(socket, name, refuse)

from xlmcli.cli import run
run(sys.argv[1:])
"""


def guarded(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs ``xlm`` where a connection ends the process with 99."""
    environment = {**os.environ, **variables}
    return subprocess.run([sys.executable, "-c", GUARD, *args], capture_output=True, text=True, env=environment)


@pytest.fixture
def pulled(xlm: Run, hub: Any, repository: Any, bundle_files: dict[str, bytes]) -> str:
    """The short name of a model that was pulled."""
    hub.repositories[NAME] = repository(dict(bundle_files))
    assert xlm("models", "pull", NAME)[0] == ExitCode.OK
    hub.requests.clear()
    return "mt-en-fr"


def test_the_guard_sees_a_pull(hub: Any) -> None:
    assert guarded("models", "pull", NAME).returncode == 99


@pytest.mark.parametrize(
    ("args", "variables", "cause"),
    [
        (["--offline", "models", "pull", NAME], {}, "--offline"),
        (["models", "pull", NAME, "--offline"], {}, "--offline"),
        (["models", "pull", NAME, "--offline"], {"HF_HUB_OFFLINE": "1"}, "--offline"),
        (["models", "pull", NAME], {"XLM_OFFLINE": "1"}, "XLM_OFFLINE=1"),
        (["models", "pull", NAME], {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE=1"),
        (["models", "pull", NAME], {"XLM_OFFLINE": "true", "HF_HUB_OFFLINE": "0"}, "XLM_OFFLINE=true"),
    ],
)
def test_offline_a_pull_is_refused_before_anything_is_sent(
    hub: Any, args: list[str], variables: dict[str, str], cause: str, home: Path
) -> None:
    done = guarded(*args, **variables)
    assert done.returncode == ExitCode.USAGE, done.stderr
    assert f"the network is not to be used ({cause})" in done.stderr
    way_out = "leave out --offline" if cause == "--offline" else f"unset {cause.partition('=')[0]}"
    assert f"hint: {way_out} to get models from the hub" in done.stderr
    assert done.stdout == ""
    assert not home.exists()


@pytest.mark.parametrize("value", ["", "0", "no", "false", "OFF"])
def test_a_variable_can_say_no(xlm: Run, hub: Any, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("XLM_OFFLINE", value)
    code, _, err = xlm("models", "pull", NAME)
    assert code == ExitCode.MODEL
    assert "no model named" in err
    assert hub.requests


@pytest.mark.parametrize(
    "args",
    [
        ["models", "list"],
        ["models", "show", "mt-en-fr"],
        ["models", "verify"],
        ["models", "path", "mt-en-fr"],
        ["translate", "-m", "mt-en-fr", "--src", "en", "--tgt", "fr", "--text", "Good morning."],
        ["info", "mt-en-fr"],
        ["doctor"],
        ["models", "remove", "mt-en-fr", "--unfinished"],
    ],
    ids=" ".join,
)
def test_all_else_needs_no_network_even_where_it_is_allowed(pulled: str, hub: Any, args: list[str]) -> None:
    done = guarded(*args)
    assert done.returncode == ExitCode.OK, done.stderr
    assert hub.requests == []
