"""Typographic characters that a vocabulary does not have, in the plain form that it does have.

Much training text writes ``'`` for every apostrophe, and then a vocabulary learned from it spells the ``’`` of people's
own texts in bytes that the model has never seen. SentencePiece's normalisation leaves these characters alone.
"""

from __future__ import annotations

from collections.abc import Iterable

# What Moses' punctuation normalisation maps, and the hyphens, which it leaves alone.
_PLAIN_FORMS = {
    "'": "’‘‛ʼ′´`",
    '"': "“”„‟«»",
    "-": "‐‑‒–—―−",
    ",": "‚、",
    ".": "。",
    "": "\N{SOFT HYPHEN}",
}

# Of these, vocabularies learn the plain form alone: training text mixes the two without a difference in meaning.
_SAME_QUOTES = {"'": "’‘‛ʼ", '"': "“”„‟"}
_QUOTES = str.maketrans({variant: plain for plain, variants in _SAME_QUOTES.items() for variant in variants})


def plain_quotes(text: str) -> str:
    """Returns ``text`` with straight apostrophes and quotation marks; ``«»`` stay."""
    return text.translate(_QUOTES)


def plain_forms(vocab: Iterable[str]) -> dict[int, str]:
    """Returns a ``str.translate`` table of the characters without a piece in ``vocab`` whose plain form has one."""
    pieces = {piece.removeprefix("▁") for piece in vocab}
    return {
        ord(variant): plain
        for plain, variants in _PLAIN_FORMS.items()
        for variant in variants
        if variant not in pieces and (not plain or plain in pieces)
    }
