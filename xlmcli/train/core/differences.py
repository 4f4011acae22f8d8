"""What a resumed run was started with and what it is given now, told by name where they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

from xlmcli.checkpoint.config import CheckpointConfig

_MAX_SHOWN = 200
# Of fields whose own names say too little.
_NAMES = {"langs": "languages", "num_words": "words of the vocabulary", "num_langs": "language embeddings"}

StreamSizes = tuple[str, Mapping[str, float]]
"""An objective's name, and how many sentences an epoch of each of its streams has."""


def tell_models_apart(started: CheckpointConfig, given: CheckpointConfig) -> str:
    """Names all in which two models differ; empty if nothing."""
    return _differences(_describe(started), _describe(given))


def tell_text_apart(started: Sequence[StreamSizes], given: Sequence[StreamSizes]) -> str:
    """Names objectives and languages whose text is not as large as it was; empty if there are none."""
    return _differences(*map(_describe_streams, (started, given)))


def _describe(config: object) -> dict[str, object]:
    described: dict[str, object] = {}
    for field in fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        if field.name in ("shape", "classifier"):
            described |= {} if value is None else _describe(value)
        else:
            described[_NAMES.get(field.name, field.name.removeprefix("num_").replace("_", " "))] = value
    return described


def _describe_streams(objectives: Sequence[StreamSizes]) -> dict[str, object]:
    described: dict[str, object] = {"objectives": [name for name, _ in objectives]}
    for objective, sizes in objectives:
        described |= {f"text in {name} for {objective}": f"{size:,.10g} lines" for name, size in sizes.items()}
    return described


def _differences(started: Mapping[str, object], given: Mapping[str, object]) -> str:
    names = dict.fromkeys([*started, *given])
    pairs = {name: (started.get(name), given.get(name)) for name in names}
    return "; ".join(f"{name}: {_shown(old)}, not {_shown(new)}" for name, (old, new) in pairs.items() if old != new)


def _shown(value: object) -> str:
    shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    if value is None or not shown:
        return "none"
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}…"
