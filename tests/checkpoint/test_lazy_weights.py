from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from xlmcli.checkpoint.lazy_weights import StoredWeights, rename
from xlmcli.errors import ModelError

WEIGHTS = {"a": torch.randn(3, 2), "b": torch.arange(4, dtype=torch.float16), "c": torch.ones(1)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_file(WEIGHTS, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_every_weight_is_there_under_its_name(path: Path) -> None:
    stored = StoredWeights(path)
    assert set(stored) == {"a", "b", "c"}
    assert len(stored) == 3
    assert all(torch.equal(stored[name], weight) for name, weight in WEIGHTS.items())
    assert "a" in stored
    assert "d" not in stored


def test_weights_can_be_named_otherwise(path: Path) -> None:
    named = rename(rename(StoredWeights(path), {"x": "a", "y": "a"}), {"z": "y"})
    assert list(named) == ["z"]
    assert len(named) == 1
    assert "y" not in named
    assert torch.equal(named["z"], WEIGHTS["a"])


def test_looking_at_a_weight_keeps_nothing(tmp_path: Path) -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("needs Linux")
    path = tmp_path / "large.safetensors"
    save_file({f"w{number}": torch.ones(2**20) for number in range(16)}, path)
    stored = StoredWeights(path)
    before = resident_bytes()
    assert sum(float(weight.sum()) for weight in stored.values()) == 2**24
    assert resident_bytes() - before < 20 * 2**20


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_missing_and_damaged_files_are_errors(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nothing\.safetensors"):
        StoredWeights(tmp_path / "nothing.safetensors")
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        StoredWeights(path)
