"""Folders that transformers wrote, as what training starts from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import save_file

from xlmcli.checkpoint.description import DEFAULT_SIZES, describe_checkpoint
from xlmcli.checkpoint.pretrained import open_pretrained
from xlmcli.errors import ModelError
from xlmcli.model.transformer import Tokens
from xlmcli.text import load_tokenizer
from xlmcli.text.special import BOS_ID, EOS_ID, RESERVED_PIECES
from xlmcli.text.xlm_bpe import XLMBPETokenizer
from xlmcli.train.classification.objective import make_tokens

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


@torch.no_grad()
def test_a_classifier_of_transformers_is_told_no_language(save: Save, tmp_path: Path) -> None:
    """As nobody told it one when it was fine-tuned; what starts with ``</s>`` is ours, and is told."""
    theirs = save("XLMForSequenceClassification", init_std=0.5)
    model = open_pretrained(tmp_path).classifier()
    assert model is not None
    text, langs = [20, 30, 25], np.ones(1, dtype=np.int64)
    tokens, told = (make_tokens([text], langs, start_id, torch.device("cpu")) for start_id in (BOS_ID, EOS_ID))
    torch.testing.assert_close(model.eval()(tokens), theirs(tokens.ids).logits, atol=1e-5, rtol=0)
    assert told.langs is not None
    torch.testing.assert_close(model(told), theirs(told.ids, langs=torch.ones_like(told.ids)).logits, atol=1e-5, rtol=0)
    assert not torch.allclose(model(told), theirs(told.ids).logits, atol=1e-3)


def test_languages_that_nobody_names_are_numbers(save: Save, tmp_path: Path) -> None:
    save("XLMWithLMHeadModel", n_langs=3, lang2id={})
    assert open_pretrained(tmp_path).config.lang2id == {"0": 0, "1": 1, "2": 2}


def test_sizes_that_are_left_out_or_have_their_old_name_are_known(save: Save, tmp_path: Path) -> None:
    save("XLMModel")
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    config["n_words"] = config.pop("vocab_size")
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert open_pretrained(tmp_path).config.shape.num_words == describe_checkpoint(tmp_path).vocab_size == 40
    (tmp_path / "config.json").write_text('{"model_type": "xlm"}', encoding="utf-8")
    described, defaults = describe_checkpoint(tmp_path), transformers.XLMConfig()
    assert {name: getattr(defaults, name) for name in DEFAULT_SIZES} == DEFAULT_SIZES
    assert (described.dim, described.encoder_layers, described.num_positions) == (2048, 12, 512)


def test_some_languages_may_have_no_name(save: Save, tmp_path: Path) -> None:
    save("XLMWithLMHeadModel", n_langs=4, lang2id={"fr": 3, "en": 1})
    assert open_pretrained(tmp_path).config.lang2id == {"0": 0, "en": 1, "2": 2, "fr": 3}


def test_rows_to_spare_become_pieces_that_say_nothing(save: Save, tmp_path: Path) -> None:
    save("XLMModel", vocab_size=45)
    (tmp_path / "further").mkdir()
    open_pretrained(tmp_path).tokenizer().save(tmp_path / "further")
    for tokenizer in (open_pretrained(tmp_path).tokenizer(), load_tokenizer(tmp_path / "further")):
        assert tokenizer.vocab_size == 45
        assert tokenizer.vocab[40:] == ["<unused40>", "<unused41>", "<unused42>", "<unused43>", "<unused44>"]
        assert tokenizer.decode([14, 40, 44, 16]) == "a c"
        assert tokenizer.encode("<unused40>") == transformers.XLMTokenizer.from_pretrained(tmp_path).encode(
            "<unused40>", add_special_tokens=False
        )


def test_a_larger_vocabulary_is_anothers(save: Save, tmp_path: Path) -> None:
    save("XLMModel", vocab_size=39)
    with pytest.raises(ModelError, match="the tokenizer has 40 pieces, the model 39 words"):
        open_pretrained(tmp_path).tokenizer()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"causal": True}, "causal: true"),
        ({"n_heads": 3}, "n_heads: 3, which does not divide emb_dim 16"),
        ({"lang2id": {"en": 0, "fr": 2}}, "lang2id: goes up to 2, with n_langs 2"),
        ({"architectures": ["XLMForQuestionAnswering"]}, "architectures: XLMForQuestionAnswering"),
        ({"model_type": "bert"}, "model_type is 'bert', where xlm is needed"),
    ],
)
def test_what_cannot_be_trained_further_is_refused(
    save: Save, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    save("XLMModel")
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(config | changes), encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        open_pretrained(tmp_path)


@torch.no_grad()
def test_the_epsilon_of_layer_norm_is_theirs(save: Save, tmp_path: Path) -> None:
    theirs = save("XLMModel", layer_norm_eps=0.1)
    ours, ids = open_pretrained(tmp_path).encoder().eval(), torch.tensor([[1, 20, 30, 1]])
    found = ours(Tokens(ids, None, torch.ones_like(ids)))
    torch.testing.assert_close(found, states(theirs, ids, 1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["model.safetensors", "pytorch_model.bin"])
def test_weights_in_several_files_are_those_in_one(save: Save, tmp_path: Path, kind: str) -> None:
    theirs = save("XLMWithLMHeadModel", as_pickle=kind == "pytorch_model.bin").state_dict()
    del theirs["pred_layer.proj.weight"]
    split(theirs, tmp_path / kind)
    model = open_pretrained(tmp_path).language_model().state_dict()
    assert all(torch.equal(model[name], weight) for name, weight in theirs.items())


def split(state: dict[str, torch.Tensor], path: Path) -> None:
    """Puts weights into three files and an index, in place of one file."""
    path.unlink()
    files = [path.with_name(f"{path.stem}-0000{number}-of-00003{path.suffix}") for number in (1, 2, 3)]
    places = {name: files[index % 3] for index, name in enumerate(state)}
    for file in files:
        part = {name: weight.contiguous() for name, weight in state.items() if places[name] == file}
        (save_file if path.suffix == ".safetensors" else torch.save)(part, file)
    weight_map = {name: file.name for name, file in places.items()}
    Path(f"{path}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}), encoding="utf-8")


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("[", "not valid JSON"),
        ({}, "weight_map is missing"),
        ({"weight_map": {"a": 1}}, "a should be text"),
        ({"weight_map": {"a": "../model.safetensors"}}, r"there is no file '\.\./model\.safetensors' beside it"),
        ({"weight_map": {"a": "part.safetensors"}}, r"there is no file 'part\.safetensors' beside it"),
    ],
)
def test_an_index_that_cannot_be_followed_is_refused(save: Save, tmp_path: Path, index: Any, message: str) -> None:
    save("XLMModel")
    (tmp_path / "model.safetensors").unlink()
    text = index if isinstance(index, str) else json.dumps(index)
    (tmp_path / "model.safetensors.index.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        open_pretrained(tmp_path).encoder()


def test_a_part_that_lacks_a_weight_is_told(save: Save, tmp_path: Path) -> None:
    state = save("XLMModel").state_dict()
    del state["layer_norm1.0.bias"]
    split(state, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=r"missing layer_norm1\.0\.bias"):
        open_pretrained(tmp_path).encoder()


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
