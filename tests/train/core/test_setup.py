"""Devices, number formats and the folder of a run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from xlmcli.errors import TrainingError, UsageError
from xlmcli.train.core.options import LoopOptions
from xlmcli.train.core.precision import uses_bfloat16
from xlmcli.train.pretraining.options import PretrainOptions
from xlmcli.train.pretraining.run import pretrain

CPU = torch.device("cpu")


@pytest.fixture
def options(pretrain_options: Callable[..., PretrainOptions], tmp_path: Path) -> PretrainOptions:
    return pretrain_options(tmp_path, LoopOptions(max_steps=2, precision="bf16"))


def test_no_gpu_is_a_training_error(options: PretrainOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match="no CUDA device can be used") as caught:
        pretrain(replace(options, run=replace(options.run, device="cuda")), [])
    assert "--device cpu" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("capability", "expected"),
    [("avx512_bf16", True), ("amx_bf16", True), ("bf16", True), ("avx512_f", False)],
)
def test_auto_is_bfloat16_where_the_processor_computes_in_it(
    monkeypatch: pytest.MonkeyPatch, capability: str, expected: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {capability: True, "avx2": True})
    assert uses_bfloat16("auto", CPU) is expected
    assert uses_bfloat16("bf16", CPU)
    assert not uses_bfloat16("fp32", CPU)


def test_weights_stay_float32_in_bfloat16(options: PretrainOptions, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    pretrain(options, [])
    weights = load_file(tmp_path / "model.safetensors").values()
    assert all(weight.dtype == torch.float32 and weight.isfinite().all() for weight in weights)
    assert any(not torch.equal(weight, weight.bfloat16().float()) for weight in weights)


def test_two_runs_do_not_share_a_folder(pretrain_options: Callable[..., PretrainOptions], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    holder = "import sys; from pathlib import Path; from xlmcli.locking import locked\n"
    holder += "with locked(Path(sys.argv[1]), 'training'): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(folder / ".lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        for resume in (False, True):
            with pytest.raises(TrainingError, match=rf"another process \(pid {process.pid}\) is training in {folder}"):
                pretrain(pretrain_options(folder, LoopOptions(max_steps=1), resume=resume), [])
        assert process.stdin
        process.stdin.close()
        process.wait()
    assert pretrain(pretrain_options(folder, LoopOptions(max_steps=1)), []).step == 1
    assert not (folder / ".lock").exists()


def test_a_run_that_never_began_leaves_no_folder(
    pretrain_options: Callable[..., PretrainOptions], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no run to resume"):
        pretrain(pretrain_options(tmp_path / "run", LoopOptions(max_steps=1), resume=True), [])
    assert list(tmp_path.iterdir()) == []
