"""What --init makes of a checkpoint of the original code, in each of the three commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from xlmcli.checkpoint.config import load_config
from xlmcli.checkpoint.pretrained import open_pretrained
from xlmcli.errors import ModelError
from xlmcli.sources import Source
from xlmcli.text import load_tokenizer
from xlmcli.text.family_tokenizers import FamilySentencePiece
from xlmcli.text.xlm_bpe import XLMBPETokenizer
from xlmcli.train.classification.files import Columns
from xlmcli.train.classification.options import ClassifyTrainingOptions
from xlmcli.train.classification.start import make_start
from xlmcli.train.core.loop import RunState, Trainer
from xlmcli.train.core.options import LoopOptions
from xlmcli.train.pretraining.options import PretrainOptions
from xlmcli.train.pretraining.run import pretrain
from xlmcli.train.translation.options import TranslateTrainingOptions
from xlmcli.train.translation.run import train_translation

ONE_STEP = LoopOptions(max_steps=1, precision="fp32")
Content = dict[str, Any]


@pytest.fixture
def save(original_content: Callable[..., Content], original_codes: str, tmp_path: Path) -> Callable[..., Content]:
    """Writes ``model.pth`` and its codes, and returns what is in it."""

    def write(**changes: Any) -> Content:
        content = original_content(**changes)
        torch.save(content, tmp_path / "model.pth")
        (tmp_path / "codes").write_text(original_codes, encoding="utf-8")
        return content

    return write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.pth"


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], nn.Module]:
    """Sets a run up and returns the model that it would train."""

    def run(begin: Callable[[], object]) -> nn.Module:
        trainers: list[Trainer] = []
        monkeypatch.setattr(Trainer, "run", lambda self: trainers.append(self) or RunState())
        begin()
        return trainers[0].model

    return run


def pretraining(make: Callable[..., PretrainOptions], folder: Path, init: Path) -> PretrainOptions:
    return replace(make(folder, ONE_STEP), tokenizer=None, init=init)


def translating(make: Callable[..., TranslateTrainingOptions], folder: Path, init: Path) -> TranslateTrainingOptions:
    options = make(folder, ONE_STEP)
    return replace(options, tokenizer=None, init_encoder=init, init_decoder=init, decoder_layers=None)


def classifying(run: PretrainOptions, init: Path | None, folder: Path) -> ClassifyTrainingOptions:
    source = Source(("en",), folder / "labels.tsv")
    return ClassifyTrainingOptions(
        tokenizer=None, init=init, train=(source,), valid=(source,), select=(), columns=Columns(), pooling=None,
        is_balanced=False, word_blank=0.0, max_len=None, batch_size=8, alpha=0.5, max_epochs=None,
        num_seeds=1, size=run.size, run=run.run,
    )  # fmt: skip


def equal(state: dict[str, torch.Tensor], wanted: Content, names: Callable[[str], str]) -> bool:
    return all(torch.equal(state[names(name)], weight) for name, weight in wanted.items())


def test_pretraining_goes_on_with_weights_and_vocabulary(
    save: Callable[..., Content], path: Path, pretrain_options: Any, start: Any, tmp_path: Path
) -> None:
    content = save(has_decoder=False, n_layers=3, share_inout_emb=False)
    model = start(lambda: pretrain(pretraining(pretrain_options, tmp_path / "run", path), []))
    named = lambda name: name if name.startswith("pred_layer.") else f"transformer.{name}"  # noqa: E731
    assert equal(model.state_dict(), content["model"], named)
    config = load_config(tmp_path / "run")
    assert (config.langs, config.shape.num_layers, config.shape.max_positions) == (("en", "fr"), 3, 512)
    assert not config.shape.tied_output
    tokenizer = load_tokenizer(tmp_path / "run")
    assert isinstance(tokenizer, XLMBPETokenizer)
    assert tokenizer.encode("the thing") == open_pretrained(path).tokenizer().encode("the thing")


def test_a_pretraining_run_of_an_untied_model_opens_again(
    save: Callable[..., Content], path: Path, pretrain_options: Any, tmp_path: Path
) -> None:
    save(has_decoder=False, share_inout_emb=False)
    pretrain(pretraining(pretrain_options, tmp_path / "run", path), [])
    assert not load_config(tmp_path / "run").shape.tied_output
    model = open_pretrained(tmp_path / "run").language_model()
    assert not torch.equal(model.pred_layer.proj.weight, model.transformer.embeddings.weight)


def test_pretraining_goes_on_with_languages_that_the_model_did_not_know(
    save: Callable[..., Content], path: Path, pretrain_options: Any, start: Any, tmp_path: Path
) -> None:
    content = save(has_decoder=False, langs=["de", "en"])
    model = start(lambda: pretrain(pretraining(pretrain_options, tmp_path / "run", path), []))
    assert load_config(tmp_path / "run").langs == ("de", "en", "fr")
    langs = content["model"]["lang_embeddings.weight"]
    assert torch.equal(model.transformer.lang_embeddings.weight, torch.cat([langs, langs.mean(0, keepdim=True)]))


def test_a_vocabulary_of_another_kind_is_refused(
    save: Callable[..., Content], path: Path, pretrain_options: Any, tmp_path: Path, tiny_tokenizer: Path
) -> None:
    save(has_decoder=False)
    options = replace(pretraining(pretrain_options, tmp_path / "run", path), tokenizer=tiny_tokenizer)
    with pytest.raises(ModelError, match="the vocabulary is of another kind than the pretrained model's"):
        pretrain(options, [])


@pytest.mark.parametrize("command", ["pretrain", "translate", "classify"])
def test_a_vocabulary_whose_first_ids_are_not_those_of_xlm_is_refused(
    pretrain_options: Any, train_options: Any, tmp_path: Path, tiny_tokenizer: Path, command: str
) -> None:
    pieces = load_tokenizer(tiny_tokenizer).vocab
    model = (tiny_tokenizer / "tokenizer.model").read_bytes()
    marian = FamilySentencePiece(model, None, ["</s>", "<unk>", *pieces[14:]])
    marian.save(tmp_path)
    (tmp_path / "shared_vocabulary.json").write_text(json.dumps(marian.vocab), encoding="utf-8")
    assert load_tokenizer(tmp_path).vocab_size < 420
    with pytest.raises(ModelError, match="not an XLM vocabulary: it does not begin with <s>, </s>, <pad>, <unk>"):
        if command == "pretrain":
            pretrain(replace(pretrain_options(tmp_path / "run", ONE_STEP), tokenizer=tmp_path), [])
        elif command == "translate":
            train_translation(replace(train_options(tmp_path / "run", ONE_STEP), tokenizer=tmp_path), [])
        else:
            options = classifying(pretrain_options(tmp_path / "run", ONE_STEP), None, tmp_path)
            make_start(replace(options, tokenizer=tmp_path), ("bad", "good"))
    assert not (tmp_path / "run").exists()


def test_a_run_that_grew_its_model_goes_on(
    save: Callable[..., Content], path: Path, train_options: Any, tmp_path: Path
) -> None:
    save(langs=["de", "en"])
    options = translating(train_options, tmp_path / "run", path)
    train_translation(options, [])
    loop = replace(ONE_STEP, max_steps=2)
    assert train_translation(replace(options, run=replace(options.run, loop=loop, resume=True)), []).step == 2
    assert load_config(tmp_path / "run").langs == ("de", "en", "fr")


def test_a_translator_starts_as_the_original_starts_it(
    save: Callable[..., Content], path: Path, train_options: Any, start: Any, tmp_path: Path
) -> None:
    content = save(has_decoder=False)
    model = start(lambda: train_translation(translating(train_options, tmp_path / "run", path), []))
    assert equal(model.state_dict(), content["model"], lambda name: f"decoder.{name}")
    encoder = {name: weight for name, weight in content["model"].items() if not name.startswith("pred_layer.")}
    assert equal(model.state_dict(), encoder, lambda name: f"encoder.{name}")
    assert isinstance(load_tokenizer(tmp_path / "run"), XLMBPETokenizer)


def test_a_translator_goes_on_with_both_sides(
    save: Callable[..., Content], path: Path, train_options: Any, start: Any, tmp_path: Path
) -> None:
    content = save()
    model = start(lambda: train_translation(translating(train_options, tmp_path / "run", path), []))
    assert equal(model.state_dict(), content["decoder"], lambda name: f"decoder.{name}")


def test_a_shallow_decoder_takes_the_first_layers(
    save: Callable[..., Content], path: Path, train_options: Any, start: Any, tmp_path: Path
) -> None:
    content = save(n_layers=3)
    options = replace(translating(train_options, tmp_path / "run", path), decoder_layers=2)
    decoder = start(lambda: train_translation(options, [])).decoder
    assert len(decoder.attentions) == 2
    assert torch.equal(decoder.encoder_attn[1].v_lin.bias, content["decoder"]["encoder_attn.1.v_lin.bias"])


@pytest.mark.parametrize("has_decoder", [True, False])
def test_a_classifier_starts_from_the_encoder(
    has_decoder: bool, save: Callable[..., Content], path: Path, pretrain_options: Any, tmp_path: Path
) -> None:
    content = save(has_decoder=has_decoder)
    options = classifying(pretrain_options(tmp_path / "run", ONE_STEP), path, tmp_path)
    begin = make_start(options, ("bad", "good"))
    state = begin.new_model().state_dict()
    weights = content["encoder" if has_decoder else "model"]
    encoder = {name: weight for name, weight in weights.items() if not name.startswith("pred_layer.")}
    assert equal(state, encoder, lambda name: f"transformer.{name}")
    assert begin.config.decoder_layers is None
    assert begin.config.directions == ()
