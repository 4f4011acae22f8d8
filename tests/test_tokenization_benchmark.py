"""``python -m benchmarks.tokenization`` runs and finds ids equal; how fast anything is, is not tested here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
WORDS = [f"{first}{second}" for first in ("train", "bus", "port") for second in ("s", "al", "et", "o")]


@pytest.mark.parametrize("options", [[], ["--cased"]])
def test_each_language_has_a_row(options: list[str], tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"The {word} is here.\tLe {word} est là.\n" for word in WORDS), encoding="utf-8")
    arabic = tmp_path / "ar.txt"
    arabic.write_text("ذهبتُ إلى البيت.\nأين الكتاب؟\n", encoding="utf-8")
    sizes = ["--lines", "10", "--rounds", "1", "--vocab-size", "200"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.tokenization", f"en-fr={pairs}", f"ar={arabic}", *sizes, *options],
        cwd=REPOSITORY,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()[2:]]
    assert [row[:3] for row in rows] == [["en", "10", "10"], ["fr", "10", "10"], ["ar", "2", "2"]]
    assert all(float(cell) > 0 for row in rows for cell in row[3:])
