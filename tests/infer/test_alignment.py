"""Links between words: those that people drew, and those of pieces, spans and parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from xlmcli.bundle import AlignmentHead, Bundle, find_model, open_bundle
from xlmcli.infer.alignment import Alignment, WordAligner
from xlmcli.infer.engine import Translated
from xlmcli.infer.guards import PieceTranslation
from xlmcli.infer.pieces import Piece
from xlmcli.model.network import Network
from xlmcli.records import Direction
from xlmcli.text import Tokenizer
from xlmcli.text.spans import MARKS
from xlmcli.text.special import EOS_ID

FORTH, BACK = Direction("en", "fr"), Direction("fr", "en")
LAST = [AlignmentHead(3, head, False, 0.0) for head in (1, 2, 3, 4)]


class Pair(NamedTuple):
    """A pair of sentences and their links: all that are possible, and those that are sure."""

    en: str
    fr: str
    possible: frozenset[tuple[int, int]]
    sure: frozenset[tuple[int, int]]


def aligned_by_hand() -> Iterator[Pair]:
    for line in (Path(__file__).parents[1] / "aligned.en-fr.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        en, fr, links = line.split("\t")
        sure, possible = (
            {tuple(map(int, link.split(mark))) for link in links.split() if mark in link} for mark in ("-", "p")
        )
        yield Pair(en, fr, frozenset(sure | possible), frozenset(sure))  # type: ignore[arg-type]


def align(bundle: Bundle, tokenizer: Tokenizer, direction: Direction, head: AlignmentHead) -> list[Alignment]:
    """Aligns the pairs by one head, each with the translation that people gave."""
    pairs = [(pair.en, pair.fr) if direction == FORTH else (pair.fr, pair.en) for pair in aligned_by_hand()]
    sources, targets = (
        [tokenizer.encode(pair[side], lang) for pair in pairs]
        for side, lang in enumerate((direction.src, direction.tgt))
    )
    network = Network(bundle.folded_files(direction))
    texts = network.encode([[EOS_ID, *ids, EOS_ID] for ids in sources])
    forced = network.decode([[EOS_ID, *ids] for ids in targets], texts)
    aligner = WordAligner(tokenizer, direction)
    found = []
    for (text, translation), source, target, seen in zip(pairs, sources, targets, forced, strict=True):
        attention = seen.weights[head.layer - 1, head.head - 1, int(head.when_read) :, 1:-1][: len(target)]
        result = PieceTranslation([Translated([target], [0.0], False, attention=[attention])], order=[source])
        found.append(aligner.align(text, translation, [Piece(source)], [result], 0))
    return found


def error_rate(alignments: Sequence[Alignment], direction: Direction) -> float:
    """Alignment error rate.

    Source: Och & Ney 2003, "A Systematic Comparison of Various Statistical Alignment Models".
    """
    good = total = 0
    for pair, alignment in zip(aligned_by_hand(), alignments, strict=True):
        links = set(alignment.links) if direction == FORTH else {(one, other) for other, one in alignment.links}
        good += len(links & pair.sure) + len(links & pair.possible)
        total += len(links) + len(pair.sure)
    return 1 - good / total


@pytest.mark.parametrize("direction", [FORTH, BACK], ids=str)
def test_the_embedded_model_aligns_as_people_do(direction: Direction) -> None:
    bundle = open_bundle(find_model())
    tokenizer, head = bundle.open_tokenizer(), bundle.translation.alignment
    assert head is not None
    measured = error_rate(align(bundle, tokenizer, direction, head), direction)
    assert measured < 0.13
    assert measured < min(error_rate(align(bundle, tokenizer, direction, last), direction) for last in LAST)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return open_bundle(find_model()).open_tokenizer()


def told(ids: list[int], attention: list[list[float]]) -> Translated:
    return Translated([ids], [0.0], False, attention=[np.asarray(attention, np.float32)])


def one_to_one(ids: list[int], source: list[int]) -> list[list[float]]:
    return np.eye(len(ids), len(source)).tolist()


def test_pieces_are_folded_to_words(tokenizer: Tokenizer) -> None:
    source, target = tokenizer.encode("Unbelievable!", "en"), tokenizer.encode("Incroyablement !", "fr")
    assert min(len(source), len(target)) > 2
    attention = [[1.0, *[0.0] * (len(source) - 1)]] * (len(target) - 1) + [[*[0.0] * (len(source) - 1), 1.0]]
    result = PieceTranslation([told(target, attention)], order=[source])
    found = WordAligner(tokenizer, FORTH).align(" Unbelievable!", "Incroyablement !", [Piece(source)], [result], 0)
    assert found.format() == "0-0 1-1"
    assert [(word.text, word.start) for word in found.source] == [("Unbelievable", 1), ("!", 13)]
    assert [(word.text, word.start) for word in found.target] == [("Incroyablement", 0), ("!", 15)]


def test_parts_follow_each_other_and_spans_stand_for_themselves(tokenizer: Tokenizer) -> None:
    one, other = tokenizer.encode("red", "en"), tokenizer.encode("cats", "en")
    result = PieceTranslation(
        [told(one, one_to_one(one, one)), told(other, one_to_one(other, other))],
        texts=["red #42 cats"],
        is_parted=True,
        order=[one, "#42", other],
    )
    found = WordAligner(tokenizer, FORTH).align("red #42 cats", "red #42 cats", [Piece(one)], [result], 0)
    assert [word.text for word in found.source] == ["red", "#", "42", "cats"]
    assert found.format().split()[0] == "0-0"
    assert found.format().split()[-1] == "3-3"
    assert {target for _, target in found.links} == {0, 1, 2, 3}


def test_characters_in_bytes(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("a ☃ b", "en")
    assert len(ids) > 4
    result = PieceTranslation([told(ids, one_to_one(ids, ids))], order=[ids])
    found = WordAligner(tokenizer, FORTH).align("a ☃ b", "a ☃ b", [Piece(ids)], [result], 0)
    assert found.format() == "0-0 1-1 2-2"


def test_a_text_that_is_its_own_translation(tokenizer: Tokenizer) -> None:
    aligner = WordAligner(tokenizer, FORTH)
    assert aligner.align("https", "https", [], [], 0).format() == "0-0"
    assert aligner.align("  ", "  ", [], [], 0) == Alignment([], [], [])


def test_marks_stand_for_their_spans(tokenizer: Tokenizer) -> None:
    """However many words a span has, each is linked to itself."""
    (mark,) = MARKS[:1]
    source, target = tokenizer.encode(f"see {mark} now", "en"), tokenizer.encode(f"{mark} voir", "fr")
    seen = np.zeros((len(target), len(source)), np.float32)
    seen[1:, 0] = 1
    piece = Piece(source, marked=f"see {mark} now", spans={mark: "https://a.b/c"})
    result = PieceTranslation([told(target, seen.tolist())], ["https://a.b/c voir"], order=[source])
    found = WordAligner(tokenizer, FORTH).align("see https://a.b/c now", "https://a.b/c voir", [piece], [result], 0)
    words = [word.text for word in found.source]
    assert words[0] == "see"
    assert words[-1] == "now"
    assert len(words) > 4
    assert found.links == [(0, len(words) - 2), *((number, number - 1) for number in range(1, len(words) - 1))]
