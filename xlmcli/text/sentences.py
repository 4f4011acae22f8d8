"""Finding the ends of sentences."""

from __future__ import annotations

from xlmcli.text.language_tokens import base_language

# Written without spaces between words, so nothing is put between sentences either.
_SPACELESS = frozenset({"bo", "dz", "ja", "km", "lo", "my", "th", "zh", "yue"})

_TITLE = "M."
_LONGEST_SHORT_WORD = 3


def split_sentences(text: str, lang: str) -> list[str]:
    """Splits text at the ends of its sentences.

    Args:
        text: Any text.
        lang: Its language code; an unknown one is split by general rules.

    Returns:
        The sentences, none blank, without the space around them; nothing else of the text is lost.
    """
    import sentencex

    sentences: list[list[str]] = []
    goes_on = False
    for part in map(str.strip, sentencex.segment(base_language(lang), text)):
        if not part:
            continue
        if goes_on:
            sentences[-1].append(part)
        else:
            sentences.append([part])
        goes_on = _ends_in_initial(part)
    return [" ".join(parts) for parts in sentences]


def _ends_in_initial(part: str) -> bool:
    """Tells whether a part ends inside a name.

    sentencex 1.0.32 ends a sentence at "avec M. Dupont" in French, and at "par J. Dupont" in several languages. But a
    sentence may well end in "plan B.", where a noun comes before the letter, and not a short word or a name.
    """
    *before, last = part.rsplit(maxsplit=2)
    if len(last) != 2 or not last[0].isupper() or last[1] != ".":
        return False
    noun = before[-1] if before else ""
    return last == _TITLE or not (noun.isalpha() and noun.islower() and len(noun) > _LONGEST_SHORT_WORD)


def sentence_separator(lang: str) -> str:
    """Returns what stands between two sentences of a language."""
    return "" if base_language(lang) in _SPACELESS else " "
