"""Bundles of XLMs as checkpoints, so that what translates or classifies can be trained further.

Weights in int8 are taken as they are rounded: to a 127th of the largest number of their row. What a bundle has not is
the output layer of an encoder. Positions are learned from then on, also where they were sinusoids.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from xlmcli.bundle.arrays import load_arrays
from xlmcli.bundle.engine_weights import EngineWeights, read_epsilon
from xlmcli.bundle.layout import ENCODER_POSITIONS, LANGUAGE_TABLE
from xlmcli.bundle.manifest import XLM_TOKENIZERS, Manifest
from xlmcli.bundle.names import HEAD_NAME, LANGUAGES_NAME, MODEL_NAME
from xlmcli.bundle.reading import Bundle, open_bundle, read_manifest
from xlmcli.checkpoint.config import CheckpointConfig
from xlmcli.checkpoint.engine_names import EngineNames, decoder_names, encoder_names
from xlmcli.errors import ModelError
from xlmcli.model.classifier_config import ClassifierConfig
from xlmcli.model.transformer import XLMShape
from xlmcli.text.special import BOS_ID, BOS_PIECE, EOS_ID

_OUTPUT, _OUTPUT_TABLE = "decoder/projection/weight", "decoder/embeddings/weight"
_RELU, _GELU = 0, 3  # ctranslate2.specs.Activation
_DROPOUT = 0.1


def read_bundled_config(path: Path) -> CheckpointConfig:
    """Tells what the config.json said of the checkpoint that a bundle was converted from.

    Raises:
        ModelError: The bundle cannot be read, or was made of another model than an XLM.
    """
    if read_manifest(path).tokenizer not in XLM_TOKENIZERS:
        raise _foreign(path)
    bundle = open_bundle(path)
    files, manifest = bundle.read_files(), bundle.manifest
    weights = EngineWeights(files[MODEL_NAME])
    activation = weights.setting("encoder/activation", _RELU)
    if activation not in (_RELU, _GELU):
        raise _foreign(path)
    sizes, translation = manifest.architecture, manifest.translation
    num_langs = _count_langs(bundle, weights)
    names = {index: lang for lang, index in manifest.languages.items()}
    langs = tuple(names.get(index, str(index)) for index in range(num_langs))
    return CheckpointConfig(
        langs=langs or tuple(manifest.languages),
        shape=XLMShape(
            num_words=sizes.vocab_size,
            num_langs=max(1, num_langs),
            dim=sizes.dim,
            num_layers=sizes.encoder_layers,
            num_heads=sizes.num_heads,
            max_positions=weights.stored[ENCODER_POSITIONS].shape[0],
            gelu=activation == _GELU,
            dropout=_DROPOUT,
            attention_dropout=_DROPOUT,
            tied_output=weights.stored.get(_OUTPUT) == weights.stored.get(_OUTPUT_TABLE),
            layer_norm_eps=read_epsilon(files),
        ),
        decoder_layers=None if translation is None else sizes.decoder_layers,
        directions=() if translation is None else translation.directions,
        max_len=None if manifest.task == "encode" else manifest.limits.max_source_tokens,
        classifier=_classifier(manifest),
        protects_spans=translation is not None and translation.protects_spans,
        licence=manifest.provenance.licence,
    )


def read_bundled_weights(path: Path, config: CheckpointConfig) -> dict[str, Tensor]:
    """Reads all weights of a bundle, float32, by the names that a checkpoint gives them.

    Args:
        path: The bundle.
        config: What ``read_bundled_config`` says of it.

    Raises:
        ModelError: One is missing.
    """
    bundle = Bundle(path, read_manifest(path))
    weights = EngineWeights(bundle.read_files()[MODEL_NAME])
    names: EngineNames = encoder_names("" if config.decoder_layers is None else "encoder.", config.shape.num_layers)
    if config.decoder_layers is not None:
        names |= decoder_names(config.decoder_layers, tied_output=config.shape.tied_output)
    state = _vectors(bundle, weights)
    for place, joined in names.items():
        if place not in weights:
            raise ModelError(f"{path / MODEL_NAME}: not an XLM, it has no {place}")
        parts = torch.from_numpy(weights.read(place)).tensor_split(len(joined))
        state |= {name: part.clone() for name, part in zip(joined, parts, strict=True)}
    return state


def _foreign(path: Path) -> ModelError:
    return ModelError(
        f"{path}: not an XLM, and training goes on with XLMs alone",
        hint="what it was converted from is trained with the tools that made it",
    )


def _count_langs(bundle: Bundle, weights: EngineWeights) -> int:
    """The rows of the table of languages, whichever the manifest names; 0 where there is none."""
    if bundle.manifest.language_input == "embedding":
        return min(len(table) for table in _read_arrays(bundle, LANGUAGES_NAME).values())
    return weights.stored[LANGUAGE_TABLE].shape[0] - 1 if bundle.manifest.language_input == "token_types" else 0


def _classifier(manifest: Manifest) -> ClassifierConfig | None:
    part = manifest.classifier
    if part is None:
        return None
    return ClassifierConfig(
        labels=part.labels,
        multi_label=part.multi_label,
        pooling=part.pooling,
        activation=part.activation,
        temperature=part.temperature,
        train_langs=part.trained_langs,
        start_id=BOS_ID if manifest.tokens.bos == BOS_PIECE else EOS_ID,
    )


def _vectors(bundle: Bundle, weights: EngineWeights) -> dict[str, Tensor]:
    """What is told apart from the layers: languages, and a classifier's layer."""
    vectors: dict[str, Tensor] = {}
    if bundle.manifest.language_input == "embedding":
        sides = _read_arrays(bundle, LANGUAGES_NAME)
        vectors |= {f"{side}.lang_embeddings.weight": table for side, table in sides.items()}
    elif bundle.manifest.language_input == "token_types":
        # Row 0 is for no language.
        vectors["lang_embeddings.weight"] = torch.from_numpy(weights.read(LANGUAGE_TABLE))[1:].clone()
    if bundle.manifest.classifier is not None:
        layer = _read_arrays(bundle, HEAD_NAME)
        vectors |= {f"sequence_summary.summary.{part}": numbers for part, numbers in layer.items()}
    return vectors


def _read_arrays(bundle: Bundle, name: str) -> dict[str, Tensor]:
    path = bundle.path / name
    return {part: torch.from_numpy(numbers.copy()) for part, numbers in load_arrays(path.read_bytes(), path).items()}
