"""Learning which rare words are each other's translation."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from xlmcli.errors import DataError, UsageError
from xlmcli.sources import parse_source
from xlmcli.train.lexicon import write_lexicon

NOUNS = {
    "dog": "chien", "wasp": "guêpe", "ox": "bœuf", "watermelon": "pastèque", "spider": "araignée", "taxi": "taxi",
    "Moscow": "Moscou", "goat": "chèvre",
}  # fmt: skip
VERBS = {"sees": "voit", "likes": "aime", "paints": "peint"}
PEOPLE = ("Anna", "Ben", "Carla", "David")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv"
    rows = [
        f"Today {name} {verb} the {noun}.\tAujourd'hui, {name} {said} le {other}.\n"
        for name, (verb, said), (noun, other) in product(PEOPLE, VERBS.items(), NOUNS.items())
    ]
    path.write_text("".join(rows), encoding="utf-8")
    return path


def learn(path: Path, *sources: str, max_count: int = 12) -> dict[tuple[str, str], list[str]]:
    said: list[str] = []
    write_lexicon(path, [parse_source(source) for source in sources], max_count, said.append)
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(said) == 1
    return {(direction, word): words for direction, word, *words in rows}


def test_rare_words_are_learned_in_both_directions(pairs: Path, tmp_path: Path) -> None:
    found = learn(tmp_path / "lexicon.tsv", f"en-fr={pairs}")
    expected = {noun: other for noun, other in NOUNS.items() if noun not in ("taxi", "ox")}
    assert {word: words[0] for (direction, word), words in found.items() if direction == "en-fr"} == expected
    back = {other: noun for noun, other in NOUNS.items() if noun != "taxi"}
    assert {word: words[0] for (direction, word), words in found.items() if direction == "fr-en"} == back
    # Frequent words are nobody's other translation.
    assert all(len(words) == 1 for words in found.values())


def test_frequent_words_are_left_out(pairs: Path, tmp_path: Path) -> None:
    assert learn(tmp_path / "few.tsv", f"en-fr={pairs}", max_count=11) == {}
    more = learn(tmp_path / "more.tsv", f"en-fr={pairs}", max_count=32)
    assert more["en-fr", "likes"] == ["aime"]
    assert more["fr-en", "voit"] == ["sees"]
    assert ("en-fr", "the") not in more


def test_equal_pairs_count_once_whatever_their_order(pairs: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.tsv"
    rows = [line.split("\t") for line in pairs.read_text(encoding="utf-8").splitlines()]
    turned.write_text("".join(f"{fr}\t{en}\n" for en, fr in rows), encoding="utf-8")
    once = learn(tmp_path / "once.tsv", f"en-fr={pairs}")
    assert learn(tmp_path / "twice.tsv", f"en-fr={pairs}", f"fr-en={turned}", f"en-fr={pairs}") == once
    assert learn(tmp_path / "other.tsv", f"fr-en={turned}") == once


def test_several_languages_make_one_lexicon(pairs: Path, tmp_path: Path) -> None:
    sources = [parse_source(f"{langs}={pairs}") for langs in ("en-fr", "en-it")]
    said: list[str] = []
    write_lexicon(tmp_path / "lexicon.tsv", sources, 12, said.append)
    assert said == [f"96 pairs: 6 words of en-{lang}, 7 words of {lang}-en" for lang in ("fr", "it")]
    lines = (tmp_path / "lexicon.tsv").read_bytes().splitlines()
    assert lines == sorted(lines)


def test_a_word_is_written_as_it_mostly_is(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    rows = [("The big tree.", "Der große Baum."), ("A big house.", "Ein großes Haus."), ("Tree!", "Baum!")]
    rows += [(f"This tree {word}.", f"Dieser Baum {word}.") for word in ("lives", "stands", "falls")]
    pairs.write_text("".join(f"{en}\t{de}\n" for en, de in rows), encoding="utf-8")
    found = learn(tmp_path / "lexicon.tsv", f"en-de={pairs}")
    assert found["en-de", "tree"] == ["Baum"]
    assert found["de-en", "Baum"] == ["tree"]


def test_pairs_that_are_skipped_are_told(pairs: Path, tmp_path: Path) -> None:
    with pairs.open("a", encoding="utf-8") as file:
        file.write("a " * 61 + "\tx\n\tx\n")
    said: list[str] = []
    write_lexicon(tmp_path / "lexicon.tsv", [parse_source(f"en-fr={pairs}")], 12, said.append)
    assert said == ["96 pairs, 2 skipped (empty or over 60 words): 6 words of en-fr, 7 words of fr-en"]


@pytest.mark.parametrize("content", ["", "\t\n", "...\t!\n", "word\t...\n"])
def test_nothing_to_learn_from_is_an_error(content: str, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="no words in the pairs of en-fr"):
        learn(tmp_path / "lexicon.tsv", f"en-fr={pairs}")
    assert not (tmp_path / "lexicon.tsv").exists()


def test_languages_without_spaces_are_refused(pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'ja' is written without spaces"):
        learn(tmp_path / "lexicon.tsv", f"en-ja={pairs}")
