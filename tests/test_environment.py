from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from xlmcli.environment import check_engine_variables, go_offline, home_folder, offline_reason, pulled_folder
from xlmcli.errors import ExitCode, UsageError


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XLM_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "")


def test_the_home_is_xlm_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLM_HOME", str(tmp_path / "x"))
    assert home_folder() == tmp_path / "x"
    assert pulled_folder() == tmp_path / "x/models"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XLM_HOME", "~/y")
    assert home_folder() == tmp_path / "y"


def test_without_xlm_home_it_is_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XLM_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert home_folder().is_relative_to(tmp_path)
    assert home_folder().name == "xlm"
    assert not home_folder().exists()


@pytest.mark.parametrize("name", ["XLM_OFFLINE", "HF_HUB_OFFLINE"])
@pytest.mark.parametrize(("value", "is_offline"), [("1", True), ("YES", True), ("0", False), ("False", False)])
def test_either_variable_forbids_the_network(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, is_offline: bool
) -> None:
    assert offline_reason() is None
    monkeypatch.setenv(name, value)
    assert offline_reason() == (f"{name}={value}" if is_offline else None)


def test_going_offline_binds_other_libraries_too_and_says_what_it_was() -> None:
    go_offline()
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert offline_reason() == "--offline"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CT2_VERBOSE", "abc"), ("CT2_VERBOSE", "7"), ("CT2_VERBOSE", "99999999999999999999"),
        ("CT2_FORCE_CPU_ISA", "SSE9"), ("CT2_CUDA_ALLOCATOR", "mine"),
        ("CT2_CUDA_CACHING_ALLOCATOR_CONFIG", "1,2,3"), ("CT2_CUDA_CACHING_ALLOCATOR_CONFIG", "4,3,12,-1"),
    ],
)  # fmt: skip
def test_what_the_engine_does_not_take_from_its_variables_is_said_first(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=f"{name}='{value}': the engine knows "):
        check_engine_variables()


def test_what_the_engine_takes_from_its_variables_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("CT2_VERBOSE", "-1"), ("CT2_FORCE_CPU_ISA", "AVX2"), ("CT2_USE_MKL", "?"), ("CT2_X", "")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CT2_CUDA_CACHING_ALLOCATOR_CONFIG", "4,3,12,419430400")
    check_engine_variables()


@pytest.mark.parametrize("setting", ["CT2_VERBOSE=abc", "CT2_FORCE_CPU_ISA=abc"])
def test_a_wrong_variable_of_the_engine_ends_a_command_with_our_error(setting: str) -> None:
    name, _, value = setting.partition("=")
    command = [sys.executable, "-m", "xlmcli", "translate", "-m", "nowhere", "--src", "en", "--tgt", "fr"]
    environment = {**os.environ, name: value}
    done = subprocess.run(command, input="Hello.\n", capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert done.stderr.startswith(f"error: {name}='{value}'")


@pytest.mark.parametrize("wanted", ["", "~/x"])
def test_without_a_home_directory_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    def getpwuid(number: int) -> NoReturn:
        raise KeyError(number)

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", getpwuid)
    monkeypatch.setenv("XLM_HOME", wanted)
    assert home_folder() == Path(os.devnull, "xlm")
