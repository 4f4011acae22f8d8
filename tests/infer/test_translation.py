from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from xlmcli.bundle import Bundle, open_bundle
from xlmcli.errors import ModelError, UsageError
from xlmcli.infer.decoding import Decoding, Translated
from xlmcli.infer.directions import SearchOptions, choose_direction, open_translation
from xlmcli.infer.engine import EngineOptions
from xlmcli.infer.guards import GuardedTranslations
from xlmcli.infer.hypotheses import Translations
from xlmcli.infer.opening import open_model
from xlmcli.infer.reading import Line
from xlmcli.infer.records.text import TextRecord
from xlmcli.infer.translation import Translation
from xlmcli.records import Direction
from xlmcli.text.byte_pieces import BytePieces

CPU = EngineOptions("cpu", num_threads=1)


def open_tiny(path: Path, **search: float) -> Translation:
    return open_translation(open_model(path), "en", "fr", SearchOptions(**search), CPU)  # type: ignore[arg-type]


def translate(translation: Translation, text: str) -> Translations:
    record = TextRecord(Line(text, "\n", "test", 1, b""), 0, text)
    (prepared,) = translation.prepare([record])
    results = translation.submit(prepared.pieces).wait() if prepared.pieces else []
    return translation.finish(record, prepared, results)


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path) -> Bundle:
    return open_bundle(tiny_bundle)


@pytest.fixture(scope="module")
def one_way(bundle: Bundle) -> Bundle:
    part = replace(bundle.translation, directions=(Direction("en", "fr"),))
    return replace(bundle, manifest=replace(bundle.manifest, translation=part))


def test_the_only_direction_needs_no_naming(bundle: Bundle, one_way: Bundle) -> None:
    assert choose_direction(one_way, None, None) == Direction("en", "fr")
    assert choose_direction(bundle, "fr", None) == Direction("fr", "en")
    assert choose_direction(bundle, None, "fr") == Direction("en", "fr")
    assert choose_direction(bundle, "fr", "en") == Direction("fr", "en")


@pytest.mark.parametrize(
    ("src", "tgt", "error", "message"),
    [
        (None, None, UsageError, "several directions"),
        ("de", None, ModelError, "does not translate from 'de'"),
        (None, "de", ModelError, "does not translate into 'de'"),
        ("en", "de", ModelError, "does not translate from 'en' to 'de'"),
        ("en", "en", ModelError, "does not translate from 'en' to 'en'"),
    ],
)
def test_impossible_directions_list_what_is_possible(
    bundle: Bundle, src: str | None, tgt: str | None, error: type[UsageError | ModelError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        choose_direction(bundle, src, tgt)
    for word in ("en", "fr"):
        assert word in (caught.value.hint or "")


def test_a_beam_must_be_as_wide_as_the_answers_wanted(tiny_bundle: Path) -> None:
    with pytest.raises(UsageError, match="--n-best 5"):
        SearchOptions(beam_size=4, num_best=5)
    answer = translate(open_tiny(tiny_bundle, num_best=6), "Good morning.")
    assert len(answer.hypotheses) == 6


def test_blank_text_is_its_own_translation(tiny_bundle: Path) -> None:
    answer = translate(open_tiny(tiny_bundle, num_best=2), " \t")
    assert [hypothesis.text for hypothesis in answer.hypotheses] == [" \t"] * 2
    assert answer.warnings == ()


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_pieces_are_translated_apart_and_joined(
    tiny_bundle: Path, sentences: dict[str, list[str]], length_penalty: float
) -> None:
    translation = open_tiny(tiny_bundle, beam_size=1, length_penalty=length_penalty, with_scores=True)
    answers = {sentence: translate(translation, sentence) for sentence in sentences["en"]}
    finished = [sentence for sentence, answer in answers.items() if "unfinished" not in answer.warnings][:8]
    apart = [answers[sentence].hypotheses[0] for sentence in finished]
    (joined,) = translate(translation, " ".join(finished)).hypotheses
    assert joined.text == " ".join(part.text for part in apart)
    if length_penalty:
        assert min(part.score for part in apart) < joined.score < max(part.score for part in apart)
    else:
        assert joined.score == pytest.approx(sum(part.score for part in apart), abs=1e-4)


def test_a_sentence_too_long_is_cut_and_marked(tiny_bundle: Path) -> None:
    translation = open_tiny(tiny_bundle, beam_size=1)
    answer = translate(translation, "the cat sleeps on " * 30)
    assert "cut" in answer.warnings
    assert answer.hypotheses[0].text


def test_line_ends_inside_a_text_stay(tiny_bundle: Path) -> None:
    translation = open_tiny(tiny_bundle, beam_size=1)
    first, second = (translate(translation, text).hypotheses[0].text for text in ("Good morning.", "How are you?"))
    answer = translate(translation, "Good morning.\n\nHow are you?\r\n")
    assert answer.hypotheses[0].text == f"{first}\n\n{second}\r\n"


LOOP, SANE, SHORT = [300] * 9, [301, 302, 303], [304]


class LoopingEngine:
    """Loops on sources that begin with 300, unless repeats are forbidden."""

    max_source_tokens = 46
    byte_pieces = BytePieces({})

    def __init__(self) -> None:
        self.decodings: list[Decoding] = []

    def submit(self, batch: Sequence[Sequence[int]], decoding: Decoding) -> LoopingEngine:
        self.decodings.append(decoding)
        is_free = decoding.no_repeat_ngram == 0
        self.results = [
            Translated([LOOP if ids[0] == 300 and is_free else SANE], [-1.0], is_unfinished=False) for ids in batch
        ]
        return self

    def wait(self) -> list[Translated]:
        return self.results


def test_a_translation_that_loops_is_searched_for_once_more() -> None:
    engine = LoopingEngine()
    beam = Decoding(beam_size=4, length_penalty=1.0)
    pending = GuardedTranslations(engine, [SHORT, [300, 5], SHORT], beam)  # type: ignore[arg-type]
    assert [result.hypotheses for result in pending.wait()] == [[SANE]] * 3
    assert engine.decodings == [beam, replace(beam, no_repeat_ngram=3)]


def test_a_greedy_search_is_left_as_it_is() -> None:
    engine = LoopingEngine()
    greedy = Decoding(beam_size=1, length_penalty=1.0)
    (result,) = GuardedTranslations(engine, [[300, 5]], greedy).wait()  # type: ignore[arg-type]
    assert (result.hypotheses, engine.decodings) == ([LOOP], [greedy])


def test_a_source_that_repeats_itself_may_be_repeated() -> None:
    engine = LoopingEngine()
    beam = Decoding(beam_size=4, length_penalty=1.0)
    (result,) = GuardedTranslations(engine, [LOOP], beam).wait()  # type: ignore[arg-type]
    assert result.hypotheses == [LOOP]
    assert engine.decodings == [beam]
