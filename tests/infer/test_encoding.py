from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from xlmcli.bundle import open_bundle
from xlmcli.infer.encoders import TextEncoder
from xlmcli.infer.encoding import Encoding, PairEncoding, TokenEncoding
from xlmcli.infer.engine import EncoderEngine, EngineOptions
from xlmcli.infer.reading import Line
from xlmcli.infer.records.text import TextRecord
from xlmcli.text import Tokenizer, load_tokenizer

CPU = EngineOptions("cpu", num_threads=1, num_workers=1)
TEXT = "The train to the coast leaves at seven."


def answer(work: Any, text: str, pair: str | None = None) -> Any:
    record = TextRecord(Line(text, "\n", "test", 1, b""), 0, text, pair)
    (prepared,) = work.prepare([record])
    results = work.submit(prepared.pieces).wait() if prepared.pieces else []
    return work.finish(record, prepared, results)


@pytest.fixture(scope="module")
def encoder(tiny_encoder: Path) -> TextEncoder:
    return TextEncoder(open_bundle(tiny_encoder), CPU)


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder: Path) -> Tokenizer:
    return load_tokenizer(tiny_encoder)


@pytest.fixture(scope="module")
def states(tiny_encoder: Path, tokenizer: Tokenizer) -> NDArray[np.float32]:
    """The bare engine's states of ``TEXT`` in French."""
    bundle = open_bundle(tiny_encoder)
    manifest = bundle.manifest
    engine = EncoderEngine(
        bundle.read_files(), tokenizer.vocab, manifest.tokens, manifest.limits, CPU, tells_languages=True
    )
    (result,) = engine.submit([tokenizer.encode(TEXT)], [1]).wait()
    return result


def test_vectors_pool_the_states_of_the_engine(encoder: TextEncoder, states: NDArray[np.float32]) -> None:
    expected = {"first": states[0], "mean": states.mean(axis=0), "max": states.max(axis=0)}
    for pooling, vector in expected.items():
        found = answer(Encoding(encoder, "fr", pooling), TEXT)  # type: ignore[arg-type]
        np.testing.assert_allclose(found.vector, vector, atol=1e-5)


def test_a_classifier_encodes_too(tiny_classifier: Path) -> None:
    encoder = TextEncoder(open_bundle(tiny_classifier), CPU)
    assert answer(Encoding(encoder, "en", "mean"), TEXT).vector.shape == (32,)


def test_token_states_are_those_of_the_engine(
    encoder: TextEncoder, states: NDArray[np.float32], tokenizer: Tokenizer
) -> None:
    found = answer(TokenEncoding(encoder, "fr"), TEXT)
    assert found.ids == tokenizer.encode(TEXT)
    assert list(found.pieces) == [tokenizer.vocab[index] for index in found.ids]
    np.testing.assert_allclose(found.states, states[1:-1], atol=1e-5)


def test_what_is_kept_of_a_short_text_does_not_keep_its_batch_in_memory(encoder: TextEncoder) -> None:
    work = TokenEncoding(encoder, "fr")
    texts = [TEXT, "Good morning."]
    prepared = work.prepare([TextRecord(Line(text, "\n", "test", 1, b""), 0, text, None) for text in texts])
    results = work.submit([piece for record in prepared for piece in record.pieces]).wait()
    assert [result.base is None for result in results] == [True, True]


def test_long_texts_are_read_in_passages(encoder: TextEncoder, sentences: dict[str, list[str]]) -> None:
    text = " ".join(sentences["en"][:8])
    for pooling in ("first", "mean", "max"):
        work = Encoding(encoder, "en", pooling)  # type: ignore[arg-type]
        (prepared,) = work.prepare([TextRecord(Line(text, "\n", "test", 1, b""), 0, text)])
        assert len(prepared.pieces) > 1
        parts = np.stack([work.submit([piece]).wait()[0] for piece in prepared.pieces])
        lens = np.array([len(piece.ids) for piece in prepared.pieces])[:, None]
        expected = parts.max(axis=0) if pooling == "max" else (parts * lens).sum(axis=0) / lens.sum()
        found = answer(work, text)
        np.testing.assert_allclose(found.vector, expected, atol=1e-5)
        assert found.vector.dtype == np.float32
        assert found.warnings == ()
    tokens = answer(TokenEncoding(encoder, "en"), text)
    assert len(tokens.ids) == len(tokens.states) == lens.sum()


def test_what_was_cut_is_marked(encoder: TextEncoder) -> None:
    work = Encoding(encoder, "en", "mean")
    assert answer(work, "the cat sleeps on " * 30).warnings == ("cut",)


def test_blank_text_has_zeros(encoder: TextEncoder) -> None:
    blank = answer(Encoding(encoder, None, "mean"), " \t")
    assert blank.is_blank
    np.testing.assert_array_equal(blank.vector, np.zeros(32))
    assert answer(TokenEncoding(encoder, None), "").states.shape == (0, 32)


def test_similarity_is_the_cosine_of_two_vectors(encoder: TextEncoder) -> None:
    first, second = "Good morning.", "Bonjour."
    vectors = [answer(Encoding(encoder, lang, "mean"), text).vector for lang, text in (("en", first), ("fr", second))]
    expected = vectors[0] @ vectors[1] / np.linalg.norm(vectors[0]) / np.linalg.norm(vectors[1])
    work = PairEncoding(encoder, ("en", "fr"), "mean")
    assert answer(work, first, second).score == pytest.approx(expected, abs=1e-5)
    assert answer(PairEncoding(encoder, ("fr", "fr"), "mean"), first, second).score != pytest.approx(expected, abs=1e-4)
    assert answer(work, first, " ").score is None
