"""`xlm train classify`: a classifier grown from a pretrained XLM."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME
from xlmcli.checkpoint.config import CheckpointConfig, load_config, save_config
from xlmcli.checkpoint.weights import load_weights, read_weights, save_weights
from xlmcli.model.classifier import Classifier
from xlmcli.text import Tokenizer
from xlmcli.train.classification.calibration import cross_entropy, fit_temperature
from xlmcli.train.classification.examples import (
    LabelledText,
    SourceExamples,
    check_certain,
    encode_labelled,
    mix_languages,
    names_of_labels,
    read_by_lang,
)
from xlmcli.train.classification.objective import ClassificationObjective, ClassificationOptions, balanced_weights
from xlmcli.train.classification.options import ClassifyTrainingOptions
from xlmcli.train.classification.start import ClassifierStart, check_data, make_start
from xlmcli.train.classification.validation import ClassificationValidator, DevSet
from xlmcli.train.core.folder import (
    SEED_PREFIX,
    alone_in_its_folder,
    check_folder_of_seeds,
    claim_folder,
    claim_folders_of_seeds,
    has_run,
)
from xlmcli.train.core.loop import RunState, Trainer
from xlmcli.train.core.options import RunOptions
from xlmcli.train.core.progress import Reporter
from xlmcli.train.core.setup import make_accelerator, process_share, report_text
from xlmcli.train.data.sampling import BatchSampler, Share


@dataclass(frozen=True, slots=True)
class Text:
    """What a run learns from and is checked on, by language."""

    train: dict[str, LabelledText]
    dev_sets: list[DevSet]


@alone_in_its_folder
def train_classification(options: ClassifyTrainingOptions, reporters: Sequence[Reporter]) -> RunState:
    """Trains (or resumes) a classifier, one run a seed; the best one is in ``options.run.folder`` afterwards.

    Returns:
        The state of the best run.

    Raises:
        UsageError: Options contradict each other or the folder.
        DataError: Text cannot be read.
        ModelError: The model to start from does not fit.
        TrainingError: A run cannot start or go on.
    """
    check_data(options)
    runs = _runs(options)
    files = read_by_lang(options.train, options.columns)
    start = make_start(options, names_of_labels(files.values()))
    if len(runs) == 1:
        claim_folder(options.run, options.tokenizer)
    else:
        claim_folders_of_seeds(options.run, runs, options.tokenizer)
    text = _encode(options, files, start)
    accelerator = make_accelerator(options.run)
    reporters = reporters if accelerator.is_main_process else []
    report_text({(lang,): data.text for lang, data in text.train.items()}, reporters)
    if start.has_new_labels:
        _note(reporters, {"labels in a new output layer": len(start.classifier.labels)})
    states = []
    for run in runs:
        if len(runs) > 1:
            _note(reporters, {"seed": run.loop.seed})
        states.append(_train(options, run, start, text, reporters, accelerator))
    best = max(range(len(runs)), key=lambda index: states[index].best)
    if len(runs) > 1 and accelerator.is_main_process:
        _keep(runs[best].folder, options.run.folder, start.tokenizer)
        scores = [state.best[0] for state in states]
        spread = float(np.std(scores, ddof=1))
        _note(reporters, {"best seed": runs[best].loop.seed, "mean f1": float(np.mean(scores)), "spread f1": spread})
    return states[best]


def _runs(options: ClassifyTrainingOptions) -> list[RunOptions]:
    """A run a seed, each in a folder of its own where there are several; one that has not begun is not resumed."""
    run, num_seeds = options.run, options.num_seeds
    if num_seeds == 1:
        return [run]
    runs = []
    for seed in range(run.loop.seed, run.loop.seed + num_seeds):
        folder = run.folder / f"{SEED_PREFIX}{seed}"
        loop = replace(run.loop, seed=seed)
        runs.append(replace(run, folder=folder, resume=run.resume and has_run(folder), loop=loop))
    check_folder_of_seeds(run, runs, options.tokenizer)
    return runs


def _encode(options: ClassifyTrainingOptions, files: dict[str, list[SourceExamples]], start: ClassifierStart) -> Text:
    classifier, max_len = start.classifier, start.max_len

    def encode(groups: dict[str, list[SourceExamples]]) -> dict[str, LabelledText]:
        return {
            lang: encode_labelled(lang, group, classifier.labels, start.tokenizer, max_len)
            for lang, group in groups.items()
        }

    selecting = options.select or options.valid[0].langs
    valid_files = read_by_lang(options.valid, options.columns)
    check_certain(valid_files)
    dev_sets = [
        DevSet(data, start.config.lang2id[lang], is_zero_shot=lang not in files, is_selecting=lang in selecting)
        for lang, data in encode(valid_files).items()
    ]
    return Text(encode(files), dev_sets)


def _train(
    options: ClassifyTrainingOptions,
    run: RunOptions,
    start: ClassifierStart,
    text: Text,
    reporters: Sequence[Reporter],
    accelerator: Accelerator,
) -> RunState:
    """One seed's run, calibrated at its end."""
    torch.manual_seed(run.loop.seed)
    model = start.new_model()
    objective = _objective(options, run, start, text, process_share(accelerator))
    validator = ClassificationValidator(model, text.dev_sets, start.classifier, accelerator.device)
    run = replace(run, loop=replace(run.loop, max_steps=_max_steps(options, objective)))
    trainer = Trainer(model, [objective], validator, run, reporters, accelerator)
    trainer.begin(start.config, start.tokenizer)
    state = trainer.run()
    if accelerator.is_main_process:
        _calibrate(model, validator, start.config, run.folder, reporters)
    accelerator.wait_for_everyone()
    accelerator.free_memory()
    return state


