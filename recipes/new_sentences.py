"""Finds sentences for en-fr that its pairs have not: with translations of its own they teach it more of the languages.

    python recipes/new_sentences.py new

writes ``new/sentences.en``, of the Tatoeba pairs of English and other languages than French and of data/mono, and
``new/sentences.fr``, of data/mono. Sentences of data/valid and data/test are left out, also where only case or
punctuation differ.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from xlmcli.lines import iter_file_lines
from xlmcli.sources import iter_rows, parse_source

DATA = Path("data")
OTHERS = ("de", "es", "it", "pt")
MAX_WORDS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    write_sentences(parser.parse_args().folder)


def write_sentences(folder: Path) -> None:
    tatoeba = {text for lang in OTHERS for text in iter_tatoeba(lang)} - set(iter_tatoeba("fr"))
    english, french = (set(iter_file_lines(DATA / f"mono/{lang}.txt.xz")) for lang in ("en", "fr"))
    held_out = {key(text) for text in iter_held_out()}
    folder.mkdir(exist_ok=True)
    for lang, texts in (("en", tatoeba | english), ("fr", french)):
        new = [text for text in sorted(texts) if 0 < len(text.split()) <= MAX_WORDS and key(text) not in held_out]
        (folder / f"sentences.{lang}").write_text("".join(f"{text}\n" for text in new), encoding="utf-8")


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
