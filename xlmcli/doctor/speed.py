"""Whether the embedded model translates here, and how fast: it is tried."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Literal

from xlmcli.bundle import embedded_models, open_bundle
from xlmcli.bundle.finding import DEFAULT_MODEL
from xlmcli.doctor.trial import REINSTALL, Trial, TrialSpeed
from xlmcli.errors import ModelError, XlmError
from xlmcli.infer.directions import SearchOptions, open_translation
from xlmcli.infer.engine import EngineOptions
from xlmcli.infer.records.protocols import RawRecord
from xlmcli.infer.translation import Translation

_SECONDS = 1.0
_COPIES = 4  # Of each text, so that a batch is about as large as in a corpus.

# Of the kind that the embedded model reads most of: short, complete, everyday.
_SENTENCES = {
    "en": (
        "Good morning.",
        "Where is the nearest station?",
        "The meeting begins at nine o'clock.",
        "I would like a cup of coffee, please.",
        "She has lived in this town for ten years.",
        "Can you tell me how much this costs?",
        "The children are playing in the garden.",
        "We will let you know as soon as we can.",
        "He bought a new car last week.",
        "It has been raining since yesterday evening.",
        "Please close the window before you leave.",
        "My brother works in a large hospital near the river.",
        "Nobody expected the train to be on time.",
        "This book is more interesting than the one I read last month.",
        "If you need help, you can call me at any time of the day.",
        "The report describes what was done, why it was done, and what remains to be done.",
    )
}


def measure_translation(has_gpu: bool) -> Trial:
    """Translates for a second with the embedded model, on the GPU if there is one and it works, else on the CPU."""
    embedded = embedded_models()
    if DEFAULT_MODEL not in embedded:
        return Trial(
            problems={"model": "this installation embeds none"},
            advice=f"{REINSTALL}, or xlm models pull OWNER/NAME, or xlm convert",
        )
    try:
        bundle = open_bundle(embedded[DEFAULT_MODEL])
        direction = next((item for item in bundle.translation.directions if item.src in _SENTENCES), None)
        if direction is None:
            raise ModelError(f"{bundle.name} translates from none of {', '.join(_SENTENCES)}")
    except XlmError as error:
        return Trial(problems={"model": error.message}, advice=f"{REINSTALL} mends the embedded model")
    trial = Trial(bundle.name, str(direction), bundle.manifest.quantization)
    devices: tuple[Literal["cuda", "cpu"], ...] = ("cuda", "cpu") if has_gpu else ("cpu",)
    for device in devices:
        try:
            start = time.perf_counter()
            options = EngineOptions(device=device)
            translation = open_translation(bundle, direction.src, direction.tgt, SearchOptions(), options)
            speed = _measure(translation, _SENTENCES[direction.src], device, start)
        except XlmError as error:
            trial.problems[device] = error.message
            continue
        return replace(trial, speed=speed)
    return trial


def _measure(translation: Translation, sentences: tuple[str, ...], device: str, start: float) -> TrialSpeed:
    records = [RawRecord(text.encode(), len(text), text) for text in sentences]
    pieces = [piece for prepared in translation.prepare(records) for piece in prepared.pieces]
    translation.submit(pieces[:1]).wait()
    first_line_seconds = time.perf_counter() - start
    num_batches, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < _SECONDS:
        pending = [translation.submit(pieces * _COPIES) for _ in range(translation.num_workers)]
        for batch in pending:
            batch.wait()
        num_batches += len(pending)
    num_tokens = sum(len(piece.ids) for piece in pieces)
    times = num_batches * _COPIES / seconds
    return TrialSpeed(device, first_line_seconds, len(sentences) * times, num_tokens * times, translation.num_workers)
