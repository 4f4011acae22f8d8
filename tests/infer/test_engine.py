from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from xlmcli.bundle import Bundle, open_bundle
from xlmcli.errors import ModelError, UsageError
from xlmcli.infer.decoding import Decoding
from xlmcli.infer.engine import EngineOptions, TranslationEngine
from xlmcli.records import Direction
from xlmcli.text import Tokenizer, load_tokenizer

CPU = EngineOptions("cpu", num_threads=1)
GREEDY = Decoding(beam_size=1, length_penalty=1.0)


@pytest.fixture(scope="module")
def tokenizer(tiny_bundle: Path) -> Tokenizer:
    return load_tokenizer(tiny_bundle)


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path) -> Bundle:
    return open_bundle(tiny_bundle)


def open_engine(bundle: Bundle, tokenizer: Tokenizer, options: EngineOptions = CPU) -> TranslationEngine:
    manifest = bundle.manifest
    files = bundle.folded_files(Direction("en", "fr"))
    return TranslationEngine(
        files,
        tokenizer.vocab,
        manifest.tokens,
        manifest.limits,
        options,
        max_target_positions=bundle.translation.max_target_positions,
    )


@pytest.fixture(scope="module")
def engine(bundle: Bundle, tokenizer: Tokenizer) -> TranslationEngine:
    return open_engine(bundle, tokenizer)


def test_the_longest_source_and_target_fit(engine: TranslationEngine, bundle: Bundle) -> None:
    limits = bundle.manifest.limits
    num_tokens = engine.max_source_tokens
    assert num_tokens + 2 == limits.max_source_positions
    sources = [[280 + (step * index) % 120 for index in range(num_tokens)] for step in range(1, 100)]
    results = engine.submit(sources, GREEDY).wait()
    unfinished = [result for result in results if result.is_unfinished]
    assert unfinished
    assert {len(result.hypotheses[0]) for result in unfinished} == {bundle.translation.max_target_positions}


def test_scores_come_only_when_asked_for(engine: TranslationEngine) -> None:
    source = [300, 301, 302]
    (silent,) = engine.submit([source], Decoding(3, 1.0, num_best=3)).wait()
    (scored,) = engine.submit([source], Decoding(3, 1.0, num_best=3, with_scores=True)).wait()
    assert silent.scores == [0.0] * 3
    assert len(scored.hypotheses) == 3
    assert scored.scores == sorted(scored.scores, reverse=True)
    assert all(score < 0 for score in scored.scores)


def test_no_n_gram_comes_twice_where_that_is_forbidden(engine: TranslationEngine) -> None:
    def repeats(decoding: Decoding) -> bool:
        sources = [[280 + (step * index) % 120 for index in range(30)] for step in range(1, 60)]
        outputs = [result.hypotheses[0] for result in engine.submit(sources, decoding).wait()]
        trigrams = [list(zip(ids, ids[1:], ids[2:], strict=False)) for ids in outputs]
        return any(len(set(grams)) < len(grams) for grams in trigrams)

    assert repeats(GREEDY)
    assert not repeats(replace(GREEDY, no_repeat_ngram=3))


@pytest.mark.parametrize("beam_size", [1, 4])
def test_nothing_is_spelt_in_bytes_where_that_is_forbidden(
    bundle: Bundle, tokenizer: Tokenizer, beam_size: int
) -> None:
    engine = open_engine(bundle, tokenizer)

    def said(decoding: Decoding) -> set[str]:
        sources = [[280 + (step * index) % 120 for index in range(30)] for step in range(1, 20)]
        results = engine.submit(sources, decoding).wait()
        return {tokenizer.vocab[index] for result in results for ids in result.hypotheses for index in ids}

    decoding = Decoding(beam_size, 1.0, num_best=beam_size)
    # The model writes no bytes: these stand for them.
    engine.byte_pieces.pieces = tuple(said(decoding))
    assert engine.byte_pieces.pieces
    assert said(replace(decoding, without_bytes=True)).isdisjoint(engine.byte_pieces.pieces)


