"""A disk that becomes full in the middle: files cannot be larger than a limit, the nearest that a process can get."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from xlmcli.errors import ExitCode

# Not by preexec_fn, which may wait for ever for a lock that a thread of torch held.
LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
os.execv(sys.executable, [sys.executable, "-m", "xlmcli", *sys.argv[2:]])
"""

RunLimited = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_limited() -> RunLimited:
    """Runs ``xlm`` with a limit on the size of files, in bytes."""

    def run(limit: int, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", LIMITED, str(limit), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=240)

    return run


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_training_keeps_its_last_checkpoint(
    run_limited: RunLimited, tiny_tokenizer: Path, sentences: dict[str, list[str]], tmp_path: Path
) -> None:
    text, folder = tmp_path / "en.txt", tmp_path / "run"
    text.write_text("".join(f"{line}\n" for line in sentences["en"]))
    sizes = ("--dim", 16, "--layers", 1, "--heads", 2, "--max-positions", 48, "--max-len", 40, "--batch-tokens", 160)
    texts = ("--tokenizer", tiny_tokenizer, "--mono", f"en={text}", "--valid", f"en={text}", "--block-len", 16)
    command = ("pretrain", *texts, *sizes, "--valid-every", 1, "--precision", "fp32", "--quiet")
    assert run_limited(10**8, *command, "--max-steps", 1, folder).returncode == 0
    before = contents(folder)
    state, weights, log = (len(before[name]) for name in ("training/state.pt", "model.safetensors", "log.jsonl"))
    limits = {"training/state.pt": state - 1000, "model.safetensors": weights - 1000, "log.jsonl": log + 20}
    for name, limit in limits.items():
        done = run_limited(limit, *command, "--max-steps", 2, "--resume", folder)
        assert (done.returncode, done.stdout) == (ExitCode.DATA, "")
        assert done.stderr == f"error: cannot write {folder / name}: file too large\n"
        after = contents(folder)
        assert after.keys() == before.keys()
        assert after["training/state.pt"] == before["training/state.pt"]
    assert run_limited(10**8, *command, "--max-steps", 2, "--resume", folder).returncode == 0


@pytest.mark.parametrize("limit", [100, 2000, 20_000])
def test_a_conversion_leaves_what_was_there(
    run_limited: RunLimited, tiny_checkpoint: Path, tiny_bundle: Path, tmp_path: Path, limit: int
) -> None:
    bundle = tmp_path / "bundle"
    assert run_limited(10**8, "convert", tiny_checkpoint, bundle).returncode == 0
    before = contents(tmp_path)
    done = run_limited(limit, "convert", tiny_checkpoint, bundle, "--force")
    assert (done.returncode, done.stdout) == (ExitCode.DATA, "")
    assert f"error: cannot write {tmp_path}" in done.stderr
    assert "file too large\n" in done.stderr
    assert contents(tmp_path) == before


def test_a_vocabulary_is_whole_or_not_there(
    run_limited: RunLimited, sentences: dict[str, list[str]], tmp_path: Path
) -> None:
    text = tmp_path / "en.txt"
    text.write_text("".join(f"{line}\n" for line in sentences["en"]))
    folder = tmp_path / "vocabulary"
    done = run_limited(100, "tokenizer", "train", "--lang", f"en={text}", "--vocab-size", 312, folder)
    assert done.returncode == ExitCode.DATA
    assert done.stderr == f"error: cannot write {folder / 'tokenizer.model'}: file too large\n"
    assert list(folder.iterdir()) == []
