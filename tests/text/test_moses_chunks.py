"""Lines encoded chunk by chunk, against the same lines tokenised as a whole."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xlmcli.text import bpe, moses_chunks
from xlmcli.text.bpe import WORD_END, WordEncoder
from xlmcli.text.moses_chunks import ChunkedEncoder
from xlmcli.text.words import MosesSplitter

# What decides something in one of Moses' rules, and what most chunks are made of.
PARTS = [
    *"aB5.,:;?!-'\"`()%@#/<&_º²»«“„”’‘…、。．，５—中한ßéşΣ🙂",
    *("word", "Mr", "No", "etc", "U.S", "l'", "nº", "''", "..", "न्", "ِ", "\u200d", "\t", "\r"),
    *(" ", " ", " ", "  ", "\u00a0", "\u202f", "\u3000"),
]


def make_words() -> WordEncoder:
    """Gives characters ids, other ones at the end of a word: ids tell how a line was split."""
    characters = sorted({character for part in PARTS for character in part} | set("'-,."))
    pieces = ["<unk>", *characters, *(f"{character}{WORD_END}" for character in characters)]
    return WordEncoder({piece: index for index, piece in enumerate(pieces)}, [], lowercases=False)


@pytest.fixture(scope="module", params=["en", "fr", "de", "it", "ro", "hi", "ko", "xx"])
def splitter(request: pytest.FixtureRequest) -> MosesSplitter:
    return MosesSplitter(request.param)


@pytest.fixture(scope="module")
def encoder(splitter: MosesSplitter) -> ChunkedEncoder:
    """One that goes on remembering from line to line."""
    return ChunkedEncoder(splitter, make_words())


WORDS = make_words()


@settings(deadline=None, max_examples=150)
@given(line=st.lists(st.sampled_from(PARTS), max_size=14).map("".join))
@example(line="Mr. word Mr. B Mr. 5 No. 5 No. a etc. B word. a word. B word. 5 word. ５ a。 B U.S. B.")
@example(line="word.' 'a word' 'B word' B l'a B5's word.\" B word.» a «a».")
@example(line='(a). a) (a.) "a", “a”. a…, @a: #a.a/B.B ,a \'a a,5 5,a 5, 5,5')
@example(line="a.» ")
def test_chunks_are_encoded_as_in_the_whole_line(line: str, splitter: MosesSplitter, encoder: ChunkedEncoder) -> None:
    assert encoder.encode(line) == WORDS.encode(splitter.split(line))


@pytest.mark.parametrize("line", ["{0}a {0}b. ({0}c) {0}d", "{0}a {0}b. {0}c's' '{0}d", "x\u00a0«{0}a {0}b"])
def test_memory_is_bounded_whatever_lines_are_made_of(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Caches of a hundredth of their size are full after a few hundred lines.
    monkeypatch.setattr(moses_chunks, "_MAX_CACHED_CHARACTERS", 10_000)
    monkeypatch.setattr(bpe, "_MAX_CACHED_CHARACTERS", 10_000)
    encoder = ChunkedEncoder(MosesSplitter("en"), make_words())

    def peak(first: int, last: int) -> int:
        tracemalloc.reset_peak()
        for number in range(first, last):
            encoder.encode(line.format(f"word{number:020}"))
        return tracemalloc.get_traced_memory()[1]

    tracemalloc.start()
    early, late = peak(0, 600), peak(600, 2400)
    tracemalloc.stop()
    assert late < 1.5 * early
