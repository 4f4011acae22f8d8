"""config.json of a checkpoint: the fields of ``transformers.XLMConfig``, and ours."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from xlmcli.bundle.fields import Fields
from xlmcli.bundle.manifest import (
    MAX_DIM,
    MAX_EPSILON,
    MAX_LANGS,
    MAX_LAYERS,
    MAX_PIECES,
    MAX_POSITIONS,
)
from xlmcli.bundle.names import CONFIG_NAME
from xlmcli.checkpoint.description import read_fields
from xlmcli.errors import ModelError, UsageError
from xlmcli.model.classifier_config import CLASSIFIER, ClassifierConfig
from xlmcli.model.transformer import XLMShape
from xlmcli.outputs import atomic_write
from xlmcli.records import Direction
from xlmcli.text.special import BOS_ID, EOS_ID, MASK_ID, PAD_ID, SPECIAL_IDS, UNK_ID

_LANGUAGE_MODEL = "XLMWithLMHeadModel"
_SEQ2SEQ = "XLMEncoderDecoder"
_DTYPES = ("auto", "float64", "float32", "float16", "bfloat16")


@dataclass(frozen=True, slots=True)
class CheckpointConfig:
    """What config.json says.

    Attributes:
        langs: Language codes; the place of each is its language id (sorted, as in the original; what is learned
            later follows).
        shape: Sizes of the encoder.
        decoder_layers: Layers of the decoder; None when there is only an encoder.
        directions: What an encoder-decoder was trained to translate.
        max_len: Longest sentence that an encoder-decoder or classifier was trained on (of a pair, both together), in
            tokens without ``</s>``; None is unknown.
        classifier: What stands on top of the encoder of a classifier.
        protects_spans: Whether an encoder-decoder learned from text with marks in place of protected spans.
        licence: Under which what it began with may be used; None where that is nothing, or nobody said.
    """

    langs: tuple[str, ...]
    shape: XLMShape
    decoder_layers: int | None = None
    directions: tuple[Direction, ...] = ()
    max_len: int | None = None
    classifier: ClassifierConfig | None = None
    protects_spans: bool = False
    licence: str | None = None

    @property
    def lang2id(self) -> dict[str, int]:
        return {lang: index for index, lang in enumerate(self.langs)}

    @property
    def decoder_shape(self) -> XLMShape:
        """Sizes of the decoder: the encoder's, with its own depth."""
        fields = asdict(self.shape)
        if self.decoder_layers is not None:
            fields["num_layers"] = self.decoder_layers
        return XLMShape(**fields)

    def uncalibrated(self) -> CheckpointConfig:
        """What a classifier was before its temperature was fitted; anything else as it is."""
        return self if self.classifier is None else self.with_temperature(1.0)

    def with_temperature(self, temperature: float) -> CheckpointConfig:
        """A classifier calibrated so."""
        assert self.classifier is not None
        return replace(self, classifier=replace(self.classifier, temperature=temperature))

    def to_json(self) -> dict[str, Any]:
        """The fields of ``transformers.XLMConfig``, and ours."""
        shape = self.shape
        config: dict[str, Any] = {
            "architectures": [_LANGUAGE_MODEL if self.decoder_layers is None else _SEQ2SEQ],
            "model_type": "xlm",
            "vocab_size": shape.num_words,
            "emb_dim": shape.dim,
            "n_layers": shape.num_layers,
            "n_heads": shape.num_heads,
            "dropout": shape.dropout,
            "attention_dropout": shape.attention_dropout,
            "gelu_activation": shape.gelu,
            "sinusoidal_embeddings": shape.sinusoidal,
            "max_position_embeddings": shape.max_positions,
            "embed_init_std": shape.dim**-0.5,
            "layer_norm_eps": shape.layer_norm_eps,
            "n_langs": shape.num_langs,
            "use_lang_emb": shape.num_langs > 1,
            "lang2id": self.lang2id,
            "id2lang": {str(index): lang for index, lang in enumerate(self.langs)},
            "bos_token_id": BOS_ID,
            "eos_token_id": EOS_ID,
            "pad_token_id": PAD_ID,
            "unk_index": UNK_ID,
            "mask_index": MASK_ID,
            "mask_token_id": MASK_ID,
            "tie_word_embeddings": shape.tied_output,
        }
        if self.decoder_layers is not None:
            config["decoder_layers"] = self.decoder_layers
            config["xlm_directions"] = [str(direction) for direction in self.directions]
        if self.protects_spans:
            config["xlm_protects_spans"] = True
        if self.licence is not None:
            config["xlm_licence"] = self.licence
        if self.classifier is not None:
            config |= self.classifier.to_json(shape.dropout)
        if self.decoder_layers is not None or self.classifier is not None:
            config["xlm_max_len"] = self.max_len
        return config

    @classmethod
    def from_json(cls, config: Fields) -> CheckpointConfig:
        """Reads what ``to_json`` wrote, or settings of ``transformers`` with its defaults filled in.

        Raises:
            ModelError: A field is missing, is of another type, or out of its range.
        """
        tells_languages = config.truth("use_lang_emb") if "use_lang_emb" in config.values else True
        num_langs = config.whole("n_langs", 1, MAX_LANGS) if tells_languages else 1
        shape = XLMShape(
            num_words=config.whole("vocab_size", 1, MAX_PIECES),
            num_langs=num_langs,
            dim=config.whole("emb_dim", 1, MAX_DIM),
            num_layers=config.whole("n_layers", 1, MAX_LAYERS),
            num_heads=config.whole("n_heads", 1, MAX_DIM),
            max_positions=config.whole("max_position_embeddings", 1, MAX_POSITIONS),
            gelu=config.truth("gelu_activation"),
            sinusoidal=config.truth("sinusoidal_embeddings"),
            dropout=config.number("dropout", 0, 1),
            attention_dropout=config.number("attention_dropout", 0, 1),
            tied_output=config.truth("tie_word_embeddings") if "tie_word_embeddings" in config.values else True,
            layer_norm_eps=config.number("layer_norm_eps", 0, MAX_EPSILON),
        )
        given = {key for key, value in config.values.items() if value is not None}
        for key, index in SPECIAL_IDS.items():
            if config.values.get(key, index) != index:
                raise ModelError(f"{config.place}: {key} should be {index}, as in every XLM")
        check_told(config, shape.num_words)
        return cls(
            langs=_langs(config.child("lang2id") if "lang2id" in given else None, num_langs),
            shape=shape,
            decoder_layers=config.whole("decoder_layers", 1, MAX_LAYERS) if "decoder_layers" in given else None,
            directions=_directions(config) if "xlm_directions" in given else (),
            max_len=config.whole("xlm_max_len", 1, MAX_POSITIONS) if "xlm_max_len" in given else None,
            classifier=ClassifierConfig.from_json(config)
            if "architectures" in given and CLASSIFIER in config.texts("architectures")
            else None,
            protects_spans="xlm_protects_spans" in given and config.truth("xlm_protects_spans"),
            licence=config.optional_text("xlm_licence"),
        )


