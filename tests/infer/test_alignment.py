"""Links between words: those that people drew, and those of pieces, spans and parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.alignment import BACK, FORTH, measure
from xlmcli.bundle import Bundle, find_model, open_bundle
from xlmcli.infer.alignment import Alignment, SymmetricTranslations, WordAligner
from xlmcli.infer.decoding import Translated
from xlmcli.infer.directions import open_engine
from xlmcli.infer.engine import EngineOptions
from xlmcli.infer.guards import PieceTranslation
from xlmcli.infer.pieces import Piece
from xlmcli.model.forced import ForcedTranslations
from xlmcli.records import Direction
from xlmcli.text import Tokenizer
from xlmcli.text.marks import MARKS


@pytest.mark.parametrize("direction", [FORTH, BACK], ids=str)
def test_the_embedded_model_aligns_as_people_do(direction: Direction) -> None:
    rates = measure(open_bundle(find_model()), direction)
    assert rates["--symmetric"] < rates["--alignment"] < 0.13 < rates["the best head of the last layer"]


def test_the_engine_looks_where_the_network_does(tiny_bundle: Path) -> None:
    """At translations that are given, of different lengths in a batch."""
    bundle = open_bundle(tiny_bundle)
    tokenizer, head = bundle.open_tokenizer(), bundle.translation.alignment_head
    assert head is not None
    texts, translations = [[300, 17, 350], [*range(290, 320)], [410]], [[280], [400, 277, 15, 333], [*range(300, 312)]]
    for when_read in (False, True):
        part = replace(bundle.translation, alignment_head=replace(head, when_read=when_read))
        chosen = Bundle(bundle.path, replace(bundle.manifest, translation=part))
        engine = open_engine(chosen, FORTH, tokenizer, EngineOptions("cpu", "float32"), aligns=True)
        forced = ForcedTranslations(bundle, FORTH).run(
            *([[tokenizer.vocab[index] for index in ids] for ids in side] for side in (texts, translations))
        )
        for text, said, found, output in zip(
            texts, translations, engine.force(texts, translations), forced, strict=True
        ):
            wanted = output.weights[head.layer - 1, head.head - 1, int(when_read) :, 1:-1][: len(said)]
            assert found.shape == (len(said), len(text))
            assert np.abs(found - wanted).max() < 1e-4


def test_what_cannot_be_read_back_counts_as_agreed(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    engine = open_engine(bundle, BACK, bundle.open_tokenizer(), EngineOptions("cpu", "float32"), aligns=True)
    text, too_long = [300, 17], [300] * (engine.max_source_tokens + 1)
    attention = np.full((len(too_long), 2), 0.5, np.float32)
    results = [
        PieceTranslation(
            Piece(text), [Translated([[310, 311]], [0.0], False, attention=[attention[:2]])], order=[text]
        ),
        PieceTranslation(Piece(text), [Translated([too_long], [0.0], False, attention=[attention])], order=[text]),
        PieceTranslation(Piece(text), [Translated([[]], [0.0], False, attention=[attention[:0]])], order=[text]),
    ]

    class Done:
        def wait(self) -> list[PieceTranslation]:
            return results

    first, second, third = SymmetricTranslations(Done(), engine).wait()
    (back,) = engine.force([[310, 311]], [text])
    assert np.array_equal(first.translated[0].attention[0], attention[:2] * back.T)
    assert np.array_equal(second.translated[0].attention[0], attention)
    assert third.translated[0].attention[0].shape == (0, 2)


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
    result = PieceTranslation(Piece(source), [told(target, attention)], order=[source])
    found = WordAligner(tokenizer, FORTH).align(" Unbelievable!", "Incroyablement !", [result], 0)
    assert found.format() == "0-0 1-1"
    assert [(word.text, word.start) for word in found.source] == [("Unbelievable", 1), ("!", 13)]
    assert [(word.text, word.start) for word in found.target] == [("Incroyablement", 0), ("!", 15)]


def test_parts_follow_each_other_and_spans_stand_for_themselves(tokenizer: Tokenizer) -> None:
    one, other = tokenizer.encode("red", "en"), tokenizer.encode("cats", "en")
    result = PieceTranslation(
        Piece(one),
        [told(one, one_to_one(one, one)), told(other, one_to_one(other, other))],
        texts=["red #42 cats"],
        is_parted=True,
        order=[one, "#42", other],
    )
    found = WordAligner(tokenizer, FORTH).align("red #42 cats", "red #42 cats", [result], 0)
    assert [word.text for word in found.source] == ["red", "#", "42", "cats"]
    assert found.format().split()[0] == "0-0"
    assert found.format().split()[-1] == "3-3"
    assert {target for _, target in found.links} == {0, 1, 2, 3}


def test_characters_in_bytes(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("a ☃ b", "en")
    assert len(ids) > 4
    result = PieceTranslation(Piece(ids), [told(ids, one_to_one(ids, ids))], order=[ids])
    found = WordAligner(tokenizer, FORTH).align("a ☃ b", "a ☃ b", [result], 0)
    assert found.format() == "0-0 1-1 2-2"


def test_a_text_that_is_its_own_translation(tokenizer: Tokenizer) -> None:
    aligner = WordAligner(tokenizer, FORTH)
    assert aligner.align("https", "https", [], 0).format() == "0-0"
    assert aligner.align("  ", "  ", [], 0) == Alignment([], [], [])


def test_marks_stand_for_their_spans(tokenizer: Tokenizer) -> None:
    """However many words a span has, each is linked to itself."""
    (mark,) = MARKS[:1]
    source, target = tokenizer.encode(f"see {mark} now", "en"), tokenizer.encode(f"{mark} voir", "fr")
    seen = np.zeros((len(target), len(source)), np.float32)
    seen[1:, 0] = 1
    piece = Piece(source, text=f"see {mark} now", spans={mark: "https://a.b/c"})
    result = PieceTranslation(piece, [told(target, seen.tolist())], ["https://a.b/c voir"], order=[source])
    found = WordAligner(tokenizer, FORTH).align("see https://a.b/c now", "https://a.b/c voir", [result], 0)
    words = [word.text for word in found.source]
    assert words[0] == "see"
    assert words[-1] == "now"
    assert len(words) > 4
    assert found.links == [(0, len(words) - 2), *((number, number - 1) for number in range(1, len(words) - 1))]


def test_what_stands_before_a_piece_is_linked_to_itself(tokenizer: Tokenizer) -> None:
    ids, said = tokenizer.encode("1 apple.", "en"), tokenizer.encode("1 pomme.", "fr")
    attention = np.eye(len(said), len(ids), dtype=np.float32)
    result = PieceTranslation(
        Piece(ids, "1) ", given=(("1)", "1)"),)), [Translated([said], [0.0], False, attention=[attention])], order=[ids]
    )
    alignment = WordAligner(tokenizer, FORTH).align("1) 1 apple.", "1) 1 pomme.", [result], 0)
    assert [word.text for word in alignment.source] == ["1", ")", "1", "apple", "."]
    assert alignment.links[:3] == [(0, 0), (1, 1), (2, 2)]


def test_what_was_remembered_takes_no_links_of_others(tokenizer: Tokenizer) -> None:
    """Also where it is far longer than the letters that are compared at once, and has as many words."""
    known, given = "the red dog was red, " * 12 + "and so on.", "Voici ce que l'on sait, " * 12 + "et fin."
    ids, said = tokenizer.encode("The red dog.", "en"), tokenizer.encode("Le chien rouge.", "fr")
    attention = np.eye(len(said), len(ids), dtype=np.float32)
    result = PieceTranslation(
        Piece(ids, given=((known, given),)), [Translated([said], [0.0], False, attention=[attention])], order=[ids]
    )
    aligner = WordAligner(tokenizer, FORTH)
    text, translation = f"{known} The red dog. The dog is red.", f"{given} Le chien rouge. Le chien rouge là."
    behind = (("The dog is red.", "Le chien rouge là."),)
    alignment = aligner.align(text, translation, [result], 0, behind)
    linked = {(alignment.source[one].start, alignment.target[other].start) for one, other in alignment.links}
    begin, begin_other = text.index("The red dog."), translation.index("Le chien rouge.")
    assert (begin, begin_other) in linked
    assert all(begin <= one < begin + 12 and begin_other <= other < begin_other + 15 for one, other in linked)
    assert not aligner.align(*behind[0], [], 0, behind).links
    assert len(aligner.align("Ça va.", "Ça va.", [], 0, (("Ça va.", "Ça va."),)).links) == 3
