from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xlmcli.bundle import open_bundle
from xlmcli.errors import ModelError
from xlmcli.infer.engine import EncoderEngine, EngineOptions
from xlmcli.text import load_tokenizer
from xlmcli.text.special import EOS_ID

TEXTS = [[300 + index] * (1 + index) for index in range(12)]


def open_engine(path: Path, *, num_workers: int = 1) -> EncoderEngine:
    bundle = open_bundle(path)
    return EncoderEngine(
        bundle.read_files(),
        load_tokenizer(path).vocab,
        bundle.manifest.tokens,
        bundle.manifest.limits,
        EngineOptions("cpu", num_threads=1, num_workers=num_workers),
        tells_languages=True,
    )


@pytest.fixture(scope="module")
def engine(tiny_encoder: Path) -> EncoderEngine:
    return open_engine(tiny_encoder)


def test_special_tokens_are_counted_and_padding_is_not(engine: EncoderEngine) -> None:
    states = engine.submit([[], *TEXTS], [0] * 13).wait()
    assert [array.shape for array in states] == [(length + 2, 32) for length in range(13)]
    assert engine.separator_ids == [EOS_ID]


def test_the_longest_text_fits(engine: EncoderEngine) -> None:
    assert engine.max_source_tokens == 46
    (states,) = engine.submit([[300] * 46]).wait()
    assert states.shape == (48, 32)


def test_states_do_not_depend_on_their_neighbours(engine: EncoderEngine) -> None:
    langs = [0, 1, None] * 4
    together = engine.submit(TEXTS, langs).wait()
    for text, lang, states in zip(TEXTS, langs, together, strict=True):
        (alone,) = engine.submit([text], [lang]).wait()
        assert np.abs(states - alone).max() < 1e-5


def test_no_language_for_one_is_as_for_all(engine: EncoderEngine) -> None:
    told, untold = engine.submit([TEXTS[5]] * 2, [1, None]).wait()
    (silent,) = engine.submit([TEXTS[5]]).wait()
    assert np.abs(untold - silent).max() < 1e-5
    assert np.abs(untold - told).max() > 0.1


def test_batches_overlap_and_come_back_in_order(tiny_encoder: Path) -> None:
    engine = open_engine(tiny_encoder, num_workers=2)
    assert engine.num_workers == 2
    pending = [engine.submit([text], [0]) for text in TEXTS * 3]
    assert [len(batch.wait()[0]) for batch in pending] == [len(text) + 2 for text in TEXTS] * 3


def test_a_failure_of_the_engine_says_what_to_do(engine: EncoderEngine) -> None:
    with pytest.raises(ModelError, match="the engine failed") as caught:
        engine.submit([[300] * 60]).wait()
    assert "--max-batch-tokens" in (caught.value.hint or "")
