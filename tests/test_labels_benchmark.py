"""The scores of a classifier in cross-validation, beside baselines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from benchmarks import labels

ROWS = [("bad", "so awful"), ("good", "so lovely"), ("bad", "awful day"), ("good", "lovely day")] * 5


def write(path: Path, rows: list[tuple[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{label}\t{text}\n" for label, text in rows), encoding="utf-8")


def test_macro_f1_is_over_the_labels_of_the_truth() -> None:
    gold = ["a", "b", "b", "a", "b"]
    predicted = ["a", "b", "c", "b", "b"]
    expected = 100 * f1_score(gold, predicted, labels=["a", "b"], average="macro")
    assert labels.macro_f1(gold, predicted) == pytest.approx(expected)
    samples = labels.resample(gold, predicted)
    assert len(np.unique(samples)) > 10
    assert abs(samples.mean() - expected) < 10
    rare = labels.resample(["a", "b", "b", "c"], ["a", "b", "c", "b"])  # Often without a "c" that is meant.
    assert rare.min() >= 0
    assert rare.max() <= 100


def test_each_fold_is_answered_by_its_own_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "data/talk.en.train.tsv", ROWS)
    for fold in ("0", "1"):
        (tmp_path / fold / "bundle").mkdir(parents=True)
        write(tmp_path / fold / "valid/talk.en.tsv", ROWS[:4])
        write(tmp_path / fold / "more/talk.en.tsv", ROWS[4:6])
    # One fold's bundle is always right, the other's never says "bad".
    monkeypatch.setattr(
        labels,
        "classify",
        lambda bundle, lang, texts: [
            ("bad" if "awful" in text and bundle.parent.name == "0" else "good", 1.0) for text in texts
        ],
    )
    monkeypatch.setattr("sys.argv", ["labels", str(tmp_path / "data"), str(tmp_path)])
    labels.main()
    printed = capsys.readouterr()
    # Of eight texts two are wrong: F1 of "bad" is 2·2/(4+2), of "good" 2·4/(4+6).
    assert json.loads(printed.out)["scores"] == [
        {"lang": "en", "test_set": "talk", "metric": "macro-F1", "value": 73.33}
    ]
    (row,) = [line.split(" | ") for line in printed.err.splitlines() if line.startswith("| talk")]
    assert row[:6] == ["| talk", "en", "8", "33.3", "100.0", "73.3"]
    assert row[9] == "25.0 |"
