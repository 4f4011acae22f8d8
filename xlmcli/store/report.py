"""What ``xlm models`` writes, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict

from xlmcli.bundle import Bundle, Manifest
from xlmcli.bundle.description import format_bundle_json, format_bundle_text
from xlmcli.facts import format_bytes, format_columns, format_document, format_name, visible
from xlmcli.store.registry import StoredModel, Verification

_HEAD = ("NAME", "TASK", "LANGUAGES", "SIZE", "LICENCE", "FROM")
_MOST_NAMES = 4


def format_models_text(models: Sequence[StoredModel]) -> str:
    """Returns a table: a head, then a line a model."""
    return format_columns([_HEAD, *map(_row, models)], num_left=len(_HEAD))


def format_directions(found: Iterable[tuple[str, str]]) -> str:
    """Returns a line for each direction and the model that has it, ended."""
    return "".join(f"{visible(direction)}\t{visible(name)}\n" for direction, name in found)


def format_models_json(models: Sequence[StoredModel]) -> str:
    return format_document([_describe(model) for model in models])


def format_model_text(model: StoredModel, bundle: Bundle) -> str:
    """Returns what ``xlm info`` says of the bundle, and where it was pulled from."""
    lines = [format_bundle_text(bundle)]
    if model.origin is not None:
        lines += [
            visible(f"  pulled from {model.origin.url}, {model.origin.revision} (commit {model.origin.commit})"),
            visible(f"  pulled at   {model.origin.pulled_at}"),
        ]
    return "\n".join(lines)


def format_model_json(model: StoredModel, bundle: Bundle) -> str:
    return format_document({**_describe(model), "bundle": json.loads(format_bundle_json(bundle))})


def format_verifications_text(verifications: Sequence[Verification]) -> str:
    return "\n".join(visible(f"{item.name}\t{item.problem or 'unaltered'}") for item in verifications)


def format_verifications_json(verifications: Sequence[Verification]) -> str:
    return format_document(
        [
            {"name": item.name, "path": format_name(item.path), "ok": item.problem is None, "problem": item.problem}
            for item in verifications
        ]
    )


def _row(model: StoredModel) -> tuple[str, str, str, str, str, str]:
    source = "embedded" if model.is_embedded else "?" if model.origin is None else model.origin.repository
    task, langs = ("damaged", "?") if model.manifest is None else (model.manifest.task, _languages(model.manifest))
    return model.name, task, langs, format_bytes(model.num_bytes), _short_licence(model), source


def _short_licence(model: StoredModel) -> str:
    # What stands in brackets is for xlm models show.
    return (model.licence or "not said").partition(" (")[0]


def _languages(manifest: Manifest) -> str:
    """Returns the directions of a translation model, else the languages; many of them by number."""
    part = manifest.translation
    if part is None:
        return _few(manifest.languages, "languages") or "not said"
    if part.directions:
        return _few(list(map(str, part.directions)), "directions")
    if part.sources == part.targets:
        return f"between {_few(part.sources, 'languages')}"
    return f"{_few(part.sources, 'languages')} to {_few(part.targets, 'languages')}"


def _few(names: Collection[str], kind: str) -> str:
    return ",".join(names) if len(names) <= _MOST_NAMES else f"{len(names)} {kind}"


def _describe(model: StoredModel) -> dict[str, object]:
    manifest = model.manifest
    translation = manifest.translation if manifest is not None else None
    return {
        "name": model.name,
        "path": format_name(model.path),
        "embedded": model.is_embedded,
        "task": None if manifest is None else manifest.task,
        "languages": [] if manifest is None else list(manifest.languages),
        "directions": [] if translation is None else list(map(str, translation.directions)),
        "sources": [] if translation is None else list(translation.sources),
        "targets": [] if translation is None else list(translation.targets),
        "quantization": None if manifest is None else manifest.quantization,
        "num_bytes": model.num_bytes,
        "licence": model.licence,
        "origin": None if model.origin is None else asdict(model.origin),
        "problem": model.problem,
    }