@pytest.mark.parametrize(
    ("num_threads", "num_workers", "expected"),
    [(None, None, (6, 1)), (2, None, (3, 2)), (9, None, (1, 9)), (None, 4, (4, 1)), (None, 2, (2, 3)), (5, 5, (5, 5))],
)
def test_cores_are_shared_out(
    monkeypatch: pytest.MonkeyPatch,
    bundle: Bundle,
    tokenizer: Tokenizer,
    num_threads: int | None,
    num_workers: int | None,
    expected: tuple[int, int],
) -> None:
    given: list[tuple[int, int]] = []

    class Recorder:
        def __init__(self, *_: object, inter_threads: int, intra_threads: int, **__: object) -> None:
            given.append((inter_threads, intra_threads))

    monkeypatch.setattr("xlmcli.infer.engine.count_usable_cores", lambda: 6)
    monkeypatch.setattr("ctranslate2.Translator", Recorder)
    open_engine(bundle, tokenizer, EngineOptions("cpu", num_threads=num_threads, num_workers=num_workers))
    assert given == [expected]


class Unable:
    """Stands in for the engine's translator; fails at once, or while it is waited for."""

    is_late = False

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def translate_batch(self, batch: list[list[str]], **_: object) -> list[Unable]:
        if not self.is_late:
            raise RuntimeError("CUDA failed with error out of memory")
        return [self] * len(batch)

    def result(self) -> None:
        raise RuntimeError("CUDA failed with error out of memory")


@pytest.mark.parametrize("is_late", [False, True])
def test_a_failure_of_the_engine_says_what_to_do(
    bundle: Bundle, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    monkeypatch.setattr("ctranslate2.Translator", Unable)
    monkeypatch.setattr(Unable, "is_late", is_late)
    engine = open_engine(bundle, tokenizer)
    with pytest.raises(ModelError, match="the engine failed: CUDA failed with error out of memory") as caught:
        engine.submit([[300]], GREEDY).wait()
    assert "--max-batch-tokens" in (caught.value.hint or "")
    assert "--device cpu" in (caught.value.hint or "")


def test_unknown_compute_types_are_refused(bundle: Bundle, tokenizer: Tokenizer) -> None:
    with pytest.raises(UsageError, match="does not compute in int7") as caught:
        open_engine(bundle, tokenizer, EngineOptions("cpu", "int7"))
    assert "float32" in (caught.value.hint or "")


def test_a_missing_gpu_is_said(bundle: Bundle, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 0)
    with pytest.raises(UsageError, match="no CUDA device"):
        open_engine(bundle, tokenizer, EngineOptions("cuda"))


def test_files_that_are_no_model_are_refused(bundle: Bundle, tokenizer: Tokenizer) -> None:
    manifest = bundle.manifest
    files = {**bundle.read_files(), "model.bin": b"\x06\x00\x00\x00"}
    with pytest.raises(ModelError, match="cannot load"):
        TranslationEngine(files, tokenizer.vocab, manifest.tokens, manifest.limits, CPU, max_target_positions=48)


@pytest.mark.parametrize("beam_size", [1, 4])
def test_an_answer_does_not_depend_on_its_neighbours(
    engine: TranslationEngine, tokenizer: Tokenizer, sentences: dict[str, list[str]], beam_size: int
) -> None:
    """A random model hardly ever ends by itself, so most of these reach the limit of their length."""
    decoding = Decoding(beam_size, length_penalty=1.0, with_scores=True)
    texts = [tokenizer.encode(text)[: engine.max_source_tokens] for text in sentences["en"]]
    together = engine.submit(texts, decoding).wait()
    for ids, result in zip(texts, together, strict=True):
        (alone,) = engine.submit([ids], decoding).wait()
        assert (alone.hypotheses, alone.is_unfinished) == (result.hypotheses, result.is_unfinished)
        assert alone.scores == pytest.approx(result.scores, abs=1e-4)
    assert any(result.is_unfinished for result in together)
