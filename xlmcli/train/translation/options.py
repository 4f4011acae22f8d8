"""Options of training a translator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xlmcli.records import Direction
from xlmcli.train.core.options import DataOptions, RunOptions, SizeOptions
from xlmcli.train.data.masking import NoiseOptions


@dataclass(frozen=True, slots=True)
class TranslateTrainingOptions:
    """`xlm train translate`.

    Attributes:
        tokenizer: A folder with a tokenizer; None takes that of the pretrained encoder.
        init_encoder: A pretrained XLM, or None for random weights.
        init_decoder: A pretrained XLM, or None for random weights.
        decoder_layers: Depth of the decoder; None is that of the model to start from.
        directions: What to translate, such as ``en-fr``; empty takes both directions of all parallel text.
        objectives: Of ``mt``, ``ae``, ``bt``; they take turns.
        label_smoothing: Share of the target's mass, 0-1.
        noise: Noise of ``ae``.
        data: Text.
        size: Sizes of the model where no encoder is given.
        run: The run.
    """

    tokenizer: Path | None
    init_encoder: Path | None
    init_decoder: Path | None
    decoder_layers: int | None
    directions: tuple[Direction, ...]
    objectives: tuple[str, ...]
    label_smoothing: float
    noise: NoiseOptions
    data: DataOptions
    size: SizeOptions
    run: RunOptions
