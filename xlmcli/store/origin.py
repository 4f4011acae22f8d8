"""Where a pulled model came from, as a file in its folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from xlmcli.bundle.fields import Fields
from xlmcli.bundle.names import ORIGIN_NAME
from xlmcli.lines import read_model_file

Kind = Literal["bundle", "checkpoint"]


@dataclass(frozen=True, slots=True)
class Origin:
    """What was pulled.

    Attributes:
        repository: Name on the hub, such as ``FacebookAI/xlm-mlm-en-2048``.
        endpoint: Address of the hub.
        revision: The branch, tag or commit that was asked for.
        commit: What it meant on that day.
        licence: As the hub says it; None where it says nothing.
        pulled_at: Date and time, UTC, ISO 8601.
        kind: What the hub has: a bundle, which was taken as it is, or a checkpoint, which was converted.
    """

    repository: str
    endpoint: str
    revision: str
    commit: str
    licence: str | None
    pulled_at: str
    kind: Kind

    @property
    def url(self) -> str:
        """Address of the model's page."""
        return f"{self.endpoint}/{self.repository}"


def write_origin(origin: Origin, folder: Path) -> None:
    text = json.dumps(asdict(origin), ensure_ascii=False, indent=2)
    (folder / ORIGIN_NAME).write_text(f"{text}\n", encoding="utf-8", newline="\n")


def read_origin(folder: Path) -> Origin:
    """Reads what :func:`write_origin` wrote.

    Raises:
        ModelError: The file is missing or damaged.
    """
    path = folder / ORIGIN_NAME
    fields = Fields.parse(read_model_file(path), str(path))
    return Origin(
        repository=fields.text("repository"),
        endpoint=fields.text("endpoint"),
        revision=fields.text("revision"),
        commit=fields.text("commit"),
        licence=fields.optional_text("licence"),
        pulled_at=fields.text("pulled_at"),
        kind=fields.choice("kind", get_args(Kind)),
    )
