"""How runs of classifier training are put together, and what they leave behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import XLMForSequenceClassification

from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME
from xlmcli.checkpoint.config import CheckpointConfig, load_config, save_config
from xlmcli.checkpoint.pretrained import open_pretrained
from xlmcli.checkpoint.training_state import load_training_state
from xlmcli.checkpoint.weights import read_weights, save_weights, saved_state
from xlmcli.errors import DataError, ModelError, TrainingError, UsageError, XlmError
from xlmcli.model.classifier import Classifier
from xlmcli.model.classifier_config import ClassifierConfig
from xlmcli.model.transformer import XLMLanguageModel, XLMShape
from xlmcli.sources import Source
from xlmcli.text import load_tokenizer
from xlmcli.text.sentencepiece_training import TokenizerOptions, train_sentencepiece
from xlmcli.text.special import BOS_ID, EOS_ID
from xlmcli.train.classification.files import Columns
from xlmcli.train.classification.objective import make_tokens
from xlmcli.train.classification.options import ClassifyTrainingOptions
from xlmcli.train.classification.run import train_classification
from xlmcli.train.classification.start import make_start
from xlmcli.train.core.log import JsonLog
from xlmcli.train.core.loop import Trainer
from xlmcli.train.core.optim import OptimOptions
from xlmcli.train.core.options import LoopOptions, RunOptions, SizeOptions
from xlmcli.train.core.progress import TrainingProgress
from xlmcli.train.core.validation import Scores
from xlmcli.train.data.corpus import TextData

SIZE = SizeOptions(16, 1, 2, 48, gelu=True, sinusoidal=False, dropout=0.0, attention_dropout=0.0)
SHAPE = XLMShape(420, 2, 16, num_layers=2, num_heads=2, max_positions=48)
LOOP = LoopOptions(max_steps=40, valid_every=20, log_every=20, precision="fp32")
Randomise = Callable[[nn.Module, int], None]


@dataclass
class Recorder:
    """Remembers what a run tells."""

    texts: list[TextData] = field(default_factory=list)
    scores: list[Scores] = field(default_factory=list)
    notes: list[Mapping[str, float]] = field(default_factory=list)

    def loaded(self, text: TextData) -> None:
        self.texts.append(text)

    def progress(self, progress: TrainingProgress) -> None:
        pass

    def validated(self, step: int, elapsed_seconds: float, scores: Scores, is_best: bool) -> None:
        self.scores.append(scores)

    def noted(self, figures: Mapping[str, float]) -> None:
        self.notes.append(figures)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, sentences: dict[str, list[str]]) -> dict[str, Path]:
    """Labelled text a language: a sentence is a question, or long, or short."""
    folder = tmp_path_factory.mktemp("labelled")
    paths = {lang: folder / f"{lang}.tsv" for lang in sentences}
    for lang, path in paths.items():
        path.write_text("".join(f"{label_of(line)}\t{line}\n" for line in sentences[lang]), encoding="utf-8")
    return paths


def label_of(line: str) -> str:
    return "question" if line.endswith("?") else "long" if len(line) > 35 else "short"


@pytest.fixture
def options(files: dict[str, Path], tiny_tokenizer: Path, tmp_path: Path) -> ClassifyTrainingOptions:
    """A run on English, with French zero-shot, from random weights."""
    return ClassifyTrainingOptions(
        tokenizer=tiny_tokenizer,
        init=None,
        train=(Source(("en",), files["en"]),),
        valid=(Source(("en",), files["en"]), Source(("fr",), files["fr"])),
        select=(),
        columns=Columns(),
        pooling=None,
        is_balanced=False,
        word_blank=0.0,
        max_len=None,
        batch_size=8,
        alpha=0.5,
        max_epochs=None,
        num_seeds=1,
        size=SIZE,
        run=RunOptions(tmp_path / "run", False, "cpu", LOOP, OptimOptions(3e-3, "constant", warmup=5, head_lr=1e-2)),
    )


def with_loop(options: ClassifyTrainingOptions, **changes: Any) -> ClassifyTrainingOptions:
    return replace(options, run=replace(options.run, loop=replace(options.run.loop, **changes)))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def pretrained(tiny_tokenizer: Path, randomise: Randomise, tmp_path: Path) -> Path:
    folder = tmp_path / "xlm"
    folder.mkdir()
    model = XLMLanguageModel(SHAPE)
    randomise(model, 1)
    save_config(CheckpointConfig(("en", "fr"), SHAPE), folder)
    save_weights(saved_state(model), folder / CHECKPOINT_WEIGHTS_NAME)
    load_tokenizer(tiny_tokenizer).save(folder)
    return folder


def test_it_learns_and_opens_elsewhere(options: ClassifyTrainingOptions, sentences: dict[str, list[str]]) -> None:
    recorder = Recorder()
    state = train_classification(with_loop(options, max_steps=100, valid_every=50), [recorder])
    assert state.best[0] > 90
    assert [data.langs for data in recorder.texts] == [("en",)]
    assert list(recorder.scores[-1].values) == ["en f1", "en acc", "fr zero-shot f1", "fr zero-shot acc"]
    folder = options.run.folder
    model, config = open_pretrained(folder).classifier(), open_pretrained(folder).config
    assert model is not None
    assert config.classifier is not None
    assert config.classifier.labels == ("long", "question", "short")
    assert (config.classifier.train_langs, config.classifier.start_id, config.max_len) == (("en",), EOS_ID, 46)
    (note,) = recorder.notes
    assert note["temperature"] == pytest.approx(config.classifier.temperature)
    assert config.classifier.temperature != 1
    assert note["calibrated loss"] < note["loss"]

    theirs = XLMForSequenceClassification.from_pretrained(folder).eval()
    ids = load_tokenizer(folder).encode(sentences["en"][2])
    tokens = make_tokens([ids], np.array([config.lang2id["en"]]), config.classifier.start_id, torch.device("cpu"))
    with torch.no_grad():
        logits = theirs(input_ids=tokens.ids, langs=tokens.langs.expand_as(tokens.ids)).logits
        torch.testing.assert_close(model.eval()(tokens), logits, atol=1e-5, rtol=1e-5)
    assert theirs.config.id2label[int(logits.argmax())] == label_of(sentences["en"][2])


def test_a_resumed_run_ends_where_one_that_never_stopped_does(options: ClassifyTrainingOptions, tmp_path: Path) -> None:
    options = replace(options, size=replace(SIZE, dropout=0.1), train=(*options.train, options.valid[1]))
    whole = replace(options, run=replace(options.run, folder=tmp_path / "whole"))
    train_classification(whole, [])
    train_classification(with_loop(options, max_steps=20), [])
    train_classification(replace(options, run=replace(options.run, resume=True)), [])
    states = [load_training_state(each.run.folder / "training" / "state.pt") for each in (whole, options)]
    for name, weight in states[0]["weights"].items():
        torch.testing.assert_close(states[1]["weights"][name], weight, atol=0, rtol=0)
    assert states[0]["run"]["best"] == states[1]["run"]["best"]
    assert load_config(whole.run.folder) == load_config(options.run.folder)  # the temperature too
    with pytest.raises(UsageError, match=r"has another model: max len: 46, not 9$"):
        train_classification(replace(options, max_len=9, run=replace(options.run, resume=True)), [])


def test_weights_that_a_resumed_run_finds_are_not_calibrated_until_it_ends(options: ClassifyTrainingOptions) -> None:
    class Kill(Recorder):
        def progress(self, progress: TrainingProgress) -> None:
            raise ZeroDivisionError

    train_classification(with_loop(options, max_steps=20), [])
    first = load_config(options.run.folder)
    assert first.uncalibrated() != first
    resumed = replace(options, run=replace(options.run, resume=True))
    with pytest.raises(ZeroDivisionError):
        train_classification(with_loop(resumed, max_steps=25, log_every=1), [Kill()])
    assert load_config(options.run.folder) == first.uncalibrated()
    train_classification(with_loop(resumed, max_steps=25), [])
    assert load_config(options.run.folder).uncalibrated() != load_config(options.run.folder)


def test_other_labels_cannot_be_resumed(options: ClassifyTrainingOptions, tmp_path: Path) -> None:
    train_classification(with_loop(options, max_steps=1), [])
    resumed = replace(options, run=replace(options.run, resume=True))
    (english,), french = options.train, options.valid[1]
    relabelled = tmp_path / "relabelled.tsv"
    relabelled.write_text(english.path.read_text(encoding="utf-8").replace("long\t", "short\t", 1), encoding="utf-8")
    other = replace(english, path=relabelled)
    for changed, message in (
        (replace(resumed, train=(other,)), "beginning of text in texts for classify: "),
        (replace(resumed, valid=(other, french)), "beginning of held-out text in en: "),
        (replace(resumed, select=("fr",)), "languages that choose the best model: en, not fr$"),
    ):
        with pytest.raises(TrainingError, match=f"has other text: {message}"):
            train_classification(changed, [])


def test_several_seeds_and_the_best_of_them(options: ClassifyTrainingOptions) -> None:
    recorder, folder = Recorder(), options.run.folder
    options = with_loop(replace(options, num_seeds=2), max_steps=12, valid_every=6, seed=3)
    best = train_classification(options, [recorder])
    states = [load_training_state(folder / f"seed-{seed}" / "training" / "state.pt") for seed in (3, 4)]
    scores = [state["run"]["best"][0] for state in states]
    assert scores[0] != scores[1]
    assert best.best[0] == max(scores)
    assert [note["seed"] for note in recorder.notes if "seed" in note] == [3, 4]
    last = recorder.notes[-1]
    assert last["best seed"] == 3 + int(np.argmax(scores))
    assert (last["mean f1"], last["spread f1"]) == (
        pytest.approx(np.mean(scores)),
        pytest.approx(np.std(scores, ddof=1)),
    )
    chosen = folder / f"seed-{last['best seed']}"
    assert (
        read_weights(folder / CHECKPOINT_WEIGHTS_NAME).keys() == read_weights(chosen / CHECKPOINT_WEIGHTS_NAME).keys()
    )
    assert (folder / CHECKPOINT_WEIGHTS_NAME).read_bytes() == (chosen / CHECKPOINT_WEIGHTS_NAME).read_bytes()
    assert load_config(folder) == load_config(chosen)
    assert load_tokenizer(folder).vocab_size == 420

    with pytest.raises(UsageError, match="has runs of several seeds") as caught:
        train_classification(options, [])
    assert str(caught.value.hint).startswith("--resume --seed 3 --seeds 2 goes on with them")
    # A third seed is added; the two others are done and take no step.
    train_classification(replace(options, num_seeds=3, run=replace(options.run, resume=True)), [recorder])
    again = [load_training_state(folder / f"seed-{seed}" / "training" / "state.pt") for seed in (3, 4, 5)]
    assert [state["run"]["step"] for state in again] == [12, 12, 12]
    assert [state["run"]["elapsed_seconds"] for state in again[:2]] == [
        state["run"]["elapsed_seconds"] for state in states
    ]


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (2, 3)])
def test_runs_of_one_seed_and_of_several_keep_out_of_each_others_folders(
    options: ClassifyTrainingOptions, before: int, after: int, resume: bool
) -> None:
    options = with_loop(replace(options, num_seeds=before), max_steps=1)
    train_classification(options, [])
    kept = contents(options.run.folder)
    found = "has a run of one seed" if before == 1 else "has runs of several seeds"
    # Other seeds than are there are others' runs, too.
    changed = with_loop(replace(options, num_seeds=after), seed=7 if after == 3 else 0)
    with pytest.raises(UsageError, match=found) as caught:
        train_classification(replace(changed, run=replace(changed.run, resume=resume)), [])
    assert "--resume" in str(caught.value.hint)
    assert "--seeds" in str(caught.value.hint)
    assert contents(options.run.folder) == kept


def test_seeds_of_which_one_has_begun_are_gone_on_with(options: ClassifyTrainingOptions) -> None:
    options = with_loop(replace(options, num_seeds=2), max_steps=1, seed=5)
    train_classification(options, [])
    folder = options.run.folder
    (folder / "seed-6" / "training" / "state.pt").unlink()  # As where the run was killed in it.
    for name in ("model.safetensors", "config.json", "tokenizer.model"):
        (folder / name).unlink()
        (folder / "seed-6" / name).unlink()
    with pytest.raises(UsageError, match="has runs of several seeds") as caught:
        train_classification(replace(options, num_seeds=1, run=replace(options.run, resume=True)), [])
    assert str(caught.value.hint).startswith("--resume --seed 5 --seeds 2 goes on with them")
    train_classification(replace(options, run=replace(options.run, resume=True)), [])
    assert load_config(folder).classifier is not None


def test_seeds_that_died_before_their_first_checkpoint_are_begun_again(
    options: ClassifyTrainingOptions, tmp_path: Path
) -> None:
    options = with_loop(replace(options, num_seeds=2), max_steps=1)
    whole, folder = replace(options, run=replace(options.run, folder=tmp_path / "whole")), options.run.folder
    train_classification(whole, [JsonLog(whole.run.folder)])
    for name in ("seed-0", "seed-1"):
        (folder / name / "training").mkdir(parents=True)
        (folder / name / "vocab.json").write_text("dead")
    (folder / "log.jsonl").write_text("dead")
    train_classification(options, [JsonLog(folder)])
    assert contents(folder).keys() == contents(whole.run.folder).keys()
    assert "dead" not in (folder / "log.jsonl").read_text()


def test_what_was_pretrained_is_there_at_the_start(
    options: ClassifyTrainingOptions, pretrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Classifier] = []
    run = Trainer.run

    def remember(self: Trainer) -> Any:
        assert isinstance(self.bare_model, Classifier)
        model = Classifier(self.bare_model.transformer.shape, ClassifierConfig(("long", "question", "short")))
        model.load_state_dict(self.bare_model.state_dict())
        started.append(model)
        return run(self)

    monkeypatch.setattr(Trainer, "run", remember)
    options = with_loop(replace(options, init=pretrained, tokenizer=None), max_steps=2)
    train_classification(options, [])
    weights = read_weights(pretrained / CHECKPOINT_WEIGHTS_NAME)
    for name, weight in saved_state(started[0].transformer).items():
        assert torch.equal(weight, weights[f"transformer.{name}"])
    assert load_config(options.run.folder).shape == replace(SHAPE, dropout=0.0)

    # The classifier goes on as a whole, its order of labels, its start of a sequence and its pooling with it.
    first = options.run.folder
    config = load_config(first)
    assert config.classifier is not None
    theirs = replace(
        config.classifier,
        labels=("short", "question", "long"),
        start_id=BOS_ID,
        pooling="mean",
        temperature=2.0,
        train_langs=("de",),
    )
    save_config(replace(config, classifier=theirs), first)
    train_classification(replace(options, init=first, run=replace(options.run, folder=first / "on")), [])
    for name, weight in saved_state(started[1]).items():
        assert torch.equal(weight, read_weights(first / CHECKPOINT_WEIGHTS_NAME)[name])
    further = load_config(first / "on").classifier
    assert further is not None
    learned = ("de", *config.classifier.train_langs)
    assert replace(further, temperature=2.0) == replace(theirs, train_langs=learned)


@pytest.mark.parametrize("keeps_head", [True, False])
def test_words_and_languages_of_the_start_are_found_by_name(
    options: ClassifyTrainingOptions, tiny_tokenizer: Path, tmp_path: Path, randomise: Randomise, keeps_head: bool
) -> None:
    """Also where another vocabulary has as many words, and of a classifier that keeps its labels."""
    labels = ("long", "question", "short")
    head = ClassifierConfig(labels if keeps_head else ("a", "b"))
    old = Classifier(SHAPE, head)
    randomise(old, 1)
    save_config(CheckpointConfig(("en", "fr"), SHAPE, classifier=head), tmp_path)
    save_weights(saved_state(old), tmp_path / CHECKPOINT_WEIGHTS_NAME)
    own = load_tokenizer(tiny_tokenizer)
    own.save(tmp_path)
    sources = tuple(Source((lang,), tiny_tokenizer.parent / f"{lang}.txt") for lang in ("en", "fr"))
    train_sentencepiece(TokenizerOptions(sources, vocab_size=420, model_type="bpe"), tmp_path / "other")
    other = load_tokenizer(tmp_path / "other")
    ids = {piece: index for index, piece in enumerate(own.vocab)}
    shared = [(index, ids[piece]) for index, piece in enumerate(other.vocab) if piece in ids]
    assert own.vocab_size == other.vocab_size
    assert any(index != before for index, before in shared)

    german = (*options.train, Source(("de",), options.train[0].path))
    start = make_start(replace(options, init=tmp_path, tokenizer=tmp_path / "other", train=german), labels)
    model = start.new_model()
    for index, before in shared:
        assert torch.equal(model.transformer.embeddings.weight[index], old.transformer.embeddings.weight[before])
    assert start.config.langs == ("en", "fr", "de")
    known = old.transformer.lang_embeddings.weight
    assert torch.equal(model.transformer.lang_embeddings.weight, torch.cat([known, known.mean(0, keepdim=True)]))
    kept = torch.equal(model.sequence_summary.summary.weight[:2], old.sequence_summary.summary.weight[:2])
    assert kept is keeps_head


def test_epochs_are_counted_in_steps(options: ClassifyTrainingOptions) -> None:
    state = train_classification(with_loop(replace(options, max_epochs=1.5), max_steps=None, valid_every=100), [])
    assert state.step == 5  # 20 sentences, 8 in a batch: 3 batches an epoch
    folder = options.run.folder.with_name("both")
    both = replace(options, max_epochs=1.5, run=replace(options.run, folder=folder))
    assert train_classification(with_loop(both, max_steps=2), []).step == 2


def test_pairs_and_many_labels(options: ClassifyTrainingOptions, tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    rows = [("The sea.", "The river.", "water"), ("The bus.", "The sea.", "water,road"), ("Bread.", "Coffee.", "")]
    path.write_text("".join(f"{label}\t{first}\t{second}\n" for first, second, label in rows) * 4)
    source = (Source(("en",), path),)
    columns = Columns(pair="3", multi_label=True)
    options = replace(
        options, train=source, valid=source, columns=columns, is_balanced=True, pooling="mean", max_len=8, batch_size=4
    )
    recorder = Recorder()
    assert train_classification(with_loop(options, max_steps=60, valid_every=60), [recorder]).best[0] > 90
    config = load_config(options.run.folder)
    assert config.classifier is not None
    assert (config.classifier.labels, config.classifier.multi_label) == (("road", "water"), True)
    assert (config.classifier.pooling, config.max_len) == ("mean", 8)
    assert recorder.texts[0].num_cut > 0


def test_the_selecting_languages_decide(options: ClassifyTrainingOptions) -> None:
    recorder = Recorder()
    state = train_classification(with_loop(replace(options, select=("fr",)), max_steps=20), [recorder])
    assert state.best[0] == max(scores.values["fr zero-shot f1"] for scores in recorder.scores)


@pytest.mark.parametrize(
    ("message", "error", "changes"),
    [
        ("no training text", UsageError, {"train": ()}),
        ("no validation text", UsageError, {"valid": ()}),
        ("--select de: no --valid text in this language", UsageError, {"select": ("de",)}),
        ("no vocabulary", UsageError, {"tokenizer": None}),
        ("--dim 15 is not a multiple of --heads 2", UsageError, {"size": replace(SIZE, dim=15)}),
        ("--max-len 47 leaves no room for </s>: the model reads 46 tokens at most", UsageError, {"max_len": 47}),
        ("--max-len 46 leaves no room for </s>: the model reads 45", UsageError,
         {"max_len": 46, "columns": Columns("1", "2", "2")}),
        ("unknown label 'x'", DataError, {"valid": "x"}),
        ("unknown label 'x'", DataError, {"valid": "x", "num_seeds": 2}),
        ("all training text has the same label: x", UsageError, {"train": "x"}),
        ("all training text has no label but this one: x", UsageError,
         {"train": "x", "columns": Columns(multi_label=True), "num_seeds": 2}),
        ("id2label: should be 2 to 10,000 different labels", ModelError, {"train": "many"}),
        ("no labels in ", DataError, {"train": "none", "columns": Columns(multi_label=True)}),
        ("validation text in de: the model knows en, fr alone", ModelError, {"init": "xlm", "valid": "de"}),
    ],
)  # fmt: skip
def test_errors(
    message: str,
    error: type[XlmError],
    changes: dict[str, Any],
    options: ClassifyTrainingOptions,
    files: dict[str, Path],
    pretrained: Path,
    tmp_path: Path,
) -> None:
    same = tmp_path / "x.tsv"
    same.write_text("x\tThe sea.\n")
    none = tmp_path / "none.tsv"
    none.write_text("\tThe sea.\n")
    many = tmp_path / "many.tsv"
    many.write_text("".join(f"{number}\tThe sea {number}.\n" for number in range(10_001)))
    stand_ins = {
        "many": (Source(("en",), many),),
        "x": (Source(("en",), same),),
        "none": (Source(("en",), none),),
        "de": (Source(("de",), files["en"]),),
        "xlm": pretrained,
    }
    if changes.get("train") == "many":
        changes["valid"] = "many"
    changes = {name: stand_ins[value] if isinstance(value, str) else value for name, value in changes.items()}
    with pytest.raises(error) as caught:
        train_classification(replace(options, **changes), [])
    assert message in caught.value.message
    assert not options.run.folder.exists()


def test_a_classifier_of_other_labels_gives_its_encoder(options: ClassifyTrainingOptions, tmp_path: Path) -> None:
    head = ClassifierConfig(("a", "b"), pooling="mean")
    old = Classifier(SHAPE, head)
    save_config(CheckpointConfig(("en", "fr"), SHAPE, classifier=head), tmp_path)
    save_weights(saved_state(old), tmp_path / CHECKPOINT_WEIGHTS_NAME)
    options = replace(with_loop(options, max_steps=1), init=tmp_path)
    start = make_start(options, ("long", "question", "short"))
    assert (start.classifier.labels, start.classifier.pooling) == (("long", "question", "short"), "mean")
    model = start.new_model()
    for name, weight in old.transformer.state_dict().items():
        torch.testing.assert_close(model.transformer.state_dict()[name], weight)
    recorder = Recorder()
    train_classification(options, [recorder])
    assert recorder.notes[0] == {"labels in a new output layer": 3}


def test_a_classifier_goes_on_as_what_it_is(options: ClassifyTrainingOptions) -> None:
    train_classification(with_loop(options, max_steps=1), [])
    again = replace(options, init=options.run.folder, run=replace(options.run, folder=options.run.folder / "on"))
    with pytest.raises(ModelError, match="has --pooling first, not mean"):
        train_classification(replace(again, pooling="mean"), [])
    with pytest.raises(ModelError, match="gives one label a text"):
        train_classification(replace(again, columns=Columns(multi_label=True)), [])
