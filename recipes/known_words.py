"""Lists the words and the names of languages, for xlmcli/text/word_lists.py.

    python -m recipes.known_words xlmcli/text/known_words

writes ``en.txt`` and so on, of the text in data/. In small letters, a list has the words that are mostly so, and those
with a capital that some language does not keep. With a capital it has the words that have one inside sentences of
everyday text; those that it does not have in small letters as well are names, which most translations keep. In capitals
it has the words that are mostly so. There is no list of German, where a noun has a capital and is no name.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from recipes.joined_pairs import SOURCES
from xlmcli.lines import iter_file_lines
from xlmcli.sources import iter_rows, parse_source
from xlmcli.text.word_lists import LISTED, WORD, without_accents

DATA = Path("data")
PAIRED = ("de", "es", "fr", "it", "pt")
_STARTS_SENTENCE = re.compile(r"[.!?:;…\"«“(\[]|^\s*[-–—]")
_FEW, _FAR_MORE = 3, 50


class Words:
    """How often the words of a language, here in small letters, stand how.

    Attributes:
        small: In small letters.
        capitals: In capitals, in texts that are not.
        seen: With a capital inside a sentence.
        kept: So, and in the translation as well.
        translated: Those that one of the other languages seldom keeps.
    """

    def __init__(self) -> None:
        self.small, self.capitals, self.seen, self.kept = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
        self.translated: set[str] = set()

    def read(self, texts: Iterable[str]) -> None:
        """Counts words in small letters, and in capitals."""
        for text in texts:
            words = WORD.findall(text)
            self.small.update(filter(str.islower, words))
            if not text.isupper():
                self.capitals.update(word.lower() for word in words if word.isupper() and len(word) > 1)

    def add(self, seen: Counter[str], kept: Counter[str]) -> None:
        """Adds words with a capital inside sentences, and of these the ones that another language keeps."""
        self.seen += seen
        self.kept += kept
        self.translated |= {word for word, count in seen.items() if count >= _FEW and 3 * kept[word] < count}

    def known(self) -> set[str]:
        """The words that are no names wherever they stand."""
        small = {word for word, count in self.small.items() if count >= _FEW and 2 * count >= self.kept[word]}
        unkept = {word for word, count in self.seen.items() if 2 * self.kept[word] < count}
        return small | unkept | self.translated

    def names(self) -> set[str]:
        """The names, with capitals."""
        return {word.title() for word in self.kept.keys() - self.known() if not self.small[word]}

    def capitalised(self) -> set[str]:
        """The words that mostly have a capital, with it, whether they are names or not."""
        return {word.title() for word, count in self.seen.items() if count >= _FEW and count > 2 * self.small[word]}

    def misspelt(self) -> set[str]:
        """The words that are far more frequent with an accent, or with another one: *mas*, *perchè*."""
        most = Counter[str]()
        for word, count in self.small.items():
            plain = without_accents(word)
            if plain != word:
                most[plain] = max(most[plain], count)
        found = self.small + self.seen
        return {word for word in self.known() if most[without_accents(word)] > _FAR_MORE * found[word]}

    def abbreviations(self) -> set[str]:
        """The words that are mostly in capitals, in these."""
        counts = self.capitals.items()
        return {word.upper() for word, n in counts if n >= _FEW and n > 2 * (self.small[word] + self.seen[word])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    write_lists(parser.parse_args().folder)


def write_lists(folder: Path) -> None:
    words = {lang: Words() for lang in ("en", *PAIRED)}
    for lang in PAIRED:
        count_pairs(lang, words["en"], words[lang])
    folder.mkdir(exist_ok=True)
    for lang in LISTED:
        words[lang].read(iter_file_lines(DATA / f"mono/{lang}.txt.xz"))
        listed = words[lang].names() | shortened(words[lang].known() - words[lang].misspelt())
        listed |= {word for word in words[lang].capitalised() | words[lang].abbreviations() if "-" not in word}
        (folder / f"{lang}.txt").write_text("".join(f"{word}\n" for word in sorted(listed)), encoding="utf-8")


def shortened(words: set[str]) -> set[str]:
    """Leaves out single letters, and words with hyphens whose last part is there: nobody looks for them."""
    return {word for word in words if len(word) > 1 and not ("-" in word and word.rpartition("-")[2] in words)}


def count_pairs(lang: str, english: Words, foreign: Words) -> None:
    """Counts the words of English and of another language in the pairs of both."""
    counted = [(english, Counter[str](), Counter[str]()), (foreign, Counter[str](), Counter[str]())]
    for texts in iter_pairs(lang, f",only={SOURCES}"):
        found = [set(WORD.findall(text)) for text in texts]
        for (_, seen, kept), text, other in zip(counted, texts, reversed(found), strict=True):
            inside = list(iter_capitals(text))
            seen.update(word.lower() for word in inside)
            kept.update(word.lower() for word in inside if word in other)
    for words, seen, kept in counted:
        words.add(seen, kept)
    for texts in iter_pairs(lang):
        for (words, _, _), text in zip(counted, texts, strict=True):
            words.read([text])


def iter_pairs(lang: str, options: str = "") -> Iterator[tuple[str, ...]]:
    """The pairs of English and a language, of all sources or of some, and those of the phrasebook."""
    paths = [f"{DATA}/parallel/{name}.tsv.xz{options}" for name in (f"en-{lang}", f"open.en-{lang}")]
    paths += [str(path.with_suffix(".{}")) for path in sorted(DATA.glob("phrasebook/*.en"))]
    for path in paths:
        yield from iter_rows(parse_source(f"en-{lang}={path}"))


def iter_capitals(text: str) -> Iterator[str]:
    """The words with a capital inside the sentences of a text; none of a title of capitals."""
    matches = list(WORD.finditer(text))
    if 2 * sum(match[0][0].isupper() for match in matches) >= len(matches) + 2:
        return
    end = 0
    for number, match in enumerate(matches):
        word, gap = match[0], text[end : match.start()]
        if number and word[0].isupper() and len(word) > 1 and not word.isupper() and not _STARTS_SENTENCE.search(gap):
            yield word
        end = match.end()


if __name__ == "__main__":
    main()
