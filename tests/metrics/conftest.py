"""Systems and references that differ a little, and the ``sacrebleu`` command."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Sacrebleu = Callable[..., str]


@pytest.fixture(scope="session")
def noisy() -> Callable[[list[str], float, int], list[str]]:
    """Drops words: ``noisy(lines, share, seed)``; no line becomes empty."""

    def drop(lines: list[str], share: float, seed: int) -> list[str]:
        rng = random.Random(seed)
        return [" ".join(word for word in line.split() if rng.random() > share) or "—" for line in lines]

    return drop


@pytest.fixture(scope="session")
def texts(sentences: dict[str, list[str]], noisy: Callable[[list[str], float, int], list[str]]) -> dict[str, list[str]]:
    """Two references (``ref``, ``ref2``) and three systems: ``good``, ``same`` (about as good) and ``bad``."""
    french = [f"{first} {second}" for first in sentences["fr"] for second in sentences["fr"][:3]]
    return {
        "ref": french,
        "ref2": noisy(french, 0.1, 1),
        "good": noisy(french, 0.15, 2),
        "same": noisy(french, 0.16, 3),
        "bad": noisy(french, 0.4, 4),
    }


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, texts: dict[str, list[str]]) -> Path:
    """A folder with a file of each of ``texts``."""
    path = tmp_path_factory.mktemp("texts")
    for name, lines in texts.items():
        (path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def sacrebleu(folder: Path) -> Sacrebleu:
    """Runs ``sacrebleu`` in the folder; returns what it prints."""

    def run(*args: str) -> str:
        command = [sys.executable, "-m", "sacrebleu", *args]
        done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
