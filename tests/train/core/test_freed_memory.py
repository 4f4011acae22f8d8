"""Memory that a step frees stays for the next one, and goes back to the system now and then."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

pytest.importorskip("torch")

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt and malloc_trim are glibc's")


def test_what_is_freed_is_kept_until_it_is_returned() -> None:
    """In a process of its own, as it is for good; the tensors that stay are between those that are freed."""
    code = """if True:
        import resource
        from pathlib import Path
        import torch
        from xlmcli.train.core.freed_memory import keep_freed_memory, return_freed_memory
        def held():
            return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        def work():
            tensors = [torch.ones(250_000) for _ in range(200)]
            return tensors[::20]
        keep_freed_memory()
        before = held()
        staying = work()
        kept = held()
        return_freed_memory()
        print(kept - before, held() - before)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kept, returned = map(int, done.stdout.split())
    assert returned < 30_000_000
    assert kept > 180_000_000