def join_licences(configs: Iterable[CheckpointConfig]) -> str | None:
    """Returns the licences of models of which one is made, each once."""
    return " and ".join(dict.fromkeys(config.licence for config in configs if config.licence)) or None


def check_told(config: Fields, num_pieces: int) -> None:
    """Checks what a config.json tells of a model besides its sizes: the ids of special tokens, the type of its numbers.

    Raises:
        ModelError: An id is none of ``num_pieces``, or the type is none that weights have.
    """
    for key, value in config.values.items():
        if key.endswith("_token_id") and isinstance(value, int):
            config.whole(key, 0, num_pieces - 1)
        elif key in ("dtype", "torch_dtype") and value is not None:
            config.choice(key, _DTYPES)


def _langs(lang2id: Fields | None, num_langs: int) -> tuple[str, ...]:
    """The language of every id; a number where the model has language embeddings and nobody says whose."""
    names = {} if lang2id is None else {lang2id.whole(lang, 0, MAX_LANGS): lang for lang in lang2id.keys}
    if num_langs == 1:
        return tuple(names[index] for index in sorted(names))
    return tuple(names.get(index, str(index)) for index in range(num_langs))


def _directions(config: Fields) -> tuple[Direction, ...]:
    try:
        return tuple(map(Direction.parse, config.texts("xlm_directions")))
    except UsageError as error:
        raise ModelError(f"{config.place}: xlm_directions: {error.message}", hint=error.hint) from None


def load_config(folder: Path) -> CheckpointConfig:
    """Reads a checkpoint's config.json.

    Raises:
        ModelError: There is none, a field is missing or wrong, or contradicts another.
    """
    return _read(read_fields(folder))


def _read(fields: Fields) -> CheckpointConfig:
    config = CheckpointConfig.from_json(fields)
    named, shape = fields.child("lang2id").values if fields.values.get("lang2id") else {}, config.shape
    if not set(named) <= set(config.langs) or len(set(config.langs)) < len(config.langs):
        raise ModelError(f"{fields.place}: lang2id: should give every language a number of its own, below n_langs")
    if shape.dim % shape.num_heads:
        raise ModelError(f"{fields.place}: n_heads is {shape.num_heads}, which does not divide emb_dim {shape.dim}")
    for direction in config.directions:
        if not {direction.src, direction.tgt} <= set(config.langs):
            raise ModelError(f"{fields.place}: xlm_directions: {direction} names a language that is not in lang2id")
    return config


def save_config(config: CheckpointConfig, folder: Path) -> None:
    """Writes config.json.

    Raises:
        ModelError: It would be one that `load_config` refuses.
    """
    path, text = folder / CONFIG_NAME, json.dumps(config.to_json(), indent=2)
    _read(Fields.parse(text, str(path)))
    with atomic_write(path, "w") as file:
        file.write(f"{text}\n")
