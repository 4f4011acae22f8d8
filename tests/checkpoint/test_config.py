"""What config.json tells of a model is held against what every XLM has."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

from xlmcli.checkpoint.config import CheckpointConfig, load_config, save_config
from xlmcli.checkpoint.huggingface import read_published_config
from xlmcli.errors import ModelError
from xlmcli.model.classifier_config import ClassifierConfig
from xlmcli.model.transformer import XLMShape
from xlmcli.text.special import SPECIAL_IDS

WRONG = [
    *((key, 10**9, f"{key} should be {index}, as in every XLM") for key, index in SPECIAL_IDS.items()),
    ("eos_index", 7, "eos_index should be 1, as in every XLM"),
    ("pad_token_id", 10**9, "pad_token_id should be a whole number from 0 to 419, found 1000000000"),
    ("decoder_start_token_id", -1, "decoder_start_token_id should be a whole number from 0 to 419, found -1"),
    ("torch_dtype", "float99", "torch_dtype is 'float99', expected one of auto, float64, float32, float16, bfloat16"),
    ("lang2id", {"en": 0, "f\x1b[1m": 1}, r"'f\x1b[1m' should be a name without control characters"),
]


def changed(folder: Path, copy: Path, key: str, value: object) -> Path:
    """Copies a checkpoint's config.json with a field changed."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    copy.mkdir()
    (copy / "config.json").write_text(json.dumps({**config, key: value}), encoding="utf-8")
    return copy


@pytest.mark.parametrize(("key", "value", "message"), WRONG, ids=[f"{key}={value!r}" for key, value, _ in WRONG])
def test_ids_types_and_names_that_no_xlm_has_are_refused(
    tiny_checkpoint: Path, published_classifier: Path, tmp_path: Path, key: str, value: object, message: str
) -> None:
    read: list[tuple[Path, Callable[[Path], Any]]] = [
        (tiny_checkpoint, load_config),
        (published_classifier, read_published_config),
    ]
    for number, (folder, open_config) in enumerate(read):
        with pytest.raises(ModelError) as caught:
            open_config(changed(folder, tmp_path / str(number), key, value))
        assert message in caught.value.message


@pytest.mark.parametrize("value", ["a\tb", "a\x1b[31m", "a\x9b31m", "a\n"])
def test_a_label_is_no_text_that_moves_a_cursor(published_classifier: Path, tmp_path: Path, value: str) -> None:
    folder = changed(published_classifier, tmp_path / "c", "id2label", {"0": value, "1": "fair", "2": "good"})
    with pytest.raises(ModelError, match="id2label: 0 should be a name without control characters"):
        read_published_config(folder)


def test_what_published_models_say_is_taken(published_classifier: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(published_classifier, tmp_path / "c")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    told = {**SPECIAL_IDS, "mask_token_id": 0, "eos_token_id": None, "torch_dtype": "float16"}
    (folder / "config.json").write_text(json.dumps(config | told), encoding="utf-8")
    assert read_published_config(folder).faults == ()


@given(st.lists(st.text(st.characters(codec=None), max_size=3), max_size=4), st.booleans())
def test_what_is_written_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str], several: bool
) -> None:
    folder = tmp_path_factory.mktemp("config")
    shape = XLMShape(num_words=60, num_langs=2, dim=16, num_layers=1, num_heads=2)
    config = CheckpointConfig(("en", "fr"), shape, classifier=ClassifierConfig(tuple(labels), several))
    try:
        save_config(config, folder)
    except ModelError:
        assert not any(folder.iterdir())
    else:
        assert load_config(folder) == config


@pytest.mark.parametrize("labels", [("one",), ("a\x01b", "c"), ("a", "a"), tuple(map(str, range(10_001)))])
def test_what_could_not_be_read_is_not_written(tmp_path: Path, labels: tuple[str, ...]) -> None:
    shape = XLMShape(num_words=60, num_langs=2, dim=16, num_layers=1, num_heads=2)
    with pytest.raises(ModelError, match=r"config\.json: .*(id2label|control)"):
        save_config(CheckpointConfig(("en", "fr"), shape, classifier=ClassifierConfig(labels)), tmp_path)
    assert not any(tmp_path.iterdir())
