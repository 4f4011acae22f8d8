"""Texts made by rule of what has a label: opposites joined by "but", and words of a lexicon denied or compared.

    python recipes/sentiment_rules.py data/sentiment rules

A clause after "but" outweighs the one before it: "slow service, but great food" is positive. Denying a word turns it
round. ``rules/LANG.tsv`` has label, text.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

BUT = {
    "ar": "لكن",
    "de": "aber",
    "en": "but",
    "es": "pero",
    "fi": "mutta",
    "fr": "mais",
    "hi": "लेकिन",
    "it": "ma",
    "nl": "maar",
    "pl": "ale",
    "pt": "mas",
    "ro": "dar",
}
OPPOSITE = {"negative": "positive", "positive": "negative"}
# A label, and a text of that label for any {good} and {bad} words.
FRAMES = {
    "en": [
        ("positive", "not {bad} at all"),
        ("positive", "It's not {bad} at all."),
        ("positive", "less {bad} than I feared"),
        ("positive", "Nothing {bad} about it."),
        ("positive", "I expected something {bad}, and it was {good}."),
        ("positive", "{good}, no complaints"),
        ("positive", "far more {good} than the one before"),
        ("negative", "not {good} at all"),
        ("negative", "It isn't {good}."),
        ("negative", "hardly {good}"),
        ("negative", "It could be more {good}."),
        ("negative", "I expected something more {good}."),
        ("negative", "It was supposed to be {good}, but it's {bad}."),
        ("negative", "nowhere near as {good} as the first one"),
        ("neutral", "neither {good} nor {bad}"),
        ("neutral", "about as {good} as before, no more and no less"),
        ("neutral", "Is it {good}?"),
        ("neutral", "some say {good}, others say {bad}"),
    ],
    "fr": [
        ("positive", "pas du tout {bad}"),
        ("positive", "ce n'est pas {bad}, au contraire"),
        ("positive", "moins {bad} que je ne le craignais"),
        ("negative", "pas {good} du tout"),
        ("negative", "ce n'est pas {good}"),
        ("negative", "moins {good} qu'avant"),
        ("negative", "je m'attendais à quelque chose de plus {good}"),
        ("neutral", "ni {good} ni {bad}"),
        ("neutral", "est-ce que c'est {good} ?"),
    ],
    "it": [
        ("positive", "per niente {bad}"),
        ("positive", "meno {bad} di quanto temessi"),
        ("negative", "non è {good}"),
        ("negative", "per niente {good}"),
        ("neutral", "né {good} né {bad}"),
    ],
    "nl": [
        ("positive", "helemaal niet {bad}"),
        ("positive", "minder {bad} dan ik vreesde"),
        ("negative", "helemaal niet {good}"),
        ("negative", "minder {good} dan vroeger"),
        ("neutral", "niet {good} en niet {bad}"),
    ],
}
LONGEST = 14


def main() -> None:
    """Writes the texts of every language."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(arguments.seed)
    for lang in BUT:
        rows = list(joined(read(arguments.data / f"everyday.{lang}.train.tsv"), BUT[lang], rng))
        if lang in FRAMES:
            words = read(arguments.data / f"words-pattern.{lang}.train.tsv")
            rows += list(framed(words, FRAMES[lang], rng))
        rng.shuffle(rows)
        lines = "".join(f"{label}\t{text}\n" for label, text in rows)
        (arguments.out / f"{lang}.tsv").write_text(lines, encoding="utf-8")


def read(path: Path) -> list[tuple[str, str]]:
    """Labels and texts of a file."""
    rows = (line.split("\t") for line in path.read_text("utf-8").split("\n") if line)
    return [(row[0], row[1]) for row in rows]


def joined(rows: list[tuple[str, str]], but: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Each short text of an opinion, after one of the opposite opinion."""
    short = [(label, text) for label, text in rows if label in OPPOSITE and len(text.split()) <= LONGEST]
    for label, text in short:
        opposite = rng.choice([other for sentiment, other in short if sentiment == OPPOSITE[label]])
        yield label, f"{opposite.rstrip('.!?। ')}, {but} {text[0].lower()}{text[1:]}"


def framed(
    words: list[tuple[str, str]], frames: list[tuple[str, str]], rng: random.Random
) -> Iterator[tuple[str, str]]:
    """Each frame with words drawn by chance, as many as a twentieth of the lexicon."""
    good, bad = ([word for label, word in words if label == wanted] for wanted in ("positive", "negative"))
    for label, frame in frames:
        for _ in range(len(words) // 20):
            yield label, frame.format(good=rng.choice(good), bad=rng.choice(bad))


if __name__ == "__main__":
    main()
