"""Built-in sentences to compare models on."""

from __future__ import annotations

import json
from collections.abc import Set
from functools import cache
from pathlib import Path

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


@cache
def _read() -> dict[str, list[str]]:
    samples: dict[str, list[str]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return samples
