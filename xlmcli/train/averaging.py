"""One model out of several: the mean of their weights.

Models that were trained from the same start, with other settings or seeds, lie close enough for it, and the mean is
often better than each (Wortsman et al. 2022, "Model soups").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME, CONFIG_NAME
from xlmcli.errors import ModelError, UsageError
from xlmcli.train.checkpoint import (
    CheckpointConfig,
    find_faults,
    load_config,
    load_own_tokenizer,
    read_weights,
    save_config,
    save_weights,
)


def average_checkpoints(folders: Sequence[Path], out: Path) -> None:
    """Writes the checkpoint whose weights are the mean of others'; a classifier's temperature is their mean too.

    Args:
        folders: Two checkpoints or more, of the same kind, sizes, languages, labels and vocabulary.
        out: A folder without a checkpoint.

    Raises:
        UsageError: ``out`` has a checkpoint.
        ModelError: A checkpoint cannot be read, or does not fit the first one.
    """
    if (out / CONFIG_NAME).exists() or (out / CHECKPOINT_WEIGHTS_NAME).exists():
        raise UsageError(f"{out} has a checkpoint already", hint="name another folder")
    configs = [load_config(folder) for folder in folders]
    tokenizers = [
        load_own_tokenizer(folder, config.shape.num_words) for folder, config in zip(folders, configs, strict=True)
    ]
    vocabs = [tokenizer.vocab for tokenizer in tokenizers]
    for folder, config, vocab in zip(folders, configs, vocabs, strict=True):
        if _kind(config) != _kind(configs[0]):
            raise ModelError(f"{folder}: of another kind than {folders[0]}: sizes, languages, labels or pooling differ")
        if vocab != vocabs[0]:
            raise ModelError(f"{folder}: its vocabulary is not that of {folders[0]}")
    paths = [folder / CHECKPOINT_WEIGHTS_NAME for folder in folders]
    total = read_weights(paths[0])
    for path in paths[1:]:
        weights = read_weights(path)
        if faults := find_faults(total, weights):
            raise ModelError(f"{path}: {'; '.join(faults)}")
        for name, weight in weights.items():
            total[name] += weight
    out.mkdir(parents=True, exist_ok=True)
    tokenizers[0].save(out)
    save_weights({name: torch.div(weight, len(paths)) for name, weight in total.items()}, out / CHECKPOINT_WEIGHTS_NAME)
    save_config(_mean_temperature(configs), out)


def _kind(config: CheckpointConfig) -> CheckpointConfig:
    """What two models must have in common; not what they learned with, or how they were calibrated."""
    return replace(config.uncalibrated(), shape=replace(config.shape, dropout=0.0, attention_dropout=0.0))


def _mean_temperature(configs: Sequence[CheckpointConfig]) -> CheckpointConfig:
    classifiers = [config.classifier for config in configs if config.classifier is not None]
    if not classifiers:
        return configs[0]
    temperature = sum(classifier.temperature for classifier in classifiers) / len(classifiers)
    return replace(configs[0], classifier=replace(classifiers[0], temperature=temperature))
