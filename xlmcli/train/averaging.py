"""One model out of several: the mean of their weights.

Models that were trained from the same start, with other settings or seeds, lie close enough for it, and the mean is
often better than each (Wortsman et al. 2022, "Model soups").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME
from xlmcli.bundle.reading import holds_model
from xlmcli.checkpoint.config import CheckpointConfig, join_licences, load_config, save_config
from xlmcli.checkpoint.weights import load_own_tokenizer, mean_of, save_weights
from xlmcli.errors import ModelError, UsageError
from xlmcli.model.classifier import Classifier
from xlmcli.sources import Source
from xlmcli.text import Tokenizer
from xlmcli.train.classification.calibration import fit_temperature
from xlmcli.train.classification.examples import check_certain, encode_labelled, read_by_lang
from xlmcli.train.classification.files import Columns
from xlmcli.train.classification.start import tokenizer_of
from xlmcli.train.classification.validation import ClassificationValidator, DevSet
from xlmcli.train.core.differences import tell_models_apart
from xlmcli.train.core.folder import check_unclaimed


def average_checkpoints(folders: Sequence[Path], out: Path, valid: Sequence[Source], columns: Columns) -> None:
    """Writes the checkpoint whose weights are the mean of others'.

    Args:
        folders: Two checkpoints or more, of the same kind, sizes, languages, labels and vocabulary.
        out: A folder without a model.
        valid: Held-out labelled text to fit a classifier's temperature to; without any it is the mean of theirs.
        columns: Where that text has its label and its text.

    Raises:
        UsageError: ``out`` has a model or a part of one; the text is for no classifier, or in a language that it lacks.
        DataError: The text cannot be read.
        ModelError: A checkpoint cannot be read, or does not fit the first one.
    """
    if holds_model(out):
        raise UsageError(f"{out} has a model already", hint="name another folder")
    check_unclaimed(out)
    configs = [load_config(folder) for folder in folders]
    tokenizers = [
        load_own_tokenizer(folder, config.shape.num_words) for folder, config in zip(folders, configs, strict=True)
    ]
    vocabs = [tokenizer.vocab for tokenizer in tokenizers]
    for folder, config, vocab in zip(folders, configs, vocabs, strict=True):
        if differences := tell_models_apart(_kind(configs[0]), _kind(config)):
            raise ModelError(f"{folder}: of another kind than {folders[0]}: {differences}")
        if vocab != vocabs[0]:
            raise ModelError(f"{folder}: its vocabulary is not that of {folders[0]}")
    mean = mean_of([folder / CHECKPOINT_WEIGHTS_NAME for folder in folders])
    common = _common(configs)
    config = _calibrate(common, mean, tokenizers[0], valid, columns) if valid else _mean_temperature(common, configs)
    out.mkdir(parents=True, exist_ok=True)
    tokenizers[0].save(out)
    save_weights(mean, out / CHECKPOINT_WEIGHTS_NAME)
    save_config(config, out)


def _kind(config: CheckpointConfig) -> CheckpointConfig:
    """What two models must have in common; not what they learned with, or how they were calibrated."""
    classifier = config.uncalibrated().classifier
    return replace(
        config,
        shape=replace(config.shape, dropout=0.0, attention_dropout=0.0),
        max_len=None,
        protects_spans=False,
        licence=None,
        classifier=None if classifier is None else replace(classifier, train_langs=()),
    )


def _common(configs: Sequence[CheckpointConfig]) -> CheckpointConfig:
    """The first model's settings, with what all have learned to do, and all languages that they learned labels in."""
    lens = [config.max_len for config in configs if config.max_len is not None]
    classifiers = [config.classifier for config in configs if config.classifier is not None]
    train_langs = tuple(sorted({lang for classifier in classifiers for lang in classifier.train_langs}))
    return replace(
        configs[0],
        max_len=min(lens, default=None),
        protects_spans=all(config.protects_spans for config in configs),
        licence=join_licences(configs),
        classifier=replace(classifiers[0], train_langs=train_langs) if classifiers else None,
    )


def _mean_temperature(common: CheckpointConfig, configs: Sequence[CheckpointConfig]) -> CheckpointConfig:
    classifiers = [config.classifier for config in configs if config.classifier is not None]
    if not classifiers:
        return common
    return common.with_temperature(sum(each.temperature for each in classifiers) / len(classifiers))


def _calibrate(
    config: CheckpointConfig,
    weights: dict[str, Tensor],
    tokenizer: Tokenizer,
    valid: Sequence[Source],
    columns: Columns,
) -> CheckpointConfig:
    """Fits a classifier's temperature to labelled text."""
    classifier = config.classifier
    if classifier is None:
        raise UsageError("--valid is for classifiers, and these are none", hint="leave it out")
    files = read_by_lang(valid, replace(columns, multi_label=classifier.multi_label))
    if strangers := sorted(files.keys() - config.lang2id.keys()):
        raise UsageError(f"--valid: the models do not know {', '.join(strangers)}")
    check_certain(files)
    max_len = config.max_len or config.shape.max_positions - 1 - columns.num_texts
    tokenizer = tokenizer_of(classifier, tokenizer)
    dev_sets = [
        DevSet(
            encode_labelled(lang, group, classifier.labels, tokenizer, max_len),
            config.lang2id[lang],
            is_zero_shot=False,
            is_selecting=True,
        )
        for lang, group in files.items()
    ]
    model = Classifier(config.shape, classifier)
    model.load_state_dict(weights, strict=False)
    validator = ClassificationValidator(model.eval(), dev_sets, classifier, torch.device("cpu"))
    logits, labels = validator.selecting_logits()
    return config.with_temperature(fit_temperature(logits, labels, multi_label=classifier.multi_label))
