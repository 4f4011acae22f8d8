"""Bundles of XLMs as checkpoints, so that what translates or classifies can be trained further.

Weights in int8 are taken as they are rounded: to a 127th of the largest number of their row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from xlmcli.bundle.arrays import load_arrays
from xlmcli.bundle.engine_weights import EngineWeights
from xlmcli.bundle.fields import Fields
from xlmcli.bundle.manifest import MAX_EPSILON, XLM_TOKENIZERS, Manifest
from xlmcli.bundle.names import CONFIG_NAME, HEAD_NAME, LANGUAGES_NAME, MODEL_NAME
from xlmcli.bundle.reading import Bundle, open_bundle
from xlmcli.checkpoint.config import CheckpointConfig
from xlmcli.checkpoint.engine_names import EngineNames, decoder_names, encoder_names
from xlmcli.errors import ModelError
from xlmcli.model.classifier_config import ClassifierConfig
from xlmcli.model.transformer import XLMShape
from xlmcli.text.special import BOS_ID, BOS_PIECE, EOS_ID

_OUTPUT, _OUTPUT_TABLE = "decoder/projection/weight", "decoder/embeddings/weight"
_RELU, _GELU = 0, 3  # ctranslate2.specs.Activation
_DROPOUT = 0.1


@dataclass(frozen=True)
class BundledCheckpoint:
    """What an XLM's bundle was converted from.

    Attributes:
        path: The bundle.
        config: What config.json said.
        weights: The numbers of model.bin.
        vectors: What else was learned, by the names that a checkpoint gives it: languages, a classifier's layer.
    """

    path: Path
    config: CheckpointConfig
    weights: EngineWeights
    vectors: Mapping[str, Tensor]

    @cached_property
    def state(self) -> dict[str, Tensor]:
        """All weights, float32, by the names that a checkpoint gives them. An encoder has no output layer."""
        shape, decoder_layers = self.config.shape, self.config.decoder_layers
        names: EngineNames = encoder_names("" if decoder_layers is None else "encoder.", shape.num_layers)
        if decoder_layers is not None:
            names |= decoder_names(decoder_layers, tied_output=shape.tied_output)
        state = dict(self.vectors)
        for place, joined in names.items():
            if place not in self.weights:
                raise ModelError(f"{self.path}: not an XLM, its {MODEL_NAME} has no {place}")
            parts = torch.from_numpy(self.weights.read(place)).tensor_split(len(joined))
            state |= {name: part.clone() for name, part in zip(joined, parts, strict=True)}
        return state


def open_bundled(path: Path) -> BundledCheckpoint:
    """Opens a bundle to train it further.

    Raises:
        ModelError: It cannot be read, or was made of another model than an XLM.
    """
    bundle = open_bundle(path)
    weights = EngineWeights(bundle.read_files()[MODEL_NAME])
    activation = weights.setting("encoder/activation", _RELU)
    if bundle.manifest.tokenizer not in XLM_TOKENIZERS or activation not in (_RELU, _GELU):
        raise ModelError(
            f"{path}: not an XLM, and training goes on with XLMs alone",
            hint="transformers trains the checkpoint that it was made from",
        )
    vectors = _vectors(bundle, weights)
    return BundledCheckpoint(path, _config(bundle, weights, is_gelu=activation == _GELU), weights, vectors)


def _config(bundle: Bundle, weights: EngineWeights, *, is_gelu: bool) -> CheckpointConfig:
    manifest = bundle.manifest
    sizes, translation = manifest.architecture, manifest.translation
    names = {index: lang for lang, index in manifest.languages.items()}
    tells_languages = manifest.language_input != "none"
    langs = tuple(names.get(index, str(index)) for index in range(max(names, default=0) + 1 if tells_languages else 0))
    engine = Fields.parse((bundle.path / CONFIG_NAME).read_bytes(), str(bundle.path / CONFIG_NAME))
    shape = XLMShape(
        num_words=sizes.vocab_size,
        num_langs=max(1, len(langs)),
        dim=sizes.dim,
        num_layers=sizes.encoder_layers,
        num_heads=sizes.num_heads,
        max_positions=manifest.limits.max_source_positions,
        gelu=is_gelu,
        sinusoidal=False,
        dropout=_DROPOUT,
        attention_dropout=_DROPOUT,
        tied_output=weights.stored.get(_OUTPUT) == weights.stored.get(_OUTPUT_TABLE),
        layer_norm_eps=engine.number("layer_norm_epsilon", 0, MAX_EPSILON),
    )
    return CheckpointConfig(
        langs=langs or tuple(manifest.languages),
        shape=shape,
        decoder_layers=None if translation is None else sizes.decoder_layers,
        directions=() if translation is None else translation.directions,
        max_len=None if manifest.task == "encode" else manifest.limits.max_source_tokens,
        classifier=_classifier(manifest),
        protects_spans=translation is not None and translation.protects_spans,
    )


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
    vectors: dict[str, Tensor] = {}
    if bundle.manifest.language_input == "embedding":
        sides = _read_arrays(bundle, LANGUAGES_NAME)
        vectors |= {f"{side}.lang_embeddings.weight": table for side, table in sides.items()}
    elif bundle.manifest.language_input == "token_types":
        # Row 0 is for no language.
        vectors["lang_embeddings.weight"] = torch.from_numpy(weights.read("encoder/embeddings_1/weight"))[1:].clone()
    if bundle.manifest.classifier is not None:
        layer = _read_arrays(bundle, HEAD_NAME)
        vectors |= {f"sequence_summary.summary.{part}": numbers for part, numbers in layer.items()}
    return vectors


def _read_arrays(bundle: Bundle, name: str) -> dict[str, Tensor]:
    path = bundle.path / name
    return {part: torch.from_numpy(numbers.copy()) for part, numbers in load_arrays(path.read_bytes(), path).items()}
