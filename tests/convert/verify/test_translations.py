from __future__ import annotations

import math
from pathlib import Path

import pytest

from xlmcli.bundle import open_bundle
from xlmcli.errors import DataError, GateError, UsageError
from xlmcli.records import Direction

torch = pytest.importorskip("torch")
pytest.importorskip("ctranslate2")

from xlmcli.convert.bundling import BundleOptions  # noqa: E402
from xlmcli.convert.verify.translations import (  # noqa: E402
    Agreement,
    check_agreements,
    format_agreement,
    verify_bundle,
    verify_folded,
)
from xlmcli.convert.xlm.translator import Checkpoint, open_checkpoint, write_folded  # noqa: E402


@pytest.fixture
def checkpoint(tiny_checkpoint: Path) -> Checkpoint:
    return open_checkpoint(tiny_checkpoint)


def test_a_faithful_bundle_agrees(checkpoint: Checkpoint, tiny_bundle: Path, sentences: dict[str, list[str]]) -> None:
    agreements = list(verify_bundle(checkpoint, open_bundle(tiny_bundle), sentences))
    assert [str(agreement.direction) for agreement in agreements] == ["en-fr", "fr-en"]
    for agreement in agreements:
        assert agreement.num_equal == agreement.num_sentences == 20
        assert 0 < agreement.max_score_difference < 1e-5


def test_a_bundle_of_another_model_is_caught(checkpoint: Checkpoint, tiny_bundle: Path) -> None:
    with torch.no_grad():
        checkpoint.model.encoder.lang_embeddings.weight.copy_(checkpoint.model.encoder.lang_embeddings.weight.flip(0))
    for agreement in verify_bundle(checkpoint, open_bundle(tiny_bundle), {}):
        assert agreement.num_equal < agreement.num_sentences
        assert agreement.max_score_difference > 1e-3


def test_wrong_scores_are_caught_where_the_words_agree(checkpoint: Checkpoint, tiny_bundle: Path) -> None:
    with torch.no_grad():
        # Sharper, so no other word becomes the likeliest.
        checkpoint.model.decoder.pred_layer.proj.weight = torch.nn.Parameter(
            checkpoint.model.decoder.pred_layer.proj.weight * 1.01
        )
        checkpoint.model.decoder.pred_layer.proj.bias *= 1.01
    agreement = next(verify_bundle(checkpoint, open_bundle(tiny_bundle), {}))
    assert agreement.num_equal == agreement.num_sentences > 0
    assert agreement.max_score_difference > 1e-3


def test_scores_that_are_no_numbers_fail(checkpoint: Checkpoint, tiny_bundle: Path) -> None:
    with torch.no_grad():
        checkpoint.model.decoder.pred_layer.proj.bias.fill_(math.nan)
    agreements = list(verify_bundle(checkpoint, open_bundle(tiny_bundle), {}))
    assert all(math.isnan(agreement.max_score_difference) for agreement in agreements)
    with pytest.raises(GateError, match="en-fr, fr-en: scores that are no numbers"):
        check_agreements(agreements, 0)


def test_a_language_that_nothing_is_translated_from(checkpoint: Checkpoint, tiny_bundle: Path, tmp_path: Path) -> None:
    texts = {"de": ["Hallo."]}
    with pytest.raises(UsageError, match="does not translate from 'de'"):
        list(verify_bundle(checkpoint, open_bundle(tiny_bundle), texts))
    with pytest.raises(UsageError, match="does not translate from 'en'") as caught:
        list(verify_folded(checkpoint, tmp_path, Direction("fr", "en"), "float32", {"en": ["Hello."]}))
    assert caught.value.hint == "it translates fr-en"


def test_a_folded_folder_agrees(checkpoint: Checkpoint, tmp_path: Path) -> None:
    direction = Direction("fr", "en")
    write_folded(checkpoint, tmp_path / "f", direction, BundleOptions(quantization="float32"))
    (agreement,) = verify_folded(checkpoint, tmp_path / "f", direction, "float32", {})
    assert agreement.num_equal == agreement.num_sentences > 0


def test_blank_and_endless_lines_are_no_obstacle(checkpoint: Checkpoint, tiny_bundle: Path) -> None:
    lines = {"en": ["", "   ", "word " * 500, "Hello."], "fr": []}
    forward, backward = verify_bundle(checkpoint, open_bundle(tiny_bundle), lines)
    assert (forward.num_sentences, forward.num_equal) == (2, 2)
    assert backward == Agreement(Direction("fr", "en"), 0, 0, 0.0)


@pytest.mark.parametrize(("num_equal", "min_share", "passes"), [(100, 1, True), (99, 1, False), (7, 0.07, True),
                                                                (6, 0.07, False), (0, 0, True)])  # fmt: skip
def test_too_little_agreement_fails(num_equal: int, min_share: float, passes: bool) -> None:
    agreements = [Agreement(Direction("en", "fr"), 100, 100, 0.0), Agreement(Direction("fr", "en"), 100, num_equal, 0)]
    if passes:
        check_agreements(agreements, min_share)
        return
    with pytest.raises(GateError) as caught:
        check_agreements(agreements, min_share)
    assert f"fr-en: {num_equal} of 100 greedy translations equal, wanted a share of {min_share}" in caught.value.message
    assert "en-fr" not in caught.value.message


def test_no_sentences_prove_nothing() -> None:
    with pytest.raises(DataError, match="fr-en: no sentences to compare on"):
        check_agreements([Agreement(Direction("fr", "en"), 0, 0, 0.0)], 0)


def test_the_report_reads_well() -> None:
    text = format_agreement(Agreement(Direction("en", "fr"), 500, 499, 0.000123))
    assert text == "en-fr: 499 of 500 greedy translations equal, scores differ by at most 1.2e-04 nats a token"
