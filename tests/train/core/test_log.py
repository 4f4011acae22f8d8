from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from xlmcli.train.core.log import JsonLog
from xlmcli.train.core.progress import TrainingProgress
from xlmcli.train.core.validation import Scores
from xlmcli.train.data.corpus import TextData


def test_events_are_lines_of_json(tmp_path: Path) -> None:
    log = JsonLog(tmp_path)
    log.progress(TrainingProgress(50, 0.25, {"mlm": 5.123456, "tlm": 4.0}, 1234.56, 1e-7, 12.34))
    log.validated(100, 20.06, Scores({"en-fr bleu": 12.345678}, (12.3,)), True)
    JsonLog(tmp_path).validated(200, 30.0, Scores({"en-fr bleu": 1.0}, (1.0,)), False)
    log.loaded(TextData(("en",), (), np.ones(3, dtype=np.float32), 1, num_cut=2))
    log.validated(300, 40.0, Scores({"en f1": 33.0}, (33.0,), ("accuracy in en is at chance",)), False)
    log.noted({"temperature": 1.5})
    lines = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "event": "train",
            "step": 50,
            "losses": {"mlm": 5.12346, "tlm": 4.0},
            "tokens_per_second": 1234.6,
            "lr": 1e-7,
            "elapsed_seconds": 12.3,
        },
        {"event": "valid", "step": 100, "elapsed_seconds": 20.1, "scores": {"en-fr bleu": 12.3457}, "best": True},
        {"event": "valid", "step": 200, "elapsed_seconds": 30.0, "scores": {"en-fr bleu": 1.0}, "best": False},
        {"event": "data", "langs": ["en"], "lines": 3, "skipped": 1, "cut": 2},
        {
            "event": "valid",
            "step": 300,
            "elapsed_seconds": 40.0,
            "scores": {"en f1": 33.0},
            "best": False,
            "warnings": ["accuracy in en is at chance"],
        },
        {"event": "run", "temperature": 1.5},
    ]
