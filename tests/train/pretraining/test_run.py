"""How a pretraining run is put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import XLMModel

from xlmcli.checkpoint.config import load_config
from xlmcli.checkpoint.huggingface import open_weights
from xlmcli.checkpoint.pretrained import open_pretrained
from xlmcli.errors import ModelError, TrainingError, UsageError
from xlmcli.model.transformer import Tokens
from xlmcli.sources import Source
from xlmcli.text import load_tokenizer
from xlmcli.train.core.loop import RunState, Trainer
from xlmcli.train.core.options import LoopOptions
from xlmcli.train.data.corpus import LengthFilter, TextOptions
from xlmcli.train.data.loading import load_text
from xlmcli.train.pretraining import run as pretraining
from xlmcli.train.pretraining.objectives import LanguageModelOptions
from xlmcli.train.pretraining.options import PretrainOptions
from xlmcli.train.pretraining.run import pretrain

ONE_STEP = LoopOptions(max_steps=1, precision="fp32")


@pytest.fixture
def options(pretrain_options: Callable[..., PretrainOptions], tmp_path: Path) -> PretrainOptions:
    return pretrain_options(tmp_path / "run", ONE_STEP)


@pytest.fixture
def put_together(monkeypatch: pytest.MonkeyPatch) -> Callable[[PretrainOptions], Trainer]:
    """Sets a run up and hands out its trainer in place of training."""

    def start(options: PretrainOptions) -> Trainer:
        trainers: list[Trainer] = []
        monkeypatch.setattr(Trainer, "run", lambda self: trainers.append(self) or RunState())
        pretrain(options, [])
        return trainers[0]

    return start


def test_the_folder_has_all_that_translation_starts_from(options: PretrainOptions, tiny_tokenizer: Path) -> None:
    pretrain(options, [])
    pretrained = open_pretrained(options.run.folder)
    model, config = pretrained.language_model(), pretrained.config
    assert config.langs == ("en", "fr")
    assert model.transformer.shape == config.shape
    assert (config.shape.num_words, config.shape.num_langs, config.shape.dim) == (420, 2, 16)
    assert load_tokenizer(options.run.folder).vocab == load_tokenizer(tiny_tokenizer).vocab


def test_a_vocabulary_is_learned_where_none_is_given(options: PretrainOptions) -> None:
    pretrain(replace(options, tokenizer=None, vocab_size=380), [])
    assert load_tokenizer(options.run.folder).vocab_size == 380
    assert open_pretrained(options.run.folder).config.shape.num_words == 380


def test_a_learned_vocabulary_may_fold_case(options: PretrainOptions) -> None:
    pretrain(replace(options, tokenizer=None, vocab_size=380, lowercase=True), [])
    tokenizer = load_tokenizer(options.run.folder)
    assert tokenizer.encode("THE") == tokenizer.encode("the")


@pytest.mark.parametrize("tells_languages", [True, False])
def test_without_languages_positions_tell_the_sides_of_a_pair(
    tells_languages: bool, options: PretrainOptions, put_together: Callable[[PretrainOptions], Trainer]
) -> None:
    data = replace(options.data, text=TextOptions(LengthFilter(max_len=20)))
    trainer = put_together(replace(options, tells_languages=tells_languages, data=data))
    assert [objective.options.resets_positions for objective in trainer.objectives] == [tells_languages] * 2


def test_a_model_may_not_be_told_languages(options: PretrainOptions) -> None:
    data = replace(options.data, text=TextOptions(LengthFilter(max_len=20)))
    pretrain(replace(options, tells_languages=False, data=data), [])
    config = load_config(options.run.folder)
    assert config.langs == ("en", "fr")
    assert "lang_embeddings.weight" not in open_weights(options.run.folder)
    hugging_face = XLMModel.from_pretrained(options.run.folder)
    assert not hugging_face.config.use_lang_emb
    text = torch.tensor([[1, 300, 301, 1]])
    ours = open_pretrained(options.run.folder).encoder().eval()
    with torch.no_grad():
        states = hugging_face.eval()(text).last_hidden_state
        torch.testing.assert_close(ours(Tokens(text, None, None)), states, atol=1e-5, rtol=0)


def test_words_may_start_near_those_they_share_texts_with(
    options: PretrainOptions, put_together: Callable[[PretrainOptions], Trainer]
) -> None:
    tables = {}
    for embeddings in ("random", "cooccurrence"):
        trainer = put_together(replace(options, embeddings=embeddings))
        tables[embeddings] = trainer.bare_model.transformer.embeddings.weight.detach()
        assert trainer.bare_model.pred_layer.proj.weight is trainer.bare_model.transformer.embeddings.weight
    text = load_text(options.data.parallel, load_tokenizer(options.tokenizer), TextOptions())
    seen = np.unique(np.concatenate([ids for side in text.sides for ids in side.segments]))
    moved = (tables["random"] != tables["cooccurrence"]).any(1).numpy()
    assert np.array_equal(np.flatnonzero(moved), seen)
    assert tables["cooccurrence"][seen].norm(dim=1).numpy() == pytest.approx(1, abs=1e-5)


def test_a_resumed_run_keeps_its_embeddings(
    options: PretrainOptions, put_together: Callable[[PretrainOptions], Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretrain(replace(options, embeddings="cooccurrence"), [])
    monkeypatch.delattr(pretraining, "cooccurrence_embeddings")  # not computed again
    saved = open_pretrained(options.run.folder).encoder().embeddings.weight
    run = replace(options.run, resume=True)
    trainer = put_together(replace(options, embeddings="cooccurrence", run=run))
    assert torch.equal(trainer.bare_model.transformer.embeddings.weight, saved)


def test_a_resumed_run_learns_to_write_the_same(
    options: PretrainOptions, put_together: Callable[[PretrainOptions], Trainer]
) -> None:
    options = replace(options, objectives=("tlm",), data=replace(options.data, mono=()))
    pretrain(options, [])
    parallel = tuple(replace(source, synthetic="en") for source in options.data.parallel)
    other = replace(options, data=replace(options.data, parallel=parallel), run=replace(options.run, resume=True))
    with pytest.raises(TrainingError, match="text in en-fr for tlm whose en is learned: none, not 0 lines"):
        put_together(other)


def test_every_objective_has_its_streams(
    options: PretrainOptions, put_together: Callable[[PretrainOptions], Trainer]
) -> None:
    trainer = put_together(replace(options, objectives=("mlm", "tlm", "clm")))
    streams = [(objective.name, [stream.name for stream in objective.streams]) for objective in trainer.objectives]
    assert streams == [("mlm", ["en", "fr"]), ("tlm", ["en-fr"]), ("clm", ["en", "fr"])]
    # Running text is the monolingual text and that side of the pairs.
    assert [stream.size for stream in trainer.objectives[0].streams] == [40, 40]
    assert [stream.langs for stream in trainer.objectives[1].streams] == [(0, 1)]
    assert max(trainer.objectives[0].streams[0].data.sides[0].lens) == 24 - 2
    lines = trainer.objectives[0].streams[0].sampler.next()
    assert not np.array_equal(lines, trainer.objectives[2].streams[0].sampler.next())


def test_smoothing_counts_the_words_of_the_text(
    options: PretrainOptions,
    put_together: Callable[[PretrainOptions], Trainer],
    tiny_tokenizer: Path,
    sentences: dict[str, list[str]],
) -> None:
    trainer = put_together(options)
    lm_options: LanguageModelOptions = trainer.objectives[0].options
    ids = load_tokenizer(tiny_tokenizer).encode_batch(sentences["en"] + sentences["fr"])
    counts = 2 * np.bincount([word for line in ids for word in line], minlength=420)  # monolingual, and in pairs
    assert lm_options.word_weights is not None
    seen = counts > 0
    assert lm_options.word_weights[seen].tolist() == pytest.approx((counts[seen] ** -0.5).tolist())
    assert not lm_options.word_weights[~seen].any()


def test_validation_text_may_be_of_some_languages(
    options: PretrainOptions, put_together: Callable[[PretrainOptions], Trainer]
) -> None:
    data = replace(options.data, valid=options.data.mono[1:])
    scores = put_together(replace(options, data=data)).validator()
    assert set(scores.values) == {"fr mlm ppl", "fr mlm acc"}


@pytest.mark.parametrize("repeat", [0.2, 3.0])
def test_all_held_out_text_is_scored_once(
    options: PretrainOptions, put_together: Callable[[PretrainOptions], Trainer], repeat: float
) -> None:
    (pairs,) = options.data.valid
    valid = (replace(pairs, repeat=repeat),)
    validator = put_together(replace(options, data=replace(options.data, valid=valid))).validator
    names = ("en mlm", "fr mlm", "en-fr tlm")
    assert [validator.text[f"held-out text in {name}"] for name in names] == ["20 lines"] * 3


@pytest.mark.parametrize("option", ["mono", "valid"])
def test_tlm_alone_reads_pairs(
    options: PretrainOptions, put_together: Callable[[PretrainOptions], Trainer], tmp_path: Path, option: str
) -> None:
    pairs = replace(options.data, mono=())
    made = replace(pairs, parallel=(replace(pairs.parallel[0], synthetic="fr"),))
    put_together(replace(options, objectives=("tlm",), data=made))
    english = options.data.mono[0]
    data = replace(pairs, **{option: (*getattr(pairs, option), english)})
    run = replace(options.run, folder=tmp_path / "other")
    with pytest.raises(UsageError, match=f"--{option} en=.*: (no objective reads|nothing is scored on) it"):
        pretrain(replace(options, objectives=("tlm",), data=data, run=run), [])
    put_together(replace(options, objectives=("tlm", "clm"), data=data, run=run))


ERRORS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no text": ({"mono": (), "parallel": ()}, UsageError, "no training text"),
    "no pairs": ({"parallel": ()}, UsageError, "the objective tlm needs parallel text"),
    "no validation text": ({"valid": ()}, UsageError, "no validation text"),
    "other validation text": (
        {"valid": (Source(("de", "en"), Path("x.tsv")),)},
        UsageError,
        "validation text in de, which has no training text",
    ),
}


@pytest.mark.parametrize("name", list(ERRORS))
def test_text_that_does_not_fit(options: PretrainOptions, name: str) -> None:
    changes, error, message = ERRORS[name]
    with pytest.raises(error, match=message):
        pretrain(replace(options, data=replace(options.data, **changes)), [])
    assert not (options.run.folder / "config.json").exists()


def test_sizes_that_do_not_fit(options: PretrainOptions, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--block-len 49 is above --max-positions 48"):
        pretrain(replace(options, block_len=49), [])
    with pytest.raises(UsageError, match="--max-len 40 leaves no room for a pair in --max-positions 48"):
        pretrain(replace(options, tells_languages=False), [])
    with pytest.raises(UsageError, match="--dim 16 is not a multiple of --heads 3"):
        pretrain(replace(options, size=replace(options.size, num_heads=3)), [])
    with pytest.raises(ModelError, match=r"no tokenizer\.model in .*nowhere"):
        pretrain(replace(options, tokenizer=tmp_path / "nowhere"), [])


def test_embeddings_that_do_not_fit(options: PretrainOptions, tmp_path: Path) -> None:
    options = replace(options, embeddings="cooccurrence")
    with pytest.raises(UsageError, match="420 words are too few for --dim 420"):
        pretrain(replace(options, size=replace(options.size, dim=420)), [])
    pretrain(replace(options, run=replace(options.run, folder=tmp_path / "first")), [])
    second = tmp_path / "second"
    with pytest.raises(UsageError, match="--embeddings cooccurrence is for a new model"):
        pretrain(replace(options, init=tmp_path / "first", tokenizer=None, run=replace(options.run, folder=second)), [])
    assert not second.exists()
