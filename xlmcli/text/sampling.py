"""Drawing sentences from corpora of any size, languages balanced as in the paper: p ∝ n^alpha."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from xlmcli.errors import DataError
from xlmcli.facts import format_name
from xlmcli.sources import Source, iter_chunks
from xlmcli.text.augmentation import Augmentation, augment


@dataclass(frozen=True, slots=True)
class LanguageSample:
    """The sentences drawn for a language.

    Attributes:
        lang: Language code.
        num_lines: Lines with text that there were.
        sentences: Those that were drawn; lines repeat where the language's share is more than it has.
    """

    lang: str
    num_lines: int
    sentences: list[str] = field(repr=False)


class _Reservoir:
    """A uniform sample of a stream of unknown length (algorithm R)."""

    def __init__(self, size: int, seed: str) -> None:
        self._size = size
        self._random = random.Random(seed)
        self.items: list[str] = []
        self.num_seen = 0

    def add(self, item: str) -> None:
        self.num_seen += 1
        if len(self.items) < self._size:
            self.items.append(item)
            return
        position = self._random.randrange(self.num_seen)
        if position < self._size:
            self.items[position] = item

    def draw(self, size: int) -> list[str]:
        """Returns ``size`` items in random order; all of them several times where there are fewer."""
        rounds, rest = divmod(size, len(self.items))
        return self.items * rounds + self._random.sample(self.items, rest)


def sample_sentences(
    sources: Sequence[Source],
    num_sentences: int,
    alpha: float,
    seed: int,
    augmentations: Sequence[Augmentation] = (),
) -> list[LanguageSample]:
    """Draws sentences of every language; each file is read once, and only the sample is kept in memory.

    Args:
        sources: Where to draw from; each line counts as often as its source repeats, fractions by chance.
        num_sentences: Sentences in all, at most; never more than there are lines.
        alpha: Exponent of p ∝ n^alpha over the languages' line counts n.
        seed: Which are drawn.
        augmentations: Variants to draw from as well.

    Raises:
        DataError: A source cannot be read, or a language has no text.
    """
    reservoirs = {
        lang: _Reservoir(num_sentences, f"{seed} {lang}")
        for lang in sorted({lang for source in sources for lang in source.langs})
    }
    for source in sources:
        whole, fraction = divmod(source.repeat, 1)
        chance = random.Random(f"{seed} {format_name(source)}")
        for chunk in iter_chunks(source):
            for row in augment(chunk, augmentations, chance):
                count = int(whole) + (chance.random() < fraction)
                for lang, text in zip(source.langs, row.texts, strict=True):
                    if text.strip():
                        for _ in range(count):
                            reservoirs[lang].add(text)
    for lang, reservoir in reservoirs.items():
        if not reservoir.items:
            texts = dict.fromkeys(f"{item.path_of(lang)}{item.selection}" for item in sources if lang in item.langs)
            raise DataError(f"no text in {', '.join(texts)}, for language {lang}")
    shares = language_shares([reservoir.num_seen for reservoir in reservoirs.values()], alpha)
    total = min(num_sentences, sum(reservoir.num_seen for reservoir in reservoirs.values()))
    return [
        LanguageSample(lang, reservoir.num_seen, reservoir.draw(max(1, round(share * total))))
        for (lang, reservoir), share in zip(reservoirs.items(), shares, strict=True)
    ]


def language_shares(sizes: Sequence[float], alpha: float) -> list[float]:
    """Returns the probability of each language or pair from the size n of its text, p ∝ n^alpha.

    Source: Conneau & Lample 2019, section 3.1.
    """
    weights = [size**alpha for size in sizes]
    total = sum(weights)
    return [weight / total for weight in weights]
