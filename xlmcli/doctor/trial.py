"""What came of the attempt to translate."""

from __future__ import annotations

from dataclasses import dataclass, field

REINSTALL = "pip install --force-reinstall xlmcli"


@dataclass(frozen=True, slots=True)
class TrialSpeed:
    """How fast a model translates.

    Attributes:
        device: On what.
        first_line_seconds: From opening the model to the first translation.
        lines_per_second: Of a corpus of short sentences.
        tokens_per_second: Of the same; source tokens.
        num_workers: Batches that were worked on at once.
    """

    device: str
    first_line_seconds: float
    lines_per_second: float
    tokens_per_second: float
    num_workers: int


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of the attempt to translate.

    Attributes:
        model: Name of the embedded model; None where there is none.
        direction: From and to.
        quantization: How its weights are stored.
        speed: How fast it was; None where it failed everywhere.
        problems: What failed, by device or part.
        advice: The way out, where there is one that is known.
    """

    model: str | None = None
    direction: str | None = None
    quantization: str | None = None
    speed: TrialSpeed | None = None
    problems: dict[str, str] = field(default_factory=dict)
    advice: str | None = None
