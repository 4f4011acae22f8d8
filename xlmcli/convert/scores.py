"""Measured scores, as a JSON file that the maker of a model writes."""

from __future__ import annotations

from pathlib import Path

from xlmcli.bundle.fields import Fields
from xlmcli.bundle.manifest import MeasuredScore
from xlmcli.bundle.serialization import read_score
from xlmcli.errors import DataError, ModelError, unreadable


def read_scores(path: Path) -> tuple[MeasuredScore, ...]:
    """Reads ``{"scores": [{"direction": "en-fr", "test_set": …, "metric": …, "value": …, "signature": …}]}``.

    Raises:
        DataError: The file cannot be read or has another form.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DataError(unreadable(path, error)) from None
    try:
        return tuple(read_score(item) for item in Fields.parse(text, str(path)).children("scores"))
    except ModelError as error:
        raise DataError(
            error.message,
            hint='write {"scores": [{"direction": "en-fr", "test_set": "…", "metric": "BLEU", "value": 31.4}]}',
        ) from None
