from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from xlmcli.errors import DataError
from xlmcli.sources import Source
from xlmcli.text.augmentation import Augmentation
from xlmcli.text.sampling import language_shares, sample_sentences

WriteLines = Callable[[str, int], Source]


@pytest.fixture
def write_lines(tmp_path: Path) -> WriteLines:
    def write(lang: str, count: int) -> Source:
        path = tmp_path / lang
        path.write_text("".join(f"{lang} {number}\n" for number in range(count)))
        return Source((lang,), path)

    return write


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [(0.0, [0.5, 0.5]), (0.5, [0.75, 0.25]), (1.0, [0.9, 0.1])],
)
def test_shares_follow_the_exponent(alpha: float, expected: list[float]) -> None:
    assert language_shares([900, 100], alpha) == pytest.approx(expected)


def test_sample_is_balanced_and_drawn_without_repetition(write_lines: WriteLines) -> None:
    english, french = sample_sentences([write_lines("en", 900), write_lines("fr", 100)], 100, 0.5, seed=1)
    assert (english.num_lines, french.num_lines) == (900, 100)
    assert (len(english.sentences), len(french.sentences)) == (75, 25)
    assert len(set(english.sentences)) == 75
    assert all(sentence.startswith("en ") for sentence in english.sentences)


def test_small_language_repeats_to_reach_its_share(write_lines: WriteLines) -> None:
    english, french = sample_sentences([write_lines("en", 900), write_lines("fr", 100)], 5000, 0.0, seed=1)
    assert len(english.sentences) == len(french.sentences) == 500
    assert set(french.sentences) == {f"fr {number}" for number in range(100)}


def test_all_text_is_used_where_it_is_little(write_lines: WriteLines) -> None:
    (english,) = sample_sentences([write_lines("en", 50)], 1000, 0.5, seed=1)
    assert sorted(english.sentences) == sorted(f"en {number}" for number in range(50))


def test_sample_is_uniform_over_the_file(write_lines: WriteLines) -> None:
    (english,) = sample_sentences([write_lines("en", 10_000)], 1000, 0.5, seed=1)
    numbers = [int(sentence.split()[1]) for sentence in english.sentences]
    # Standard error of the mean of 1,000 of 10,000 uniform numbers: 91.
    assert sum(numbers) / len(numbers) == pytest.approx(5000, abs=400)


def test_seed_decides_and_order_of_sources_does_not(write_lines: WriteLines) -> None:
    sources = [write_lines("en", 500), write_lines("fr", 500)]
    first = sample_sentences(sources, 50, 0.5, seed=1)
    assert sample_sentences(sources[::-1], 50, 0.5, seed=1) == first
    assert sample_sentences(sources, 50, 0.5, seed=2) != first


def test_several_sources_of_a_language_add_up(tmp_path: Path, write_lines: WriteLines) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("one\tun\n\tdeux\n")
    english, french = sample_sentences([write_lines("en", 3), Source(("en", "fr"), pairs)], 100, 1.0, seed=1)
    assert sorted(english.sentences) == ["en 0", "en 1", "en 2", "one"]
    assert sorted(french.sentences) == ["deux", "un"]


def test_what_was_read_of_a_file_without_text_is_named(write_lines: WriteLines) -> None:
    source = replace(write_lines("en", 3), max_words=1)
    with pytest.raises(DataError, match=r"^no text in .*,max-words=1, for language en$"):
        sample_sentences([source], 10, 0.5, seed=1)


def test_variants_are_drawn_from_as_well(write_lines: WriteLines) -> None:
    source = write_lines("en", 40)
    capitals = (Augmentation("capitals", 0.5),)
    (sample,) = sample_sentences([source], 1000, 0.5, 0, capitals)
    (again,) = sample_sentences([source], 1000, 0.5, 0, capitals)
    assert again.sentences == sample.sentences
    assert sample.num_lines == len(sample.sentences) > 45
    assert sum(text.isupper() for text in sample.sentences) == len(sample.sentences) - 40
