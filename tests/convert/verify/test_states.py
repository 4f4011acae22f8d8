from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from xlmcli.errors import DataError, GateError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

from safetensors.torch import load_file, save_file  # noqa: E402

from xlmcli.bundle import Bundle  # noqa: E402
from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.verify.states import (  # noqa: E402
    Closeness,
    check_closeness,
    format_closeness,
    verify_encoder,
)
from xlmcli.convert.xlm.encoder import EncoderCheckpoint, open_encoder  # noqa: E402


@pytest.fixture
def checkpoint(published_classifier: Path) -> EncoderCheckpoint:
    return open_encoder(published_classifier)


@pytest.fixture
def bundle(checkpoint: EncoderCheckpoint, tmp_path: Path) -> Bundle:
    return write_bundle(checkpoint, tmp_path / "bundle", BundleOptions(quantization="float32"))


def test_a_faithful_bundle_agrees(checkpoint: EncoderCheckpoint, bundle: Bundle) -> None:
    results = list(verify_encoder(checkpoint, bundle, {}))
    assert [result.lang for result in results] == ["en", "fr"]
    for result in results:
        assert result.num_equal == result.num_texts > 0
        assert 0 < result.max_difference < 1e-4


@pytest.mark.parametrize("name", ["lang_embeddings.weight", "layer_norm2.1.bias", "sequence_summary.summary.weight"])
def test_a_bundle_of_another_model_is_caught(checkpoint: EncoderCheckpoint, bundle: Bundle, name: str) -> None:
    other = replace(checkpoint, state={**checkpoint.state, name: -checkpoint.state[name]})
    (result, _) = verify_encoder(other, bundle, {})
    if name.startswith("sequence_summary"):
        assert result.num_equal is not None
        assert result.num_equal < result.num_texts
    else:
        assert result.max_difference > 0.1


def test_given_texts_are_used_and_blank_and_endless_ones_are_no_obstacle(
    checkpoint: EncoderCheckpoint, bundle: Bundle
) -> None:
    (result,) = verify_encoder(checkpoint, bundle, {"fr": ["", "  ", "mot " * 500, "Bonjour."]})
    assert (result.lang, result.num_texts, result.num_equal) == ("fr", 2, 2)
    assert result.max_difference < 1e-4


def test_an_encoder_without_languages_is_compared_on_english(
    make_published: Callable[..., Path], tmp_path: Path
) -> None:
    checkpoint = open_encoder(make_published("XLMModel"))
    bundle = write_bundle(checkpoint, tmp_path / "b", BundleOptions(quantization="float32"))
    (result,) = verify_encoder(checkpoint, bundle, {})
    assert (result.lang, result.num_equal) == ("en", None)
    assert result.num_texts > 0
    assert result.max_difference < 1e-4


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (Closeness("en", 100, 0.5, 98), None),
        (Closeness("en", 100, 0.5, None), None),
        (Closeness("en", 100, 0.5, 97), "en: 97 of 100 labels equal, wanted a share of 0.98"),
        (Closeness("en", 100, 0.6, 100), "en: states differ by 6.0e-01, wanted at most 0.5"),
        (Closeness("en", 100, float("nan"), 100), "en: states differ by nan"),
    ],
)
def test_what_is_not_close_enough_fails(result: Closeness, message: str | None) -> None:
    fine = Closeness("fr", 100, 0.0, 100)
    if message is None:
        check_closeness([fine, result], 0.98, 0.5)
        return
    with pytest.raises(GateError) as caught:
        check_closeness([fine, result], 0.98, 0.5)
    assert message in caught.value.message
    assert "fr" not in caught.value.message


def test_no_limit_lets_any_distance_pass() -> None:
    check_closeness([Closeness("en", 1, 1e9, None)], 0, None)
    with pytest.raises(GateError, match="states differ by nan"):
        check_closeness([Closeness("en", 1, float("nan"), None)], 0, None)


def test_states_that_are_no_numbers_are_told(make_published: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_published("XLMModel")
    bundle = write_bundle(open_encoder(folder), tmp_path / "b", BundleOptions(quantization="float32"))
    state = load_file(folder / "model.safetensors")
    state["layer_norm_emb.bias"].fill_(float("nan"))
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (result,) = verify_encoder(open_encoder(folder), bundle, {})
    assert math.isnan(result.max_difference)


def test_no_texts_prove_nothing() -> None:
    with pytest.raises(DataError, match="en: no texts to compare on"):
        check_closeness([Closeness("en", 0, 0.0, None)], 0, None)


def test_the_report_reads_well() -> None:
    assert format_closeness(Closeness("en", 300, 0.00123, 298)) == (
        "en: 298 of 300 labels equal, states of 300 texts differ by at most 1.2e-03"
    )
    assert format_closeness(Closeness("fr", 8, 3e-6, None)) == "fr: states of 8 texts differ by at most 3.0e-06"
