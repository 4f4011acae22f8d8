"""config.json of a checkpoint: the fields of ``transformers.XLMConfig``, and ours."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from xlmcli.bundle.names import CONFIG_NAME
from xlmcli.errors import ModelError, UsageError
from xlmcli.model.classifier_config import CLASSIFIER, ClassifierConfig
from xlmcli.model.transformer import XLMShape
from xlmcli.outputs import atomic_write
from xlmcli.records import Direction
from xlmcli.text.special import BOS_ID, EOS_ID, MASK_ID, PAD_ID, UNK_ID

_LANGUAGE_MODEL = "XLMWithLMHeadModel"
_SEQ2SEQ = "XLMEncoderDecoder"


@dataclass(frozen=True, slots=True)
class CheckpointConfig:
    """What config.json says.

    Attributes:
        langs: Language codes; the place of each is its language id (sorted, as in the original).
        shape: Sizes of the encoder.
        decoder_layers: Layers of the decoder; None when there is only an encoder.
        directions: What an encoder-decoder was trained to translate.
        max_len: Longest sentence that an encoder-decoder or classifier was trained on (of a pair, both together), in
            tokens without ``</s>``; None is unknown.
        classifier: What stands on top of the encoder of a classifier.
        protects_spans: Whether an encoder-decoder learned from text with marks in place of protected spans.
    """

    langs: tuple[str, ...]
    shape: XLMShape
    decoder_layers: int | None = None
    directions: tuple[Direction, ...] = ()
    max_len: int | None = None
    classifier: ClassifierConfig | None = None
    protects_spans: bool = False

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
        if self.classifier is not None:
            config |= self.classifier.to_json(shape.dropout)
        if self.decoder_layers is not None or self.classifier is not None:
            config["xlm_max_len"] = self.max_len
        return config

    @classmethod
    def from_json(cls, config: dict[str, Any]) -> CheckpointConfig:
        """Reads what ``to_json`` wrote, or settings of ``transformers`` with its defaults filled in.

        Raises:
            KeyError: A field is missing.
        """
        num_langs = config["n_langs"] if config.get("use_lang_emb", True) else 1
        shape = XLMShape(
            num_words=config["vocab_size"],
            num_langs=num_langs,
            dim=config["emb_dim"],
            num_layers=config["n_layers"],
            num_heads=config["n_heads"],
            max_positions=config["max_position_embeddings"],
            gelu=config["gelu_activation"],
            sinusoidal=config["sinusoidal_embeddings"],
            dropout=config["dropout"],
            attention_dropout=config["attention_dropout"],
            tied_output=config.get("tie_word_embeddings", True),
            layer_norm_eps=config["layer_norm_eps"],
        )
        directions = tuple(Direction.parse(text) for text in config.get("xlm_directions", ()))
        return cls(
            langs=_langs(config.get("lang2id") or {}, num_langs),
            shape=shape,
            decoder_layers=config.get("decoder_layers"),
            directions=directions,
            max_len=config.get("xlm_max_len"),
            classifier=ClassifierConfig.from_json(config)
            if CLASSIFIER in (config.get("architectures") or ())
            else None,
            protects_spans=config.get("xlm_protects_spans", False),
        )


def _langs(lang2id: dict[str, int], num_langs: int) -> tuple[str, ...]:
    """The language of every id; a number where the model has language embeddings and nobody says whose."""
    if num_langs == 1:
        return tuple(sorted(lang2id, key=lang2id.__getitem__))
    names = {index: lang for lang, index in lang2id.items()}
    return tuple(names.get(index, str(index)) for index in range(num_langs))


def load_config(folder: Path) -> CheckpointConfig:
    """Reads a checkpoint's config.json.

    Raises:
        ModelError: There is none, it lacks a field, or a direction in it is none.
    """
    path = folder / CONFIG_NAME
    try:
        return parse_config(json.loads(path.read_text("utf-8")), path)
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(f"{folder}: not a checkpoint, it has no {CONFIG_NAME}") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: {error}") from None


def parse_config(config: dict[str, Any], path: Path) -> CheckpointConfig:
    """Reads settings; see ``CheckpointConfig.from_json``. ``path`` is where they came from.

    Raises:
        ModelError: A field is missing or is not what it should be.
    """
    try:
        return CheckpointConfig.from_json(config)
    except UsageError as error:
        raise ModelError(f"{path}: {error.message}", hint=error.hint) from None
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from None
    except KeyError as error:
        raise ModelError(f"{path}: no field {error}", hint="was it written by xlm pretrain or xlm train?") from None
    except (TypeError, AttributeError) as error:
        raise ModelError(f"{path}: not a checkpoint's settings ({error})") from None


def save_config(config: CheckpointConfig, folder: Path) -> None:
    with atomic_write(folder / CONFIG_NAME, "w") as file:
        json.dump(config.to_json(), file, indent=2)
        file.write("\n")
