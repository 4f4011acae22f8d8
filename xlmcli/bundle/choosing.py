"""Choosing the model that translates in a direction, where nobody named one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xlmcli.bundle.finding import DEFAULT_MODEL, embedded_models, find_model, pulled_models
from xlmcli.bundle.manifest import Manifest
from xlmcli.bundle.names import MODEL_NAME
from xlmcli.bundle.reading import read_manifest
from xlmcli.errors import ModelError, UsageError
from xlmcli.records import Direction

_PIVOT = "en"
# OPUS-MT names its models by these codes.
_HUB_MODEL = "Helsinki-NLP/opus-mt-{src}-{tgt}"


@dataclass(frozen=True, slots=True)
class Step:
    """A model and the languages that it translates from and into."""

    path: Path
    src: str | None
    tgt: str | None


def find_translator(name_or_path: str | None, src: str | None, tgt: str | None) -> Path:
    """Finds the folder of a model that translates in a direction.

    A model that is named is taken. Else the default one is, if it serves the direction or none is given; then an
    embedded one that does, then a pulled one, the smallest first.

    Args:
        name_or_path: See ``find_model``.
        src: Language of the text; None for any.
        tgt: Language of the translation; None for any.

    Raises:
        ModelError: No model that is here serves the direction; the hint lists what they do.
    """
    if name_or_path is not None or (src is None and tgt is None):
        return find_model(name_or_path)
    if path := next(_iter_serving(src, tgt), None):
        return path
    raise _no_translator(src, tgt)


def find_translators(name_or_path: str | None, tgt: str | None) -> list[Path]:
    """Finds the folders of the models that translate into a language, in the order in which they are asked.

    Args:
        name_or_path: See ``find_model``; a model that is named is the only one.
        tgt: Language of the translation; None for the default model alone.

    Raises:
        ModelError: No model that is here translates into it.
    """
    if name_or_path is not None or tgt is None:
        return [find_model(name_or_path)]
    if paths := list(_iter_serving(None, tgt)):
        return paths
    raise _no_translator(None, tgt)


def find_route(name_or_path: str | None, src: str | None, tgt: str | None, *, pivot: bool) -> list[Step]:
    """Finds the model that translates in a direction, or else two that do so through English.

    Args:
        name_or_path: A model that translates in all of these directions; None for any.
        src: See ``find_translator``.
        tgt: Likewise.
        pivot: Whether there may be two.

    Raises:
        ModelError: There is no such model, or no two.
        UsageError: There may be two, and a language is not given.
    """
    if pivot and (src is None or tgt is None):
        raise UsageError("--pivot needs both languages", hint="add --src and --tgt")
    if not pivot or _PIVOT in (src, tgt):
        return [Step(find_translator(name_or_path, src, tgt), src, tgt)]
    named = None if name_or_path is None else find_model(name_or_path)
    direct = [named] if named is not None else [path for _, path, _ in iter_translators()]
    if path := next((path for path in direct if _serves(read_manifest(path), src, tgt)), None):
        return [Step(path, src, tgt)]
    return [Step(named or find_translator(None, *step), *step) for step in ((src, _PIVOT), (_PIVOT, tgt))]


def iter_translators() -> Iterator[tuple[str, Path, Manifest]]:
    """Yields the translation models that are here, in the order in which they are asked; damaged ones are left out."""
    embedded = embedded_models()
    names = sorted(embedded, key=lambda name: name != DEFAULT_MODEL)
    found = _read({name: embedded[name] for name in names})
    yield from found
    yield from sorted(_read(pulled_models()), key=lambda item: (item[1] / MODEL_NAME).stat().st_size)


def iter_directions() -> Iterator[tuple[str, str]]:
    """Yields each direction and the name of the model that is found for it.

    Of a model that translates between any two of many languages, one item has all of them.
    """
    asked_before: list[Manifest] = []
    for name, _, manifest in iter_translators():
        part = manifest.translation
        if part is None:
            continue
        for direction in part.directions:
            if not any(_serves(other, direction.src, direction.tgt) for other in asked_before):
                yield str(direction), name
        if not part.directions:
            yield part.describe_directions(), name
        asked_before.append(manifest)


def _iter_serving(src: str | None, tgt: str | None) -> Iterator[Path]:
    return (path for _, path, manifest in iter_translators() if _serves(manifest, src, tgt))


def _no_translator(src: str | None, tgt: str | None) -> ModelError:
    here = [
        f"{name} translates {manifest.translation.describe_directions()}"
        for name, _, manifest in iter_translators()
        if manifest.translation is not None
    ]
    asked = f"from {src!r}" * (src is not None) + " " * (None not in (src, tgt)) + f"into {tgt!r}" * (tgt is not None)
    hint = "; ".join(here) or "this installation embeds no translator, and none was pulled"
    if src is not None and tgt is not None:
        hint += f"; xlm models pull {_HUB_MODEL.format(src=src, tgt=tgt)} asks the hub for one"
    return ModelError(f"no model that is here translates {asked}", hint=hint)


def _read(models: dict[str, Path]) -> Iterator[tuple[str, Path, Manifest]]:
    for name, path in models.items():
        try:
            manifest = read_manifest(path)
        except ModelError:
            continue
        if manifest.translation is not None and (path / MODEL_NAME).is_file():
            yield name, path, manifest


def _serves(manifest: Manifest, src: str | None, tgt: str | None) -> bool:
    part = manifest.translation
    if part is None:
        return False
    src, tgt = (None if code is None else part.language_code(code) for code in (src, tgt))
    return part.translates(Direction(src, tgt)) if src and tgt else bool(part.find_directions(src, tgt))
