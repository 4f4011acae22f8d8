"""The mean of several models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import XLMForSequenceClassification

from xlmcli.checkpoint.config import CheckpointConfig, load_config, save_config
from xlmcli.checkpoint.weights import save_weights, saved_state
from xlmcli.errors import ModelError, UsageError
from xlmcli.model.classifier import Classifier
from xlmcli.model.classifier_config import ClassifierConfig
from xlmcli.model.transformer import XLMShape
from xlmcli.sources import Source
from xlmcli.text import load_tokenizer
from xlmcli.text.sentencepiece import SentencePieceTokenizer
from xlmcli.text.sentencepiece_training import TokenizerOptions, train_sentencepiece
from xlmcli.text.special import BOS_ID, EOS_ID
from xlmcli.train.averaging import average_checkpoints
from xlmcli.train.classification.files import Columns

MakeModel = Callable[..., Path]
HEAD = ClassifierConfig(("bad", "good"), train_langs=("en",))


@pytest.fixture
def make_model(tmp_path: Path, tiny_tokenizer: Path) -> MakeModel:
    """A random classifier: ``make_model(seed, head, dim=…)``."""

    def make(
        seed: int,
        head: ClassifierConfig = HEAD,
        dim: int = 16,
        dropout: float = 0.1,
        max_len: int | None = None,
        licence: str | None = None,
    ) -> Path:
        shape = XLMShape(num_words=420, num_langs=2, dim=dim, num_layers=1, num_heads=2, dropout=dropout)
        folder = tmp_path / f"model-{seed}"
        folder.mkdir()
        torch.manual_seed(seed)
        save_weights(saved_state(Classifier(shape, head)), folder / "model.safetensors")
        save_config(CheckpointConfig(("en", "fr"), shape, max_len=max_len, classifier=head, licence=licence), folder)
        load_tokenizer(tiny_tokenizer).save(folder)
        return folder

    return make


def test_weights_and_temperature_are_the_mean(make_model: MakeModel, tmp_path: Path) -> None:
    heads = [replace(HEAD, temperature=temperature) for temperature in (1.0, 1.5, 3.5)]
    folders = [make_model(seed, head, dropout=0.1 * seed) for seed, head in enumerate(heads)]
    average_checkpoints(folders, tmp_path / "deep" / "mean", (), Columns())
    weights = load_file(tmp_path / "deep" / "mean" / "model.safetensors")
    states = [load_file(folder / "model.safetensors") for folder in folders]
    assert weights.keys() == states[0].keys()
    for name, weight in weights.items():
        torch.testing.assert_close(weight, torch.stack([state[name] for state in states]).mean(0))
    config = load_config(tmp_path / "deep" / "mean")
    assert config == replace(load_config(folders[0]), classifier=replace(HEAD, temperature=2.0))
    XLMForSequenceClassification.from_pretrained(tmp_path / "deep" / "mean")


def test_settings_of_learning_may_differ(make_model: MakeModel, tmp_path: Path) -> None:
    french = replace(HEAD, train_langs=("fr",))
    folders = [make_model(1, max_len=20, licence="MIT"), make_model(2, french, max_len=10, licence="CC0")]
    average_checkpoints(folders, tmp_path / "mean", (), Columns())
    mean = load_config(tmp_path / "mean")
    assert (mean.max_len, mean.licence) == (10, "MIT and CC0")
    assert mean.classifier == replace(HEAD, train_langs=("en", "fr"))


@pytest.mark.parametrize("pair", [None, "3"])
def test_the_longest_text_to_calibrate_on_fits(make_model: MakeModel, tmp_path: Path, pair: str | None) -> None:
    (tmp_path / "en.tsv").write_text("".join(f"{label}\t{'word ' * 600}\t{'word ' * 600}\n" for label in HEAD.labels))
    source = Source(("en",), tmp_path / "en.tsv")
    average_checkpoints([make_model(1), make_model(2)], tmp_path / "mean", [source], Columns(pair=pair))
    classifier = load_config(tmp_path / "mean").classifier
    assert classifier is not None
    assert classifier.temperature != 1  # That of both models.


def test_what_does_not_fit_is_refused(make_model: MakeModel, tmp_path: Path) -> None:
    first, out = make_model(1), tmp_path / "mean"
    for other in (make_model(2, dim=32), make_model(3, replace(HEAD, labels=("good", "bad")))):
        with pytest.raises(ModelError, match=f"{other.name}: of another kind than .*model-1"):
            average_checkpoints([first, other], out, (), Columns())
    with pytest.raises(ModelError, match="nowhere: not a checkpoint"):
        average_checkpoints([first, tmp_path / "nowhere"], out, (), Columns())
    assert not out.exists()


def test_another_vocabulary_is_refused(make_model: MakeModel, texts: Any, tmp_path: Path) -> None:
    first, other = make_model(1), make_model(2)
    sources = (Source(("en",), texts.en), Source(("fr",), texts.fr))
    train_sentencepiece(TokenizerOptions(sources, vocab_size=420, seed=1, lowercase=True), other)
    with pytest.raises(ModelError, match="model-2: its vocabulary is not that of"):
        average_checkpoints([first, other], tmp_path / "mean", (), Columns())


def test_a_checkpoint_is_not_overwritten(make_model: MakeModel) -> None:
    first, other = make_model(1), make_model(2)
    before = (other / "model.safetensors").read_bytes()
    with pytest.raises(UsageError, match="model-2 has a model already"):
        average_checkpoints([first, first], other, (), Columns())
    assert (other / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(("start_id", "by_rules"), [(BOS_ID, "en"), (EOS_ID, "fr")])
def test_text_to_calibrate_on_is_read_as_the_classifier_reads_it(
    make_model: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start_id: int, by_rules: str
) -> None:
    """A classifier that transformers fine-tuned goes by the English rules in every language."""
    folders = [make_model(seed, replace(HEAD, start_id=start_id)) for seed in (1, 2)]
    (tmp_path / "fr.tsv").write_text("good\tBonjour.\nbad\tMerci.\n")
    read: list[str] = []
    encode_batch = SentencePieceTokenizer.encode_batch

    def listen(self: SentencePieceTokenizer, texts: list[str], lang: str | None = None) -> list[list[int]]:
        read.append(lang or "en")
        return encode_batch(self, texts, lang)

    monkeypatch.setattr(SentencePieceTokenizer, "encode_batch", listen)
    average_checkpoints(folders, tmp_path / "mean", [Source(("fr",), tmp_path / "fr.tsv")], Columns())
    assert set(read) == {by_rules}
