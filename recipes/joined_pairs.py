"""Finds pairs without English: what two languages have for the same English sentence.

    python -m recipes.joined_pairs joined

writes ``joined/de-fr.tsv`` and so on for every two of de, es, fr, it and pt, of the everyday sentences and the
conversation of data/parallel. Sentences of data/valid and data/test are left out, as in new_sentences.py.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from itertools import combinations, product
from pathlib import Path

from recipes.new_sentences import LANGS, iter_held_out, key
from xlmcli.sources import iter_rows, parse_source

DATA = Path("data")
SOURCES = "tatoeba*|cocoa-mt|african-storybook|tico-19|mt-geneval|xquad|mycroft"
# A short English sentence has dozens of translations; more of them teach little.
MOST_OF_A_SENTENCE = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    write_pairs(parser.parse_args().folder)


def write_pairs(folder: Path) -> None:
    held_out = {key(text) for text in iter_held_out()}
    translations = {lang: read_translations(lang, held_out) for lang in LANGS}
    folder.mkdir(exist_ok=True)
    rng = random.Random(1)
    for a, b in combinations(LANGS, 2):
        rows = []
        for english in sorted(translations[a].keys() & translations[b].keys()):
            pairs = list(product(translations[a][english], translations[b][english]))
            rows += rng.sample(pairs, min(len(pairs), MOST_OF_A_SENTENCE))
        lines = "".join(f"{left}\t{right}\n" for left, right in dict.fromkeys(rows))
        (folder / f"{a}-{b}.tsv").write_text(lines, encoding="utf-8")


def read_translations(lang: str, held_out: set[str]) -> dict[str, list[str]]:
    """What a language has for each English sentence, each text once."""
    translations: dict[str, list[str]] = defaultdict(list)
    for name in (f"en-{lang}", f"open.en-{lang}"):
        for english, text in iter_rows(parse_source(f"en-{lang}={DATA}/parallel/{name}.tsv.xz,only={SOURCES}")):
            if text not in translations[english] and key(text) not in held_out:
                translations[english].append(text)
    return translations


if __name__ == "__main__":
    main()
