"""Checkpoints of the original code, against transformers.XLMModel with the same weights, and faulty ones."""

from __future__ import annotations

import argparse
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import XLMConfig, XLMWithLMHeadModel

from xlmcli.checkpoint.original.file import OriginalCheckpoint, read_original
from xlmcli.checkpoint.original.tokenizer import is_lowercased
from xlmcli.checkpoint.pretrained import open_pretrained
from xlmcli.errors import ExitCode, ModelError
from xlmcli.model.seq2seq import Seq2Seq, XLMDecoder
from xlmcli.model.transformer import Memory, Tokens, XLMLanguageModel
from xlmcli.records import Direction

Content = dict[str, Any]
Make = Callable[..., Content]

CONFIGURATIONS = {
    "plain": {},
    "sinusoidal": {"sinusoidal_embeddings": True},
    "relu": {"gelu_activation": False},
    "without language embeddings": {"use_lang_emb": False},
    "untied": {"share_inout_emb": False},
    "one language": {"langs": ["en"]},
    "three languages": {"langs": ["de", "en", "fr"], "n_layers": 3, "n_heads": 2},
}


def read(content: Content, folder: Path, *, zipped: bool = True) -> OriginalCheckpoint:
    path = folder / "model.pth"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return read_original(path)


def reference(content: Content, part: str) -> XLMWithLMHeadModel:
    """transformers' model with the weights of a part."""
    params = content["params"]
    config = XLMConfig(
        vocab_size=params["n_words"],
        emb_dim=params["emb_dim"],
        n_layers=params["n_layers"],
        n_heads=params["n_heads"],
        n_langs=params["n_langs"],
        use_lang_emb=params["use_lang_emb"],
        gelu_activation=params["gelu_activation"],
        sinusoidal_embeddings=params["sinusoidal_embeddings"],
        tie_word_embeddings=params["share_inout_emb"],
    )
    model = XLMWithLMHeadModel(config)
    weights = {name if name.startswith("pred") else f"transformer.{name}": w for name, w in content[part].items()}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert set(missing) <= {"transformer.position_ids"}
    assert not unexpected
    return model.eval()