def _objective(
    options: ClassifyTrainingOptions, run: RunOptions, start: ClassifierStart, text: Text, share: Share
) -> ClassificationObjective:
    mixed = mix_languages(list(text.train.values()), start.config.lang2id, options.alpha)
    lens = mixed.text.sides[0].lens
    max_tokens = options.batch_size * int(lens.max())
    sampler = BatchSampler(lens, mixed.text.repeats, max_tokens, (run.loop.seed, 1), share, options.batch_size)
    multi_label = start.classifier.multi_label
    weights = balanced_weights(mixed, multi_label) if options.is_balanced else None
    return ClassificationObjective(
        mixed, sampler, ClassificationOptions(multi_label, start.classifier.start_id, options.word_blank, weights)
    )


def _max_steps(options: ClassifyTrainingOptions, objective: ClassificationObjective) -> int | None:
    """The limit on steps, that on epochs in steps too; an epoch is as many batches as all the text has."""
    loop = options.run.loop
    if options.max_epochs is None:
        return loop.max_steps
    num_batches = sum(stream.sampler.epoch_batches() for stream in objective.streams)
    steps = math.ceil(options.max_epochs * num_batches / loop.accumulate)
    return steps if loop.max_steps is None else min(steps, loop.max_steps)


def _calibrate(
    model: Classifier,
    validator: ClassificationValidator,
    config: CheckpointConfig,
    folder: Path,
    reporters: Sequence[Reporter],
) -> None:
    """Fits the best model's temperature to the selecting text, and writes it down."""
    assert config.classifier is not None
    load_weights(model, folder / CHECKPOINT_WEIGHTS_NAME)
    model.eval()
    logits, labels = validator.selecting_logits()
    multi_label = config.classifier.multi_label
    temperature = fit_temperature(logits, labels, multi_label=multi_label)
    save_config(config.with_temperature(temperature), folder)
    before, after = (
        cross_entropy(logits / scale, labels, multi_label=multi_label) for scale in (np.float32(1), temperature)
    )
    _note(reporters, {"temperature": temperature, "loss": before, "calibrated loss": after})


def _keep(best: Path, folder: Path, tokenizer: Tokenizer) -> None:
    """Puts the best seed's model into the folder of the whole."""
    save_weights(read_weights(best / CHECKPOINT_WEIGHTS_NAME), folder / CHECKPOINT_WEIGHTS_NAME)
    tokenizer.save(folder)
    save_config(load_config(best), folder)


def _note(reporters: Sequence[Reporter], figures: dict[str, float]) -> None:
    for reporter in reporters:
        reporter.noted(figures)
