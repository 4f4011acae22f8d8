"""Built-in sentences to try models on."""

from __future__ import annotations

import json
from collections.abc import Collection, Set
from functools import cache
from pathlib import Path

from xlmcli.bundle import TranslationPart
from xlmcli.errors import UsageError
from xlmcli.records import Direction

_FILE = Path(__file__).with_name("samples.json")


FALLBACK = "en"
"""The language of the sentences for languages that have none."""


def sample_sentences(lang: str) -> list[str]:
    """Returns a few sentences in a language, or in the fallback."""
    samples = _read()
    return samples.get(lang, samples[FALLBACK])


def sample_languages() -> Set[str]:
    """The languages that have sentences."""
    return _read().keys()


def choose_directions(part: TranslationPart, langs: Collection[str]) -> list[Direction]:
    """Returns the directions to try a model in.

    Those are all of a model that names its directions. Of one that translates between many languages, they lead from
    each of ``langs``, or where there are none from each language with built-in sentences, into the next one.

    Raises:
        UsageError: The model does not translate from one of ``langs``.
    """
    chosen = [direction for direction in part.directions if not langs or direction.src in langs]
    known = [lang for lang in (langs or sorted(sample_languages())) if lang in part.sources]
    for index, src in enumerate(known):
        candidates = [*known[index + 1 :], *known[:index], *sorted(sample_languages()), *part.targets]
        tgt = next((lang for lang in candidates if lang in part.targets and lang != src), None)
        chosen += [] if tgt is None else [Direction(src, tgt)]
    check_sources(langs, {direction.src for direction in chosen}, part.describe_directions())
    return chosen or part.find_directions()[:1]


def check_sources(langs: Collection[str], sources: Collection[str], directions: str) -> None:
    """Raises a UsageError if one of ``langs`` is not among the languages translated from, in these ``directions``."""
    for lang in langs:
        if lang not in sources:
            raise UsageError(
                f"--verify-file: the model does not translate from {lang!r}", hint=f"it translates {directions}"
            )


@cache
def _read() -> dict[str, list[str]]:
    samples: dict[str, list[str]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return samples