def inputs(content: Content, lang: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(14, content["params"]["n_words"], (4, 11), generator=generator)
    ids[:, 0] = 1
    return ids, torch.full_like(ids, lang)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_language_models_equal_those_of_transformers(
    name: str, zipped: bool, original_content: Make, tmp_path: Path
) -> None:
    content = original_content(has_decoder=False, **CONFIGURATIONS[name])
    original = read(content, tmp_path, zipped=zipped)
    model, theirs = original.language_model().eval(), reference(content, "model")
    ids, langs = inputs(content, content["params"]["n_langs"] - 1)
    with torch.no_grad():
        states = theirs.transformer(ids, langs=langs).last_hidden_state
        logits = theirs(ids, langs=langs).logits
        assert (model.transformer(Tokens(ids, None, langs)) - states).abs().max() < 1e-4
        assert (
            model(Tokens(ids, None, langs), torch.ones_like(ids, dtype=torch.bool)) - logits.flatten(0, 1)
        ).abs().max() < 1e-3
        assert (original.encoder().eval()(Tokens(ids, None, langs)) - states).abs().max() < 1e-4
    assert original.config.decoder_layers is None
    assert original.config.langs == tuple(content["params"]["langs"])
    assert (model.pred_layer.proj.weight is model.transformer.embeddings.weight) == content["params"]["share_inout_emb"]


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_encoder_decoders_have_both_sides(name: str, original_content: Make, tmp_path: Path) -> None:
    content = original_content(**CONFIGURATIONS[name])
    original = read(content, tmp_path)
    model, theirs = original.seq2seq().eval(), reference(content, "encoder")
    ids, langs = inputs(content, 0)
    with torch.no_grad():
        states = theirs.transformer(ids, langs=langs).last_hidden_state
        assert (model.encoder(Tokens(ids, None, langs)) - states).abs().max() < 1e-4
        # A decoder that attends to nothing new is the same with its own weights put in by hand.
        by_hand = XLMDecoder(original.config.decoder_shape).eval()
        by_hand.load_state_dict(content["decoder"])
        memory = Memory(states, None)
        ours = model.decoder(Tokens(ids, None, langs), causal=True, memory=memory)
        assert torch.equal(ours, by_hand(Tokens(ids, None, langs), causal=True, memory=memory))
    assert original.config.decoder_layers == content["params"]["n_layers"]


def test_directions_are_all_pairs_of_languages(original_content: Make, tmp_path: Path) -> None:
    original = read(original_content(langs=["de", "en", "fr"]), tmp_path)
    assert {str(direction) for direction in original.config.directions} == {
        "de-en",
        "de-fr",
        "en-de",
        "en-fr",
        "fr-de",
        "fr-en",
    }
    assert read(original_content(langs=["en"]), tmp_path).config.directions == (Direction("en", "en"),)


def test_weights_trained_on_several_gpus_lose_their_prefix(original_content: Make, tmp_path: Path) -> None:
    content = original_content()
    wanted = read(content, tmp_path).seq2seq().state_dict()
    for part in ("encoder", "decoder"):
        content[part] = OrderedDict((f"module.{name}", weight) for name, weight in content[part].items())
    wrapped = read(content, tmp_path).seq2seq().state_dict()
    assert all(torch.equal(wrapped[name], weight) for name, weight in wanted.items())


def test_half_precision_becomes_single(original_content: Make, tmp_path: Path) -> None:
    content = original_content(has_decoder=False)
    content["model"] = OrderedDict((name, weight.half()) for name, weight in content["model"].items())
    model = read(content, tmp_path).language_model()
    assert model.transformer.embeddings.weight.dtype == torch.float32
    assert torch.equal(model.transformer.embeddings.weight, content["model"]["embeddings.weight"].float())


def test_params_may_be_a_namespace_and_hold_what_training_left_there(original_content: Make, tmp_path: Path) -> None:
    content = original_content(has_decoder=False)
    left = {"mask_scores": np.ones(9), "pred_probs": torch.ones(3), "mt_steps": [("en", "fr")], "max_len": 100}
    content["params"] = argparse.Namespace(**content["params"] | left)
    content["best_metrics"] = {"valid_mlm_ppl": np.float64(-12.5)}
    assert read(content, tmp_path).language_model().transformer.shape.dim == 32


@pytest.mark.parametrize(("max_len", "wanted"), [({}, None), ({"max_len": 100}, 100), ({"max_len": 0}, None)])
def test_the_longest_sentence_of_training_is_kept(
    max_len: dict[str, int], wanted: int | None, original_content: Make, tmp_path: Path
) -> None:
    assert read(original_content(**max_len), tmp_path).config.max_len == wanted


def test_the_position_tables_tell_the_number_of_positions(original_content: Make, tmp_path: Path) -> None:
    content = original_content()
    for part in ("encoder", "decoder"):
        content[part]["position_embeddings.weight"] = content[part]["position_embeddings.weight"][:64].clone()
    assert read(content, tmp_path).seq2seq().encoder.shape.max_positions == 64


def test_what_a_decoder_starts_from(original_content: Make, tmp_path: Path) -> None:
    content = original_content()
    decoder = read(content, tmp_path).decoder()
    assert isinstance(decoder, XLMDecoder)
    assert torch.equal(decoder.encoder_attn[1].k_lin.weight, content["decoder"]["encoder_attn.1.k_lin.weight"])
    assert isinstance(read(original_content(has_decoder=False), tmp_path).decoder(), XLMLanguageModel)


def test_init_equals_the_originals_decoder_initialisation(original_content: Make, tmp_path: Path) -> None:
    content = original_content(has_decoder=False, n_layers=3)
    original = read(content, tmp_path)
    model = Seq2Seq(original.config.shape, original.config.decoder_shape)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    model.load_pretrained(original.language_model(), original.decoder())
    after = model.state_dict()
    for name, weight in after.items():
        side, _, rest = name.partition(".")
        if rest.startswith(("encoder_attn.", "layer_norm15.")):
            assert torch.equal(weight, before[name])
        elif side == "decoder" or not rest.startswith("pred_layer."):
            assert torch.equal(weight, content["model"][rest])


def test_init_takes_the_decoder_of_an_encoder_decoder_whole(original_content: Make, tmp_path: Path) -> None:
    content = original_content()
    read(content, tmp_path)
    pretrained = open_pretrained(tmp_path / "model.pth")
    model = Seq2Seq(pretrained.config.shape, pretrained.config.decoder_shape)
    model.load_pretrained(pretrained.language_model(), pretrained.decoder())
    assert all(torch.equal(model.decoder.state_dict()[name], weight) for name, weight in content["decoder"].items())
    assert torch.equal(model.encoder.attentions[0].q_lin.weight, content["encoder"]["attentions.0.q_lin.weight"])


def test_a_language_model_does_not_translate(original_content: Make, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="without a decoder"):
        read(original_content(has_decoder=False), tmp_path).seq2seq()


def remove(part: str, name: str) -> Callable[[Content], object]:
    return lambda content: content[part].pop(name)


def put(part: str, name: str, value: object) -> Callable[[Content], object]:
    return lambda content: content[part].update({name: value})


FAULTS: dict[str, tuple[Callable[[Content], object], str]] = {
    "missing": (remove("encoder", "ffns.1.lin2.bias"), "encoder: missing ffns.1.lin2.bias"),
    "unexpected": (put("decoder", "extra.weight", torch.ones(2)), "decoder: unexpected extra.weight"),
    "size": (
        put("decoder", "layer_norm15.0.bias", torch.ones(7)),
        r"decoder: layer_norm15.0.bias is \(7,\), expected \(32,\)",
    ),
    "no tensor": (put("decoder", "layer_norm15.0.bias", 7), "decoder: layer_norm15.0.bias is no tensor"),
    "vocabularies": (
        put("encoder", "embeddings.weight", torch.ones(8, 32)),
        r"encoder: embeddings.weight is \(8, 32\), expected",
    ),
    "positions": (
        put("decoder", "position_embeddings.weight", torch.ones(9, 32)),
        "encoder and decoder have position tables of different lengths",
    ),
    "tie": (
        lambda content: put("decoder", "pred_layer.proj.weight", content["decoder"]["embeddings.weight"] + 1)(content),
        "decoder: pred_layer.proj.weight differs from embeddings.weight",
    ),
    "decoder": (lambda content: content.pop("decoder"), "no weights under decoder"),
    "memory": (put("params", "use_memory", True), r"memory layers \(use_memory\)"),
    "asm": (put("params", "asm", True), r"adaptive softmax \(asm\)"),
    "no dimension": (lambda content: content["params"].pop("emb_dim"), "params: no emb_dim"),
    "text for a number": (put("params", "n_layers", "six"), "params: n_layers is 'six', expected a whole number"),
    "long text for a number": (put("params", "n_layers", "six" * 99), "params: n_layers is a str, expected"),
    "a list for a number": (put("params", "n_layers", [[1]]), "params: n_layers is a list, expected"),
    "endless layers": (put("params", "n_layers", 10**9), "n_layers is 1000000000, expected .* from 1 to 1000"),
    "endless words": (put("params", "n_words", -(10**5000)), "n_words is a int, expected a whole number from 14"),
    "true for a number": (put("params", "n_heads", True), "params: n_heads is True"),
    "heads": (put("params", "n_heads", 5), "emb_dim 32 is not a multiple of n_heads 5"),
    "activation": (put("params", "gelu_activation", "tanh"), "gelu_activation is 'tanh', expected True or False"),
    "dropout": (put("params", "dropout", 2), "dropout is 2, expected a number from 0 to 1"),
    "special": (put("params", "pad_index", 0), "pad_index is 0, expected 2"),
    "language ids": (put("params", "lang2id", {"en": 0, "fr": 2}), "the ids in lang2id are not 0, 1, 2"),
    "no language ids": (put("params", "lang2id", {"en": 0, "fr": [1]}), "the ids in lang2id are not 0, 1, 2"),
    "language ids twice": (put("params", "lang2id", {"en": 0, "fr": 0}), "the ids in lang2id are not 0, 1, 2"),
    "language names": (put("params", "lang2id", {"en": 0, "f\x1b": 1}), "names a language with control characters"),
    "number of languages": (put("params", "n_langs", 3), "n_langs is 3, and lang2id has 2 languages"),
    "number of words": (
        lambda content: content["dico_id2word"].popitem(),
        r"the dictionary has \d+ words, and n_words is",
    ),
    "gap": (lambda content: content["dico_id2word"].pop(20), "does not give every id from 0 a word"),
    "twice": (put("dico_id2word", 20, "a"), "does not give every id from 0 a word of its own"),
    "reserved": (put("dico_id2word", 5, "mask"), "does not begin with the special words"),
    "no dictionary": (lambda content: content.pop("dico_id2word"), "no dictionary under dico_id2word"),
    "no params": (lambda content: content.pop("params"), "it has no params"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_named(name: str, original_content: Make, tmp_path: Path) -> None:
    content = original_content()
    change, message = FAULTS[name]
    change(content)
    with pytest.raises(ModelError, match=message) as raised:
        read(content, tmp_path)
    assert raised.value.exit_code == ExitCode.MODEL


def test_all_faults_are_listed_at_once(original_content: Make, tmp_path: Path) -> None:
    names = ["missing", "unexpected", "size", "memory", "asm", "reserved"]
    content = original_content()
    for name in names:
        FAULTS[name][0](content)
    content["encoder"]["memories.0_in.keys"] = torch.ones(3)
    with pytest.raises(ModelError) as raised:
        read(content, tmp_path)
    for name in names:
        assert raised.match(FAULTS[name][1])
    assert "memories" not in raised.value.message


def test_other_files_of_torch_are_refused(tmp_path: Path) -> None:
    for content in ([1, 2], {"state_dict": {}}, OrderedDict(w=torch.ones(2)), torch.ones(2)):
        with pytest.raises(ModelError, match="not a checkpoint of the original XLM code"):
            read(content, tmp_path)


def test_whether_text_was_lowercased_is_seen_in_the_words() -> None:
    reserved = ["<s>"] * 14
    assert is_lowercased([*reserved, "a@@", "cafe", "l'", "ß", "и", "ไ@@"])
    assert not is_lowercased([*reserved, "a@@", "café", "the"])
    assert not is_lowercased([*reserved, "The", "the"])
