from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import NoReturn

import pytest

from xlmcli.environment import go_offline, home_folder, offline_reason, pulled_folder


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


@pytest.mark.parametrize("wanted", ["", "~/x"])
def test_without_a_home_directory_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    def getpwuid(number: int) -> NoReturn:
        raise KeyError(number)

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", getpwuid)
    monkeypatch.setenv("XLM_HOME", wanted)
    assert home_folder() == Path(os.devnull, "xlm")
