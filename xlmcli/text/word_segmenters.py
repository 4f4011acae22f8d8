"""Words of Chinese, Japanese and Thai, which are written without spaces: by libraries that extras install."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from xlmcli.errors import MissingExtraError, ModelError

_KYTEA_MODEL_VARIABLE = "XLM_KYTEA_MODEL"
_LANGUAGES = {"zh": "Chinese", "ja": "Japanese", "th": "Thai"}

SEGMENTED_LANGS = frozenset(_LANGUAGES)
"""Languages that need a segmenter."""

Segmenter = Callable[[str], list[str]]


@cache
def load_segmenter(lang: str) -> Segmenter:
    """Returns what splits a line of a language of `SEGMENTED_LANGS` into words.

    Raises:
        MissingExtraError: The language's library is not installed.
        ModelError: KyTea, for Japanese, has no model.
    """
    loaders = {"zh": _load_chinese, "ja": _load_japanese, "th": _load_thai}
    try:
        return loaders[lang]()
    except ImportError as error:
        raise MissingExtraError(
            f"{_LANGUAGES[lang]} text needs {error.name}, which is not installed",
            hint=f"pip install 'xlmcli[{lang}]'",
        ) from error


def _load_chinese() -> Segmenter:
    import rjieba

    segment: Segmenter = rjieba.cut
    return segment


def _load_thai() -> Segmenter:
    from pythainlp.tokenize import word_tokenize

    segment: Segmenter = word_tokenize
    return segment


def _load_japanese() -> Segmenter:
    import Mykytea

    model = Path(os.path.expanduser(os.environ.get(_KYTEA_MODEL_VARIABLE) or "~/local/share/kytea/model.bin"))  # noqa: PTH111
    if not model.is_file():
        raise ModelError(
            f"Japanese text needs KyTea's model, and there is none at {model}",
            hint=f"get one from http://www.phontron.com/kytea/model.html and name it in {_KYTEA_MODEL_VARIABLE}",
        )
    kytea = Mykytea.Mykytea(f"-model {model}")
    return lambda text: list(kytea.getWS(text))
