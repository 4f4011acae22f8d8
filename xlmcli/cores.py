"""How many processor cores this process may really use."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def count_usable_cores(cgroup: Path = _CGROUP) -> int:
    """Returns how many cores ``OMP_NUM_THREADS``, the CPU affinity and the container's CPU quota leave; at least 1."""
    limits = [float(os.cpu_count() or 1)]
    if hasattr(os, "sched_getaffinity"):
        limits.append(float(len(os.sched_getaffinity(0))))
    quota = _read_quota(cgroup)
    if quota is not None:
        limits.append(quota)
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if wanted.isdecimal() and int(wanted) > 0:
        limits.append(float(wanted))
    return max(1, math.ceil(min(limits)))


def cores_of_process() -> int:
    """Returns how many of them one process of a run has, where torchrun started several on this machine; at least 1."""
    return max(1, count_usable_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def _read_quota(cgroup: Path) -> float | None:
    """Returns the CPU quota in cores, from version 2 or version 1 of Linux control groups; None where there is none."""
    try:
        unified = cgroup / "cpu.max"
        if unified.exists():
            quota, period = unified.read_text().split()
        else:
            quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text().strip()
        if quota in ("max", "-1"):
            return None
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
