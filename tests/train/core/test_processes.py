"""The same commands on two processes, under both launchers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from xlmcli.checkpoint.pretrained import open_pretrained
from xlmcli.checkpoint.training_state import load_training_state
from xlmcli.records import Direction
from xlmcli.train.core.options import LoopOptions
from xlmcli.train.translation.options import TranslateTrainingOptions
from xlmcli.train.translation.run import train_translation

ACCELERATE = (
    *("-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1"),
    *("--mixed_precision", "no", "--dynamo_backend", "no"),
)
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
SIZES = ("--dim", 16, "--layers", 1, "--heads", 2, "--max-positions", 48, "--max-len", 40, "--dropout", 0)
RUN = ("--batch-tokens", 160, "--warmup", 2, "--lr", 2e-3, "--precision", "fp32", "--device", "cpu", "--quiet")


def launch(*args: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"}
    return subprocess.Popen(
        [sys.executable, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        start_new_session=True,
    )


def test_pretraining_under_accelerate(
    texts: Any, tiny_tokenizer: Path, tmp_path: Path, read_log: Callable[[Path, str], list[dict[str, Any]]]
) -> None:
    text = ("--parallel", f"en-fr={texts.pairs}", "--valid", f"en-fr={texts.pairs}")
    objectives = ("--objectives", "mlm,tlm", "--block-len", 24, "--embeddings", "cooccurrence")
    settings = ("--max-steps", 4, "--log-every", 2, "--valid-every", 2, "--average", 2)
    with launch(
        *(*ACCELERATE, "-m", "xlmcli", "pretrain", "--tokenizer", tiny_tokenizer),
        *(*text, *objectives, *SIZES, *RUN, *settings, tmp_path),
    ) as process:
        stdout, stderr = process.communicate(timeout=240)
    assert process.returncode == 0, stderr
    assert stdout == ""
    assert "Warning" not in stderr
    assert [record["step"] for record in read_log(tmp_path, "train")] == [2, 4]
    assert [record["step"] for record in read_log(tmp_path, "valid")] == [2, 4, 4]
    model = open_pretrained(tmp_path).language_model()
    assert all(weight.isfinite().all() for weight in model.state_dict().values())


def translation_arguments(texts: Any, tokenizer: Path, *settings: object) -> tuple[object, ...]:
    text = ("--parallel", f"en-fr={texts.pairs}", "--valid", f"en-fr={texts.pairs}", "--direction", "en-fr")
    sizes = (*SIZES, "--decoder-layers", 1)
    return ("train", "translate", "--tokenizer", tokenizer, *text, *sizes, *RUN, *settings)


def test_two_processes_stay_alike_and_take_the_steps_of_one_with_twice_the_batches(
    texts: Any,
    tiny_tokenizer: Path,
    tmp_path: Path,
    train_options: Callable[..., TranslateTrainingOptions],
    read_log: Callable[[Path, str], list[dict[str, Any]]],
) -> None:
    both, one = tmp_path / "both", tmp_path / "one"
    arguments = translation_arguments(texts, tiny_tokenizer, "--max-steps", 2, "--log-every", 1, both)
    with launch(*TORCHRUN, Path(__file__).with_name("replica.py"), *arguments) as process:
        stdout, stderr = process.communicate(timeout=240)
    assert process.returncode == 0, stderr
    assert stdout == ""
    assert [record["step"] for record in read_log(both, "train")] == [1, 2]
    first, second = (load_file(both / f"process-{index}.safetensors") for index in (0, 1))
    assert all(torch.equal(weight, second[name]) for name, weight in first.items())

    options = train_options(one, LoopOptions(max_steps=2, accumulate=2, precision="fp32"))
    size = replace(options.size, dropout=0.0, attention_dropout=0.0)
    data = replace(options.data, mono=())
    english = replace(options, objectives=("mt",), directions=(Direction("en", "fr"),), size=size, data=data)
    train_translation(english, [])
    for name, weight in load_training_state(one / "training" / "state.pt")["weights"].items():
        torch.testing.assert_close(weight, first[name], atol=1e-5, rtol=0)


def test_a_classifier_on_two_processes(texts: Any, tiny_tokenizer: Path, tmp_path: Path) -> None:
    labelled = tmp_path / "labelled.tsv"
    lines = texts.en.read_text(encoding="utf-8").splitlines()
    labelled.write_text("".join(f"{'question' if line.endswith('?') else 'other'}\t{line}\n" for line in lines))
    text = ("--train", f"en={labelled}", "--valid", f"en={labelled}", "--max-len", 40, "--batch-size", 4)
    run = ("--seeds", 2, "--max-epochs", 2, "--encoder-lr", 2e-3, "--precision", "fp32", "--device", "cpu", "--quiet")
    folder = tmp_path / "run"
    arguments = ("train", "classify", "--tokenizer", tiny_tokenizer, *text, *SIZES[:8], *run, folder)
    with launch(*TORCHRUN, Path(__file__).with_name("replica.py"), *arguments) as process:
        stdout, stderr = process.communicate(timeout=240)
    assert process.returncode == 0, stderr
    assert stdout == ""
    for seed in (0, 1):
        first, second = (load_file(folder / f"seed-{seed}" / f"process-{index}.safetensors") for index in (0, 1))
        assert all(torch.equal(weight, second[name]) for name, weight in first.items())
        # 20 sentences make 5 batches, 3 for each process, twice.
        assert load_training_state(folder / f"seed-{seed}" / "training" / "state.pt")["run"]["step"] == 6
    assert open_pretrained(folder).classifier() is not None


def test_ctrl_c_under_torchrun_saves_once_for_both(
    texts: Any,
    tiny_tokenizer: Path,
    tmp_path: Path,
    await_first_step: Callable[[Path, subprocess.Popen[str]], None],
) -> None:
    settings = ("--max-steps", 10**6, "--log-every", 1, "--valid-every", 10**6)
    arguments = translation_arguments(texts, tiny_tokenizer, *settings, tmp_path)
    with launch(*TORCHRUN, "-m", "xlmcli", *arguments) as process:
        await_first_step(tmp_path, process)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the launcher gets it, and each process
        process.communicate(timeout=60)
    assert process.returncode != 0
    state = load_training_state(tmp_path / "training" / "state.pt")
    assert state["run"]["step"] >= 1
    assert [path.name for path in (tmp_path / "training").iterdir()] == ["state.pt"]
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
