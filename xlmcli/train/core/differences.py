"""What a resumed run was started with and what it is given now, told by name where they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

from xlmcli.checkpoint.config import CheckpointConfig
from xlmcli.train.core.objective import Objective

_MAX_SHOWN = 200
# Of fields whose own names say too little.
_NAMES = {"langs": "languages", "num_words": "words of the vocabulary", "num_langs": "language embeddings"}

# What older versions did not write down of a run that is gone on with now.
_NOT_COMPARED = frozenset({"licence"})


def tell_models_apart(started: CheckpointConfig, given: CheckpointConfig) -> str:
    """Names all in which two models differ; empty if nothing."""
    return tell_apart(_describe(started), _describe(given))


def describe_text(objectives: Sequence[Objective]) -> dict[str, str]:
    """Returns what tells objectives and their text from others, by names that messages use."""
    described = {"objectives": ", ".join(objective.name for objective in objectives)}
    for objective in objectives:
        for stream in objective.streams:
            name = f"text in {stream.name} for {objective.name}"
            described |= describe_lines(name, stream.size, stream.beginning)
            if stream.data.noisy_sides is not None:
                for lang in stream.data.langs:
                    size = float(stream.data.repeats_writing(lang).sum())
                    described[f"{name} whose {lang} is learned"] = f"{size:,.10g} lines"
    return described


def describe_lines(name: str, size: float, beginning: str) -> dict[str, str]:
    """Returns what tells one text from another: how many lines count in an epoch, and a hash of the first ones."""
    return {name: f"{size:,.10g} lines", f"beginning of {name}": beginning}


def _describe(config: object) -> dict[str, object]:
    described: dict[str, object] = {}
    for field in fields(config):  # type: ignore[arg-type]
        if field.name in _NOT_COMPARED:
            continue
        value = getattr(config, field.name)
        if field.name in ("shape", "classifier"):
            described |= {} if value is None else _describe(value)
        else:
            described[_NAMES.get(field.name, field.name.removeprefix("num_").replace("_", " "))] = value
    return described


def tell_apart(started: Mapping[str, object], given: Mapping[str, object]) -> str:
    """Names all in which two descriptions differ; empty if nothing."""
    names = dict.fromkeys([*started, *given])
    pairs = {name: (started.get(name), given.get(name)) for name in names}
    return "; ".join(f"{name}: {_shown(old)}, not {_shown(new)}" for name, (old, new) in pairs.items() if old != new)


def _shown(value: object) -> str:
    shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    if value is None or not shown:
        return "none"
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}…"
