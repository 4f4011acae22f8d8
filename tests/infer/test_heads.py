from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from xlmcli.bundle import Bundle, ClassifierPart, open_bundle
from xlmcli.errors import ModelError
from xlmcli.infer.heads import ClassifierHead
from xlmcli.infer.states import States

TEXT = [[1.0, 5.0], [2.0, -4.0], [6.0, 2.0]]
WEIGHT = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32)
BIAS = np.array([0, 0.5, -1], dtype=np.float32)


def states(*texts: list[list[float]]) -> States:
    """Padded with something that must not count."""
    padded = np.full((len(texts), max(map(len, texts)), 2), np.nan, dtype=np.float32)
    for row, text in zip(padded, texts, strict=True):
        row[: len(text)] = text
    return States(padded, list(map(len, texts)))


def head(**part: object) -> ClassifierHead:
    return ClassifierHead(WEIGHT, BIAS, ClassifierPart(("a", "b", "c"), **part))  # type: ignore[arg-type]


def test_scores_are_the_layers_outputs() -> None:
    assert head().score(states(TEXT, [[2, 6]])).tolist() == [[1, 5.5, 5], [2, 6.5, 7]]
    assert head(activation="tanh").score(states([[0.1, 0.5]]))[0] == pytest.approx(np.tanh([0.1, 1, -0.4]))


def test_one_label_a_text_shares_out_the_probability() -> None:
    (row,) = head(pooling="mean").probabilities(states(TEXT))
    powers = np.exp([3, 1.5, 3])
    assert row == pytest.approx(powers / powers.sum())


def test_any_number_of_labels_have_probabilities_of_their_own() -> None:
    (row,) = head(multi_label=True, temperature=2.0).probabilities(states(TEXT))
    assert row == pytest.approx(1 / (1 + np.exp([-0.5, -2.75, -2.5])))


@pytest.mark.parametrize("multi_label", [False, True])
def test_huge_scores_do_not_overflow(multi_label: bool) -> None:
    (row,) = head(multi_label=multi_label).probabilities(states([[1e4, -1e4]]))
    assert np.isfinite(row).all()
    assert row[:2] == pytest.approx([1, 0])


def test_the_labels_chosen_are_the_likeliest_or_all_that_are_likely() -> None:
    logits = np.array([[1, 3, -2], [0.5, -1, 2]], dtype=np.float32)
    assert head().choose(logits).tolist() == [[False, True, False], [False, False, True]]
    assert head(multi_label=True).choose(logits).tolist() == [[True, True, False], [True, False, True]]


@pytest.fixture
def copy(tiny_classifier: Path, tmp_path: Path) -> Bundle:
    """A classifier whose layer a test may damage; its hashes are not looked at again."""
    shutil.copytree(tiny_classifier, tmp_path / "copy")
    return open_bundle(tmp_path / "copy")


def test_a_layer_is_loaded_from_its_bundle(copy: Bundle) -> None:
    (row,) = ClassifierHead.load(copy).probabilities(States(np.ones((1, 3, 32), dtype=np.float32), [3]))
    assert row.shape == (3,)
    assert row.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"weight": np.zeros((3, 32), np.float32)}, r"an array 'bias' of shape \(3,\), found none"),
        ({"weight": np.zeros((2, 32), np.float32)}, r"'weight' of shape \(3, 32\), found \(2, 32\)"),
    ],
)
def test_a_layer_that_does_not_fit_is_an_error(
    copy: Bundle, arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]], message: str
) -> None:
    save_file(arrays, copy.path / "classifier.safetensors")
    with pytest.raises(ModelError, match=message):
        ClassifierHead.load(copy)


def test_a_layer_that_cannot_be_read_is_an_error(copy: Bundle) -> None:
    (copy.path / "classifier.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not a safetensors file"):
        ClassifierHead.load(copy)


def test_other_bundles_have_no_layer(tiny_encoder: Path) -> None:
    with pytest.raises(ModelError, match="does not classify, it was made to encode") as caught:
        ClassifierHead.load(open_bundle(tiny_encoder))
    assert "xlm encode" in (caught.value.hint or "")
