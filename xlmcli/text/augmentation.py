"""Variants of training text: what people really paste is in capitals, unpunctuated, mistyped, and more than a sentence.

A variant is an extra row beside the one it was made of; marks of protected spans take the place of what they stand for.
All are drawn from a seed, so the same text gets the same ones.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from xlmcli.errors import UsageError
from xlmcli.text.alike import protect_alike
from xlmcli.text.word_lists import without_accents

Texts = tuple[str, ...]
Kind = Literal["capitals", "lowercase", "unpunctuated", "joined", "unaccented", "typos", "spans"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_FINAL_PUNCTUATION = re.compile(r"(?<=\w)\s*[.!?…]+$")
_ENDS_SENTENCE = re.compile(r"[.!?…](?:\s?[\"'»”’)])*$")
_WORD = re.compile(r"[^\W\d_]{4,}")

# Neighbours on the keyboards of most Latin layouts; a slip of the finger hits one of them.
_KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


@dataclass(frozen=True, slots=True)
class Augmentation:
    """A kind of variant, and the share of rows that get one, 0-1."""

    kind: Kind
    share: float

    def __str__(self) -> str:
        return f"{self.kind}={self.share:g}"


@dataclass(frozen=True, slots=True)
class Variant:
    """A row of training text.

    Attributes:
        texts: A text per language.
        noisy_side: The side with errors that nobody should learn to write, or None.
    """

    texts: Texts
    noisy_side: int | None = None


def parse_augmentation(text: str) -> Augmentation:
    """Reads ``KIND=SHARE``.

    Raises:
        UsageError: There is no such kind, or the share is not in 0-1.
    """
    name, _, value = text.partition("=")
    kind = next((kind for kind in KINDS if kind == name), None)
    if kind is None:
        raise UsageError(f"no augmentation {name!r}", hint=f"KIND=SHARE, where KIND is one of {', '.join(KINDS)}")
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise UsageError(f"{text!r}: the share of rows is a number above 0 and at most 1")
    return Augmentation(kind, share)


def augment(rows: Sequence[Texts], augmentations: Sequence[Augmentation], rng: random.Random) -> list[Variant]:
    """Returns the rows, and after them their variants.

    Args:
        rows: Texts that belong together, one per language.
        augmentations: What to make of them; a row that a kind does not change gets no variant of it.
        rng: Draws the rows.

    Returns:
        The rows in their order, then the variants; with ``spans``, a share of all of these has marks in place of what
        stands alike in its texts.
    """
    variants = [Variant(row) for row in rows]
    if not augmentations:
        return variants
    for augmentation in augmentations:
        if augmentation.kind != "spans":
            make = _MAKERS[augmentation.kind]
            chosen = [row for row in rows if rng.random() < augmentation.share]
            made = [(row, make(row, rows, rng)) for row in chosen]
            variants += [variant for row, variant in made if variant is not None and variant.texts != row]
    share = sum(augmentation.share for augmentation in augmentations if augmentation.kind == "spans")
    return [_with_marks(variant, rng) if rng.random() < share else variant for variant in variants]


def _with_marks(variant: Variant, rng: random.Random) -> Variant:
    texts = protect_alike(variant.texts, rng)
    return variant if texts is None else replace(variant, texts=texts)


def _capitals(row: Texts, _rows: Sequence[Texts], _rng: random.Random) -> Variant:
    return Variant(tuple(text.upper() for text in row))


def _lowercase(row: Texts, _rows: Sequence[Texts], _rng: random.Random) -> Variant:
    return Variant(tuple(text.lower() for text in row))


def _unpunctuated(row: Texts, _rows: Sequence[Texts], _rng: random.Random) -> Variant | None:
    stripped = tuple(_FINAL_PUNCTUATION.sub("", text) for text in row)
    # Where only one side ends in a mark, the pair would teach to add or drop one.
    return Variant(stripped) if all(a != b for a, b in zip(stripped, row, strict=True)) else None


def _joined(row: Texts, rows: Sequence[Texts], rng: random.Random) -> Variant | None:
    """The row and one or two others, one sentence after the other."""
    parts = [row, *(rng.choice(rows) for _ in range(rng.choice((1, 1, 2))))]
    if not all(_ENDS_SENTENCE.search(text) for part in parts for text in part):
        return None
    return Variant(tuple(" ".join(texts) for texts in zip(*parts, strict=True)))


def _unaccented(row: Texts, _rows: Sequence[Texts], rng: random.Random) -> Variant | None:
    sides = [side for side, text in enumerate(row) if without_accents(text) != text]
    return _with_noise(row, rng.choice(sides), without_accents) if sides else None


def _typos(row: Texts, _rows: Sequence[Texts], rng: random.Random) -> Variant | None:
    return _with_noise(row, rng.randrange(len(row)), lambda text: _mistype(text, rng))


def _with_noise(row: Texts, side: int, change: Callable[[str], str]) -> Variant:
    return Variant((*row[:side], change(row[side]), *row[side + 1 :]), side)


def _mistype(text: str, rng: random.Random) -> str:
    """A slip in one word of every ten or so, at least in one, though a slip may change nothing."""
    words = list(_WORD.finditer(text))
    for match in sorted(rng.sample(words, min(len(words), 1 + len(words) // 10)), key=lambda m: -m.start()):
        text = text[: match.start()] + _slip(match[0], rng) + text[match.end() :]
    return text


def _slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    slip = rng.randrange(4)
    if slip == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if slip == 1:
        return word[:at] + word[at + 1 :]
    if slip == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + _neighbour(word[at], rng) + word[at + 1 :]


def _neighbour(letter: str, rng: random.Random) -> str:
    for keys in _KEYBOARD:
        place = keys.find(letter)
        if place >= 0:
            return rng.choice(keys[max(0, place - 1) : place] + keys[place + 1 : place + 2])
    return letter


_MAKERS: dict[Kind, Callable[[Texts, Sequence[Texts], random.Random], Variant | None]] = {
    "capitals": _capitals,
    "lowercase": _lowercase,
    "unpunctuated": _unpunctuated,
    "joined": _joined,
    "unaccented": _unaccented,
    "typos": _typos,
}
