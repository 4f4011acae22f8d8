"""What the tests of the training commands share: ``xlm`` in this process, a file of pairs, the run's log."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def silent_xlm(xlm: Callable[..., Any]) -> Callable[..., tuple[int, str]]:
    """Runs ``xlm`` in this process; returns the exit code and stderr. Nothing may be on stdout."""

    def run(*args: object) -> tuple[int, str]:
        done = xlm(*args)
        assert done.out == ""
        return done.code, done.err

    return run


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory, sentences: dict[str, list[str]]) -> Path:
    """English-French pairs in a TSV file."""
    path = tmp_path_factory.mktemp("texts") / "pairs.tsv"
    rows = zip(sentences["en"], sentences["fr"], strict=True)
    path.write_text("".join(f"{en}\t{fr}\n" for en, fr in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def read_log() -> Callable[[Path], list[dict[str, Any]]]:
    """Reads what the log in a run's folder says about steps; before them it must tell how much text there was."""

    def read(folder: Path) -> list[dict[str, Any]]:
        log = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
        assert log[0]["event"] == "data"
        assert log[0]["lines"] > 0
        return [event for event in log if event["event"] != "data"]

    return read


@pytest.fixture(scope="session")
def assert_alike() -> Callable[[bytes, bytes], None]:
    """Compares outputs, numbers but for their last digits: batches differ, and so do sums."""

    def check(found: bytes, expected: bytes) -> None:
        ours, theirs = (re.split(rb"(-?\d+(?:\.\d+)?(?:e-?\d+)?)", content) for content in (found, expected))
        same_text = ours[::2] == theirs[::2]  # By itself, or else pytest compares what may be long.
        assert same_text
        np.testing.assert_allclose(np.array(ours[1::2], float), np.array(theirs[1::2], float), atol=1.1e-4)

    return check


@pytest.fixture
def home(
    make_checkpoint: Callable[..., Path], model_sizes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A place of pulled models with a random one from Dutch."""
    from xlmcli.convert.bundling import BundleOptions, write_bundle
    from xlmcli.convert.xlm.translator import open_checkpoint

    monkeypatch.setenv("XLM_HOME", str(tmp_path))
    checkpoint = make_checkpoint(model_sizes(langs=("en", "nl"), directions=("nl-en", "en-nl")), 3)
    (tmp_path / "models").mkdir()
    write_bundle(open_checkpoint(checkpoint), tmp_path / "models" / "nl-en", BundleOptions(quantization="float32"))
    return tmp_path
