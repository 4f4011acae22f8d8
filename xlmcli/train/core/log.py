"""The run's log: a JSON object a line, for plotting."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from xlmcli.outputs import writing_errors
from xlmcli.train.core.progress import TrainingProgress
from xlmcli.train.core.validation import Scores
from xlmcli.train.data.corpus import TextData

LOG_FILE = "log.jsonl"


class JsonLog:
    """Appends to ``log.jsonl`` in the run's folder.

    Lines have an ``event``: ``data`` (langs, lines used, lines skipped, lines cut if any), ``train`` (step, losses in
    nats, tokens_per_second, lr, elapsed_seconds), ``valid`` (step, elapsed_seconds, scores, best, warnings if any),
    ``run`` (figures of a whole run) or ``warning`` (text).
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOG_FILE

    def loaded(self, text: TextData) -> None:
        cut = {"cut": text.num_cut} if text.num_cut else {}
        self._append({"event": "data", "langs": text.langs, "lines": len(text), "skipped": text.num_skipped} | cut)

    def progress(self, progress: TrainingProgress) -> None:
        self._append(
            {
                "event": "train",
                "step": progress.step,
                "losses": {name: round(loss, 5) for name, loss in progress.losses.items()},
                "tokens_per_second": round(progress.tokens_per_second, 1),
                "lr": progress.lr,
                "elapsed_seconds": round(progress.elapsed_seconds, 1),
            }
        )

    def validated(self, step: int, elapsed_seconds: float, scores: Scores, is_best: bool) -> None:
        values = {name: round(value, 4) for name, value in scores.values.items()}
        elapsed = round(elapsed_seconds, 1)
        warnings = {"warnings": scores.warnings} if scores.warnings else {}
        record = {"event": "valid", "step": step, "elapsed_seconds": elapsed, "scores": values, "best": is_best}
        self._append(record | warnings)

    def noted(self, figures: Mapping[str, float]) -> None:
        self._append({"event": "run", **figures})

    def warned(self, warning: str) -> None:
        self._append({"event": "warning", "text": warning})

    def _append(self, record: dict[str, object]) -> None:
        with writing_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
