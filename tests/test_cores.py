from __future__ import annotations

import os
from pathlib import Path

import pytest

from xlmcli import cores
from xlmcli.cores import count_usable_cores


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def test_affinity_counts(tmp_path: Path) -> None:
    assert count_usable_cores(tmp_path) == 8


@pytest.mark.parametrize(("content", "expected"), [("max 100000", 8), ("150000 100000", 2), ("5000 100000", 1)])
def test_the_quota_of_a_container_counts(tmp_path: Path, content: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{content}\n")
    assert count_usable_cores(tmp_path) == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("300000", 3)])
def test_the_quota_of_an_older_container_counts(tmp_path: Path, quota: str, expected: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000")
    assert count_usable_cores(tmp_path) == expected


@pytest.mark.parametrize(("value", "expected"), [("2", 2), ("4,2", 4), ("0", 8), ("many", 8), ("64", 8)])
def test_omp_num_threads_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, expected: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert count_usable_cores(tmp_path) == expected


@pytest.mark.parametrize(("num_processes", "expected"), [(None, 6), ("1", 6), ("2", 3), ("8", 1)])
def test_processes_of_a_machine_share_its_cores(
    monkeypatch: pytest.MonkeyPatch, num_processes: str | None, expected: int
) -> None:
    monkeypatch.setattr(cores, "count_usable_cores", lambda: 6)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    if num_processes is not None:
        monkeypatch.setenv("LOCAL_WORLD_SIZE", num_processes)
    assert cores.cores_of_process() == expected
