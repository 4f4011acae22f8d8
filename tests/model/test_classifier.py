"""A classifier is what ``transformers`` opens: the same logits from the same weights, either way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import XLMConfig, XLMForSequenceClassification, XLMModel

from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME, CONFIG_NAME
from xlmcli.checkpoint.config import CheckpointConfig, load_config, save_config
from xlmcli.checkpoint.pretrained import open_pretrained
from xlmcli.checkpoint.weights import save_weights, saved_state
from xlmcli.errors import ModelError
from xlmcli.model.classifier import Classifier, pool
from xlmcli.model.classifier_config import ClassifierConfig
from xlmcli.model.transformer import Tokens, XLMLanguageModel, XLMShape
from xlmcli.text.special import BOS_ID, EOS_ID, PAD_ID

LANGS = ("en", "fr")
TOLERANCE = {"atol": 1e-5, "rtol": 1e-5}
CONFIGS = {
    "first": ClassifierConfig(("a", "b", "c")),
    "mean": ClassifierConfig(("no", "yes"), pooling="mean", temperature=1.5, train_langs=("en",)),
    "last, tanh, multi-label": ClassifierConfig(
        ("x", "y", "z", "w"), multi_label=True, pooling="last", activation="tanh", start_id=BOS_ID
    ),
}

Randomise = Callable[[nn.Module, int], None]


def save(model: nn.Module, config: CheckpointConfig, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    save_config(config, folder)
    save_weights(saved_state(model), folder / CHECKPOINT_WEIGHTS_NAME)
    return folder


@pytest.fixture(params=list(CONFIGS))
def config(request: pytest.FixtureRequest, shape: XLMShape) -> CheckpointConfig:
    return CheckpointConfig(LANGS, shape, max_len=20, classifier=CONFIGS[request.param])


@pytest.fixture
def model(config: CheckpointConfig, randomise: Randomise) -> Classifier:
    assert config.classifier is not None
    model = Classifier(config.shape, config.classifier)
    randomise(model, 3)
    return model.eval()


@pytest.fixture
def folder(model: Classifier, config: CheckpointConfig, tmp_path: Path) -> Path:
    return save(model, config, tmp_path / "ours")


def random_tokens(shape: XLMShape) -> Tokens:
    generator = torch.Generator().manual_seed(4)
    ids = torch.randint(14, shape.num_words, (3, 11), generator=generator)
    ids[:, [0, -1]] = EOS_ID
    return Tokens(ids, None, torch.randint(shape.num_langs, (3, 1), generator=generator).expand(3, 11))


def ask(theirs: XLMForSequenceClassification, tokens: Tokens) -> Tensor:
    with torch.no_grad():
        return theirs.eval()(input_ids=tokens.ids, langs=tokens.langs).logits


@torch.no_grad()
def test_the_logits_are_theirs(model: Classifier, folder: Path, config: CheckpointConfig) -> None:
    theirs, report = XLMForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values())
    tokens = random_tokens(config.shape)
    logits = model(tokens)
    torch.testing.assert_close(logits, ask(theirs, tokens), **TOLERANCE)
    assert logits.std() > 0.05
    assert config.classifier is not None
    assert tuple(theirs.config.id2label[index] for index in range(theirs.config.num_labels)) == config.classifier.labels


def test_config_comes_back(folder: Path, config: CheckpointConfig) -> None:
    assert load_config(folder) == config
    assert open_pretrained(folder).config == config


@torch.no_grad()
@pytest.mark.parametrize("summary_type", ["first", "mean", "last", "cls_index"])
@pytest.mark.parametrize("langs", [{"n_langs": 1}, {"n_langs": 2, "lang2id": {"en": 0, "fr": 1}}], ids=["one", "two"])
def test_what_they_save_opens(summary_type: str, langs: dict[str, Any], tmp_path: Path) -> None:
    torch.manual_seed(5)
    theirs = XLMForSequenceClassification(
        XLMConfig(
            vocab_size=60, emb_dim=16, n_layers=2, n_heads=4, init_std=0.3, embed_init_std=0.3,
            summary_type=summary_type, summary_activation="tanh", problem_type="multi_label_classification", **langs,
        )
    )  # fmt: skip
    theirs.save_pretrained(tmp_path)
    model, config = open_pretrained(tmp_path).classifier(), open_pretrained(tmp_path).config
    assert model is not None
    pooling: Any = "last" if summary_type == "cls_index" else summary_type
    assert config.classifier == ClassifierConfig(
        ("LABEL_0", "LABEL_1"), multi_label=True, pooling=pooling, activation="tanh", start_id=BOS_ID
    )
    tokens = random_tokens(config.shape)
    torch.testing.assert_close(model.eval()(tokens), ask(theirs, tokens), **TOLERANCE)


@torch.no_grad()
def test_a_model_without_language_embeddings_tells_no_languages_apart(tmp_path: Path) -> None:
    theirs = XLMModel(
        XLMConfig(
            vocab_size=60, emb_dim=16, n_layers=1, n_heads=4, n_langs=2, use_lang_emb=False, lang2id={"en": 0, "fr": 1}
        )
    )
    theirs.save_pretrained(tmp_path)
    encoder, config = open_pretrained(tmp_path).encoder(), open_pretrained(tmp_path).config
    assert (config.shape.num_langs, config.langs) == (1, LANGS)
    tokens = random_tokens(config.shape)
    expected = theirs.eval()(input_ids=tokens.ids).last_hidden_state
    torch.testing.assert_close(encoder.eval()(tokens), expected, **TOLERANCE)


@torch.no_grad()
def test_padding_never_counts(model: Classifier, config: CheckpointConfig) -> None:
    short, long = [EOS_ID, 20, 21, EOS_ID], [EOS_ID, *range(30, 38), EOS_ID]
    langs = torch.zeros(1, 1, dtype=torch.int64)
    padded = torch.full((2, len(long)), PAD_ID)
    padded[0, : len(short)], padded[1] = torch.tensor(short), torch.tensor(long)
    logits = model(Tokens(padded, padded != PAD_ID, langs))
    alone = [model(Tokens(torch.tensor([ids]), None, langs))[0] for ids in (short, long)]
    torch.testing.assert_close(logits, torch.stack(alone), **TOLERANCE)


def test_pooling() -> None:
    states = torch.tensor([[[1.0], [2.0], [6.0]], [[4.0], [8.0], [0.0]]])
    mask = torch.tensor([[True, True, True], [True, True, False]])
    assert pool(states, mask, "first").tolist() == [[1], [4]]
    assert pool(states, mask, "mean").tolist() == [[3], [6]]
    assert pool(states, mask, "last").tolist() == [[6], [8]]
    assert pool(states[:1], None, "mean").tolist() == [[3]]
    assert pool(states[:1], None, "last").tolist() == [[6]]


def test_the_head_drops_out_in_training_alone(model: Classifier, config: CheckpointConfig) -> None:
    tokens = random_tokens(config.shape)
    model.train()
    model.transformer.eval()
    assert not torch.equal(model(tokens), model(tokens))
    model.eval()
    assert torch.equal(model(tokens), model(tokens))


@torch.no_grad()
def test_encoders_open_alone(shape: XLMShape, randomise: Randomise, tmp_path: Path) -> None:
    model = XLMLanguageModel(shape)
    randomise(model, 6)
    pretrained = save(model, CheckpointConfig(LANGS, shape), tmp_path / "xlm")
    XLMModel.from_pretrained(pretrained).save_pretrained(tmp_path / "theirs")
    classifier = Classifier(shape, CONFIGS["first"])
    classifier.transformer.load_state_dict(model.transformer.state_dict())
    labelled = save(classifier, CheckpointConfig(LANGS, shape, classifier=CONFIGS["first"]), tmp_path / "classifier")
    tokens = random_tokens(shape)
    expected = model.eval().transformer(tokens)
    for folder in (pretrained, tmp_path / "theirs", labelled):
        assert open_pretrained(folder).config.langs == LANGS
        encoder = open_pretrained(folder).encoder()
        torch.testing.assert_close(encoder.eval()(tokens), expected, **TOLERANCE)


UNSUPPORTED = {
    "summary_type: attn": {"summary_type": "attn"},
    "summary_activation: gelu": {"summary_activation": "gelu"},
    "summary_proj_to_labels: false": {"summary_proj_to_labels": False},
    "problem_type: regression": {"problem_type": "regression"},
}


@pytest.mark.parametrize(("message", "fields"), UNSUPPORTED.items())
def test_other_kinds_are_refused(message: str, fields: dict[str, Any], shape: XLMShape, tmp_path: Path) -> None:
    config = CheckpointConfig(LANGS, shape, classifier=CONFIGS["first"])
    (tmp_path / CONFIG_NAME).write_text(json.dumps(config.to_json() | fields))
    with pytest.raises(ModelError, match=message) as caught:
        open_pretrained(tmp_path)
    assert caught.value.message.startswith(f"{tmp_path / CONFIG_NAME}: ")


@torch.no_grad()
def test_one_can_be_made_of_the_other(shape: XLMShape, randomise: Randomise, tmp_path: Path) -> None:
    """A classifier's encoder is a pretrained XLM as well; its output layer begins without a bias."""
    classifier = Classifier(shape, CONFIGS["first"])
    randomise(classifier, 6)
    save(classifier, CheckpointConfig(LANGS, shape, classifier=CONFIGS["first"]), tmp_path)
    model = open_pretrained(tmp_path).language_model()
    tokens = random_tokens(shape)
    torch.testing.assert_close(model.eval().transformer(tokens), classifier.eval().transformer(tokens), **TOLERANCE)
    assert not model.pred_layer.proj.bias.any()
    assert open_pretrained(save(model, CheckpointConfig(LANGS, shape), tmp_path / "xlm")).classifier() is None


def test_what_does_not_fit_is_refused(shape: XLMShape, tmp_path: Path) -> None:
    classifier = Classifier(shape, CONFIGS["first"])
    save(classifier, CheckpointConfig(LANGS, replace(shape, dim=32), classifier=CONFIGS["first"]), tmp_path)
    with pytest.raises(ModelError, match=r"sequence_summary\.summary\.weight is \(3, 16\), expected \(3, 32\)"):
        open_pretrained(tmp_path).classifier()
