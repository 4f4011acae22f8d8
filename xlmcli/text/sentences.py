"""Finding the ends of sentences."""

from __future__ import annotations

import re

# Written without spaces between words, so nothing is put between sentences either.
_SPACELESS = frozenset({"bo", "ja", "km", "lo", "my", "th", "zh", "yue"})

# "M. Dupont": sentencex 1.0.32 ends a sentence there in French, as it does after initials in many languages.
_INITIAL = re.compile(r"(?:^|\s)\w\.$")


def split_sentences(text: str, lang: str) -> list[str]:
    """Splits text at the ends of its sentences.

    Args:
        text: Any text.
        lang: Its language code; an unknown one is split by general rules.

    Returns:
        The sentences, none blank, without the space around them; nothing else of the text is lost.
    """
    import sentencex

    sentences: list[str] = []
    for part in sentencex.segment(lang, text):
        part = part.strip()
        if sentences and part and _INITIAL.search(sentences[-1]):
            sentences[-1] += f" {part}"
        elif part:
            sentences.append(part)
    return sentences


def sentence_separator(lang: str) -> str:
    """Returns what stands between two sentences of a language."""
    return "" if lang in _SPACELESS else " "
