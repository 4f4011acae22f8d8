"""How a run of translation training is put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME
from xlmcli.checkpoint import growing
from xlmcli.checkpoint.config import CheckpointConfig, load_config, save_config
from xlmcli.checkpoint.pretrained import open_pretrained
from xlmcli.checkpoint.weights import load_seq2seq, save_weights, saved_state
from xlmcli.errors import DataError, ModelError, UsageError
from xlmcli.model.seq2seq import Seq2Seq
from xlmcli.model.transformer import XLMLanguageModel, XLMShape
from xlmcli.records import Direction
from xlmcli.sources import Source, parse_source
from xlmcli.text import load_tokenizer
from xlmcli.text.augmentation import Augmentation
from xlmcli.train.core.log import JsonLog
from xlmcli.train.core.loop import RunState, Trainer
from xlmcli.train.core.options import LoopOptions
from xlmcli.train.translation import run as translation
from xlmcli.train.translation.options import TranslateTrainingOptions
from xlmcli.train.translation.run import train_translation

EN_FR, FR_EN = Direction("en", "fr"), Direction("fr", "en")
SHAPE = XLMShape(420, 2, 16, num_layers=2, num_heads=2, max_positions=48, dropout=0.3)

PutTogether = Callable[[TranslateTrainingOptions], Trainer]
MakePretrained = Callable[..., Path]
ReadLog = Callable[[Path, str], list[dict[str, Any]]]


@pytest.fixture
def options(train_options: Callable[..., TranslateTrainingOptions], tmp_path: Path) -> TranslateTrainingOptions:
    return train_options(tmp_path / "run", LoopOptions(max_steps=1, precision="fp32"))


@pytest.fixture
def put_together(monkeypatch: pytest.MonkeyPatch) -> PutTogether:
    """Sets a run up and hands out its trainer in place of training."""

    def start(options: TranslateTrainingOptions) -> Trainer:
        trainers: list[Trainer] = []
        monkeypatch.setattr(Trainer, "run", lambda self: trainers.append(self) or RunState())
        train_translation(options, [])
        return trainers[0]

    return start


@pytest.fixture
def make_pretrained(
    tmp_path: Path, tiny_tokenizer: Path, randomise: Callable[[nn.Module, int], None]
) -> MakePretrained:
    """Writes a random pretrained XLM: ``make_pretrained(name, langs, **changes of the shape)``."""

    def make(name: str, langs: tuple[str, ...] = ("en", "fr"), **changes: Any) -> Path:
        shape = replace(SHAPE, **{"num_langs": len(langs), **changes})
        model = XLMLanguageModel(shape)
        randomise(model, sum(map(ord, name)))
        folder = tmp_path / name
        folder.mkdir()
        save_config(CheckpointConfig(langs, shape), folder)
        save_weights(saved_state(model), folder / CHECKPOINT_WEIGHTS_NAME)
        load_tokenizer(tiny_tokenizer).save(folder)
        return folder

    return make


def streams_of(trainer: Trainer) -> list[tuple[str, list[tuple[str, tuple[int, ...], float]]]]:
    return [
        (objective.name, [(stream.name, stream.langs, stream.size) for stream in objective.streams])
        for objective in trainer.objectives
    ]


def test_every_objective_has_its_streams(options: TranslateTrainingOptions, put_together: PutTogether) -> None:
    # 20 pairs, and as many sentences a language without a translation.
    assert streams_of(put_together(options)) == [
        ("mt", [("en-fr", (0, 1), 20), ("fr-en", (1, 0), 20)]),
        ("ae", [("en", (0,), 40), ("fr", (1,), 40)]),
        ("bt", [("en-fr", (0, 1), 40), ("fr-en", (1, 0), 40)]),
    ]


def test_bt_reads_the_target_language(
    options: TranslateTrainingOptions, put_together: PutTogether, tiny_tokenizer: Path, sentences: dict[str, list[str]]
) -> None:
    trainer = put_together(options)
    tokenizer = load_tokenizer(tiny_tokenizer)
    for stream in trainer.objectives[2].streams:
        assert stream.data is not None
        (side,) = stream.data.sides
        assert set(tokenizer.decode_batch([side[i] for i in range(len(side))])) == set(sentences[stream.name[-2:]])


def test_mt_reads_its_own_sides(
    options: TranslateTrainingOptions, put_together: PutTogether, tiny_tokenizer: Path, sentences: dict[str, list[str]]
) -> None:
    tokenizer = load_tokenizer(tiny_tokenizer)
    for stream in put_together(options).objectives[0].streams:
        assert stream.data is not None
        for lang, side in zip(stream.name.split("-"), stream.data.sides, strict=True):
            assert tokenizer.decode_batch([side[i] for i in range(len(side))]) == sentences[lang]


def test_variants_with_errors_are_learned_in_one_direction(
    options: TranslateTrainingOptions, put_together: PutTogether
) -> None:
    text = replace(options.data.text, augmentations=(Augmentation("typos", 1),))
    trainer = put_together(replace(options, data=replace(options.data, text=text)))
    first, second = trainer.objectives[0].streams
    assert first.data is not None
    num_variants = len(first.data) - 20
    assert num_variants > 0
    assert first.size + second.size == 40 + num_variants


def test_pairs_in_either_order_are_taken(
    options: TranslateTrainingOptions, put_together: PutTogether, tmp_path: Path
) -> None:
    (tmp_path / "more.tsv").write_text("Bonjour.\tGood morning.\n", encoding="utf-8")
    parallel = (*options.data.parallel, Source(("fr", "en"), tmp_path / "more.tsv"))
    (mt,) = put_together(
        replace(options, objectives=("mt",), data=replace(options.data, mono=(), parallel=parallel))
    ).objectives
    assert [stream.size for stream in mt.streams] == [21, 21]


def test_directions_are_both_of_each_pair_by_default(
    options: TranslateTrainingOptions, put_together: PutTogether
) -> None:
    put_together(replace(options, directions=()))
    assert load_config(options.run.folder).directions == (EN_FR, FR_EN)


def test_one_direction_alone(options: TranslateTrainingOptions, put_together: PutTogether) -> None:
    data = replace(options.data, mono=options.data.mono[:1])
    trainer = put_together(replace(options, directions=(FR_EN,), objectives=("mt", "bt"), data=data))
    assert load_config(options.run.folder).directions == (FR_EN,)
    assert streams_of(trainer) == [("mt", [("fr-en", (1, 0), 20)]), ("bt", [("fr-en", (1, 0), 40)])]
    assert set(trainer.validator().values) == {"fr-en bleu", "fr-en ppl"}


def test_text_without_translations_is_enough_for_ae_and_bt(
    options: TranslateTrainingOptions, put_together: PutTogether
) -> None:
    data = replace(options.data, parallel=())
    trainer = put_together(replace(options, objectives=("ae", "bt"), data=data))
    assert [size for _, streams in streams_of(trainer) for _, _, size in streams] == [20] * 4


def test_long_validation_pairs_are_cut(
    options: TranslateTrainingOptions, put_together: PutTogether, tmp_path: Path
) -> None:
    (tmp_path / "long.tsv").write_text(f"{'cat ' * 300}\t{'chat ' * 300}\n", encoding="utf-8")
    data = replace(options.data, valid=(Source(("en", "fr"), tmp_path / "long.tsv"),))
    assert put_together(replace(options, data=data)).validator().values["en-fr ppl"] > 1


def test_both_sides_start_from_the_pretrained_model(
    options: TranslateTrainingOptions, put_together: PutTogether, make_pretrained: MakePretrained
) -> None:
    folder = make_pretrained("xlm")
    trainer = put_together(replace(options, init_encoder=folder, init_decoder=folder, tokenizer=None))

    pretrained = open_pretrained(folder).language_model().state_dict()
    model = trainer.bare_model
    assert isinstance(model, Seq2Seq)
    for name, value in model.encoder.state_dict().items():
        assert torch.equal(value, pretrained[f"transformer.{name}"])
    assert torch.equal(model.decoder.attentions[0].q_lin.weight, pretrained["transformer.attentions.0.q_lin.weight"])
    config = load_config(options.run.folder)
    assert (config.shape.num_layers, config.decoder_layers) == (2, 1)
    assert (config.shape.dropout, config.shape.attention_dropout) == (0.1, 0.1), "dropout is training's own"
    assert load_tokenizer(options.run.folder).vocab_size == 420


def test_the_result_opens(options: TranslateTrainingOptions) -> None:
    train_translation(options, [])
    model, config = load_seq2seq(options.run.folder)
    assert config.directions == (EN_FR, FR_EN)
    assert (model.encoder.shape, model.decoder.shape) == (config.shape, config.decoder_shape)


def test_a_language_may_have_no_text_of_its_own(
    options: TranslateTrainingOptions, put_together: PutTogether, make_pretrained: MakePretrained
) -> None:
    folder = make_pretrained("xlm", ("de", "en", "fr"))
    put_together(replace(options, init_encoder=folder, init_decoder=folder))
    assert load_config(options.run.folder).lang2id == {"de": 0, "en": 1, "fr": 2}


def test_held_out_files_of_one_pair_are_one_text(
    options: TranslateTrainingOptions, put_together: PutTogether, tmp_path: Path
) -> None:
    (tmp_path / "more.tsv").write_text("Hello.\tBonjour.\n")
    (source,) = options.data.valid
    more = Source(("en", "fr"), tmp_path / "more.tsv")
    twice = replace(options, data=replace(options.data, valid=(source, more)), directions=(EN_FR, EN_FR))
    (text,) = put_together(twice).validator._held_out  # type: ignore[attr-defined]
    assert text.references[-1] == "Bonjour."
    assert len(text.references) == len(source.path.read_text().splitlines()) + 1
    (tmp_path / "more.tsv").write_text("")
    empty = replace(options, data=replace(options.data, valid=(more,)), run=replace(options.run, folder=tmp_path / "x"))
    with pytest.raises(DataError, match=r"no usable line in .*more\.tsv"):
        train_translation(empty, [])


def test_back_translation_may_go_where_there_are_no_pairs(
    options: TranslateTrainingOptions, put_together: PutTogether
) -> None:
    text = replace(options.data, parallel=(replace(options.data.parallel[0], synthetic="en"),))
    both = replace(options, data=text, objectives=("mt", "bt"), directions=(EN_FR, FR_EN))
    streams = {name: [stream for stream, *_ in made] for name, made in streams_of(put_together(both))}
    assert streams == {"mt": ["en-fr"], "bt": ["en-fr", "fr-en"]}
    only = replace(both, directions=(FR_EN,), run=replace(options.run, folder=options.run.folder.with_name("none")))
    with pytest.raises(UsageError, match="all parallel text for fr-en is synthetic in en"):
        train_translation(only, [])


# Text beside the pairs of English and French, both directions learned by all objectives.
USELESS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "mono without ae and bt": ({"objectives": ("mt",)}, {"mono": "en"}),
    "mono in a language of no direction": ({"directions": (EN_FR, FR_EN)}, {"mono": "de"}),
    "mono of the source for bt": ({"objectives": ("mt", "bt"), "directions": (EN_FR,)}, {"mono": "en"}),
    "pairs of no direction": ({"objectives": ("mt",), "directions": (EN_FR,)}, {"parallel": "de-it"}),
    "pairs of half a direction": ({"objectives": ("mt",), "directions": (EN_FR,)}, {"parallel": "en-de"}),
    "pairs that nobody should learn to write": (
        {"objectives": ("mt",), "directions": (EN_FR,)},
        {"parallel": "en-fr,synthetic=fr"},
    ),
    "held-out pairs of no direction": ({"objectives": ("mt",), "directions": (EN_FR,)}, {"valid": "en-de"}),
    "held-out text in one language": ({}, {"valid": "fr"}),
}


@pytest.mark.parametrize("name", USELESS)
def test_text_that_is_of_no_use_is_told(
    options: TranslateTrainingOptions, tmp_path: Path, read_log: ReadLog, name: str
) -> None:
    changes, ((option, langs),) = USELESS[name][0], USELESS[name][1].items()
    langs, _, extra = langs.partition(",")
    (tmp_path / "more").write_text("Guten Tag.\tBuon giorno.\n" * 3, encoding="utf-8")
    source = parse_source(f"{langs}={tmp_path / 'more'}{',' if extra else ''}{extra}")
    data = replace(options.data, mono=())
    if option == "valid" and langs == "en-de":  # of languages that have text
        data = replace(data, parallel=(*data.parallel, parse_source(f"fr-de={tmp_path / 'more'}")))
        changes = {**changes, "directions": (EN_FR, Direction("fr", "de"))}
    data = replace(data, **{option: (*getattr(data, option), source)})
    options = replace(options, data=data, **changes)
    why = "nothing is scored on it" if option == "valid" else "no objective reads it"
    message = f"--{option} {source}: {why}"
    with pytest.raises(UsageError) as caught:
        train_translation(options, [])
    assert caught.value.message == message
    assert not options.run.folder.exists()
    # A settings file may name it for another run, and runs may have begun with it.
    log = JsonLog(options.run.folder)
    train_translation(replace(options, data=replace(data, shared=frozenset({option}))), [log])
    train_translation(replace(options, run=replace(options.run, resume=True)), [log])
    assert [event["text"] for event in read_log(options.run.folder, "warning")] == [message] * 2


@pytest.mark.parametrize(("objective", "sizes"), [("ae", {"en": 20, "fr": 23}), ("bt", {"en-fr": 23})])
def test_sides_of_pairs_are_text_too(
    options: TranslateTrainingOptions,
    put_together: PutTogether,
    tmp_path: Path,
    objective: str,
    sizes: dict[str, int],
) -> None:
    """The French of three pairs with German, and not their synthetic German, is read beside that of twenty others."""
    (tmp_path / "more").write_text("Guten Tag.\tBonjour.\n" * 3, encoding="utf-8")
    more = parse_source(f"de-fr={tmp_path / 'more'},synthetic=de")
    data = replace(options.data, mono=(), parallel=(*options.data.parallel, more))
    trainer = put_together(replace(options, objectives=("mt", objective), directions=(EN_FR,), data=data))
    _, (_, streams) = streams_of(trainer)
    assert {name: size for name, _, size in streams} == sizes


def test_the_start_is_not_read_for_a_run_that_goes_on(
    options: TranslateTrainingOptions, make_pretrained: MakePretrained
) -> None:
    xlm = make_pretrained("xlm")
    begun = replace(options, init_encoder=xlm, init_decoder=xlm, tokenizer=None)
    assert train_translation(begun, []).step == 1
    (xlm / CHECKPOINT_WEIGHTS_NAME).write_bytes(b"gone")
    loop = replace(options.run.loop, max_steps=2)
    assert train_translation(replace(begun, run=replace(options.run, resume=True, loop=loop)), []).step == 2


def test_text_that_does_not_fit(options: TranslateTrainingOptions, tmp_path: Path) -> None:
    data = options.data
    de_en = (Source(("de", "en"), tmp_path / "x.tsv"),)
    bt_only = {"objectives": ("bt",), "directions": (Direction("de", "en"), EN_FR)}
    for changes, message in (
        ({"data": replace(data, mono=(), parallel=())}, "no training text"),
        ({"data": replace(data, valid=())}, "no validation text"),
        ({"data": replace(data, valid=data.mono)}, "no validation pairs for these directions"),
        ({"data": replace(data, valid=de_en)}, "validation text in de, which has no training text"),
        ({"data": replace(data, parallel=())}, "the objective mt has no parallel text for en-fr"),
        ({"data": replace(data, parallel=()), "directions": ()}, "nothing to translate"),
        (bt_only, "no text in de"),
        ({"tokenizer": None}, "no vocabulary"),
        (
            {"data": replace(data, text=replace(data.text, limits=replace(data.text.limits, max_len=47)))},
            "--max-len 47 leaves no room for </s>",
        ),
    ):
        with pytest.raises(UsageError, match=message):
            train_translation(replace(options, **changes), [])
    assert not (options.run.folder / "config.json").exists()


def test_pretrained_models_that_do_not_fit(options: TranslateTrainingOptions, make_pretrained: MakePretrained) -> None:
    xlm, german = make_pretrained("xlm"), make_pretrained("german", ("de", "en"))
    others = [
        make_pretrained("wide", dim=32),
        make_pretrained("long", max_positions=64),
        make_pretrained("relu", gelu=False),
        make_pretrained("heads", num_heads=4),
        german,
    ]
    small = make_pretrained("small", num_words=300)
    for encoder, decoder, changes, error, message in (
        *((xlm, other, {}, ModelError, "differ in sizes or languages") for other in others),
        (german, german, {"directions": (Direction("de", "it"),)}, UsageError, "no text in it"),
        (small, small, {}, ModelError, "the vocabulary has 420 entries, the pretrained model 300"),
        (xlm, xlm, {"decoder_layers": 3}, UsageError, "--decoder-layers 3 is more than the 2 layers to start from"),
        (xlm.parent / "nowhere", None, {}, ModelError, "not a checkpoint"),
    ):
        with pytest.raises(error, match=message):
            train_translation(replace(options, init_encoder=encoder, init_decoder=decoder, **changes), [])


@pytest.mark.parametrize("was_told", [True, False])
def test_a_run_goes_on_with_the_language_embeddings_that_it_began_with(
    options: TranslateTrainingOptions, make_pretrained: MakePretrained, monkeypatch: pytest.MonkeyPatch, was_told: bool
) -> None:
    """An older version gave a translator none where its start had none."""
    xlm = make_pretrained("xlm", num_langs=1)
    begun = replace(options, init_encoder=xlm, init_decoder=xlm, tokenizer=None)

    def grow_as_before(*args: Any, tells_languages: bool) -> growing.Grown:
        return growing.grow(*args)

    if not was_told:
        monkeypatch.setattr(translation, "grow", grow_as_before)
    train_translation(begun, [])
    monkeypatch.undo()
    assert load_config(options.run.folder).shape.num_langs == (2 if was_told else 1)
    loop = replace(options.run.loop, max_steps=2)
    assert train_translation(replace(begun, run=replace(options.run, resume=True, loop=loop)), []).step == 2


def test_a_decoder_may_differ_in_depth(
    options: TranslateTrainingOptions, put_together: PutTogether, make_pretrained: MakePretrained
) -> None:
    deep, shallow = make_pretrained("deep", num_layers=3), make_pretrained("shallow", num_layers=1)
    put_together(replace(options, init_encoder=deep, init_decoder=shallow))
    config = load_config(options.run.folder)
    assert (config.shape.num_layers, config.decoder_layers) == (3, 1)


def test_one_random_side(
    options: TranslateTrainingOptions, put_together: PutTogether, make_pretrained: MakePretrained
) -> None:
    xlm = make_pretrained("xlm")
    trainer = put_together(replace(options, init_encoder=None, init_decoder=xlm))
    model = trainer.bare_model
    assert isinstance(model, Seq2Seq)
    assert not torch.equal(model.encoder.embeddings.weight, model.decoder.embeddings.weight)
    assert load_config(options.run.folder).shape.num_layers == 2
