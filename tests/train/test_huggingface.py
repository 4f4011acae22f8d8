"""Folders that transformers wrote, as what training starts from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from xlmcli.errors import ModelError
from xlmcli.text.special import RESERVED_PIECES
from xlmcli.text.xlm_bpe import XLMBPETokenizer
from xlmcli.train.pretrained import open_pretrained

SIZES: dict[str, Any] = {
    "vocab_size": 40, "emb_dim": 16, "n_layers": 2, "n_heads": 2, "max_position_embeddings": 32,
    "n_langs": 2, "lang2id": {"en": 0, "fr": 1},
}  # fmt: skip
Save = Callable[..., Any]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes a random model of transformers with a vocabulary, and returns it."""

    def write(kind: str, *, as_pickle: bool = False, **changes: Any) -> Any:
        torch.manual_seed(1)
        # transformers writes only what is not its default.
        model = getattr(transformers, kind)(transformers.XLMConfig(**SIZES | changes)).eval()
        torch.nn.init.normal_(model.get_input_embeddings().weight)
        model.save_pretrained(tmp_path)
        if as_pickle:
            (tmp_path / "model.safetensors").unlink()
            state = model.state_dict() | {"transformer.position_ids": torch.arange(32)[None]}
            torch.save(state, tmp_path / "pytorch_model.bin")
        pieces = [*RESERVED_PIECES, *(f"{char}</w>" for char in "abcdefghijklmnopqrstuvwxyz")]
        vocab = {piece: index for index, piece in enumerate(pieces)}
        (tmp_path / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
        (tmp_path / "merges.txt").write_text("", encoding="utf-8")
        return model

    return write


def states(model: Any, ids: torch.Tensor, lang: int) -> torch.Tensor:
    output: torch.Tensor = model(ids, langs=torch.full_like(ids, lang)).last_hidden_state
    return output


@pytest.mark.parametrize("as_pickle", [False, True], ids=["safetensors", "bin"])
def test_a_language_model_is_that_of_transformers(save: Save, tmp_path: Path, as_pickle: bool) -> None:
    theirs = save("XLMWithLMHeadModel", as_pickle=as_pickle)
    ours = open_pretrained(tmp_path)
    assert ours.config.langs == ("en", "fr")
    assert ours.classifier() is None
    model = ours.language_model().state_dict()
    for name, weight in theirs.state_dict().items():
        assert torch.equal(model[name], weight), name
    assert isinstance(ours.tokenizer(), XLMBPETokenizer)
    assert ours.tokenizer().encode("a c") == [14, 16]


def test_an_encoder_gets_an_output_layer(save: Save, tmp_path: Path) -> None:
    theirs = save("XLMModel")
    ours = open_pretrained(tmp_path)
    for name, weight in theirs.state_dict().items():
        assert torch.equal(ours.encoder().state_dict()[name], weight), name
    model = ours.language_model()
    assert torch.equal(model.pred_layer.proj.weight, theirs.embeddings.weight)
    assert not model.pred_layer.proj.bias.any()


@pytest.mark.parametrize("as_pickle", [False, True], ids=["safetensors", "bin"])
def test_a_classifier_is_that_of_transformers(save: Save, tmp_path: Path, as_pickle: bool) -> None:
    theirs = save("XLMForSequenceClassification", as_pickle=as_pickle, num_labels=3, summary_activation="tanh")
    model = open_pretrained(tmp_path).classifier()
    assert model is not None
    for name, weight in theirs.state_dict().items():
        assert torch.equal(model.state_dict()[name], weight), name


def test_languages_that_nobody_names_are_numbers(save: Save, tmp_path: Path) -> None:
    save("XLMWithLMHeadModel", n_langs=3, lang2id={})
    assert open_pretrained(tmp_path).config.lang2id == {"0": 0, "1": 1, "2": 2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"causal": True}, "causal: true"), ({"layer_norm_eps": 1e-5}, "layer_norm_eps: 1e-05, where 1e-12")],
)
def test_what_cannot_be_trained_further_is_refused(
    save: Save, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    save("XLMModel", **changes)
    with pytest.raises(ModelError, match=message):
        open_pretrained(tmp_path)


def test_a_hostile_pickle_is_refused(save: Save, tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return (print, ("run",))

    save("XLMModel", as_pickle=True)
    torch.save({"embeddings.weight": Hostile()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="print"):
        open_pretrained(tmp_path).encoder()


def test_a_folder_without_weights_is_refused(save: Save, tmp_path: Path) -> None:
    save("XLMModel")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no weights, neither model\.safetensors nor pytorch_model\.bin"):
        open_pretrained(tmp_path).encoder()
