"""Finds sentences that the pairs of English and another language have not: with translations by a model of its own they
teach it more of the languages.

    python recipes/new_sentences.py new --lang fr

writes ``new/sentences.en``, of the Tatoeba pairs of English and other languages and of data/mono, and
``new/sentences.fr``, of data/mono. Sentences of data/valid and data/test are left out, also where only case or
punctuation differ.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Iterator
from pathlib import Path

from xlmcli.lines import iter_file_lines
from xlmcli.sources import iter_rows, parse_source

DATA = Path("data")
LANGS = ("de", "es", "fr", "it", "pt")
MAX_WORDS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lang", choices=LANGS, default="fr", help="the language beside English (default: fr)")
    parser.add_argument("--most", type=int, help="sentences of a language, drawn at random (default: all)")
    options = parser.parse_args()
    write_sentences(options.folder, options.lang, options.most)


def write_sentences(folder: Path, lang: str, most: int | None = None) -> None:
    tatoeba = {text for other in LANGS if other != lang for text in iter_tatoeba(other)} - set(iter_tatoeba(lang))
    english, foreign = (set(iter_file_lines(DATA / f"mono/{name}.txt.xz")) for name in ("en", lang))
    held_out = {key(text) for text in iter_held_out()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, texts in (("en", tatoeba | english), (lang, foreign)):
        new = [text for text in sorted(texts) if 0 < len(text.split()) <= MAX_WORDS and key(text) not in held_out]
        if most is not None and len(new) > most:
            new = random.Random(1).sample(new, most)
        (folder / f"sentences.{name}").write_text("".join(f"{text}\n" for text in new), encoding="utf-8")


def iter_tatoeba(lang: str) -> Iterator[str]:
    """The English sides of Tatoeba pairs."""
    for name in (f"en-{lang}", f"open.en-{lang}"):
        yield from (row[0] for row in iter_rows(parse_source(f"en-{lang}={DATA}/parallel/{name}.tsv.xz,only=tatoeba*")))


def iter_held_out() -> Iterator[str]:
    """Every text of every row that validates or tests."""
    for path in (*DATA.glob("valid/*.tsv"), *DATA.glob("test/*.tsv")):
        for line in iter_file_lines(path):
            yield from line.split("\t")


def key(text: str) -> str:
    """A text without case and punctuation."""
    return re.sub(r"\W+", " ", text.lower()).strip()


if __name__ == "__main__":
    main()
