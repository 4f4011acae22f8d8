"""What ``--init`` takes: a pretrained XLM, whoever made it.

A folder is a checkpoint of ours or of ``transformers``, or a bundle; a file is a checkpoint of the original code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME, CONFIG_NAME
from xlmcli.bundle.reading import check_not_folded, is_bundle
from xlmcli.checkpoint.bundled import read_bundled_config, read_bundled_weights
from xlmcli.checkpoint.config import CheckpointConfig, load_config
from xlmcli.checkpoint.description import checkpoint_task
from xlmcli.checkpoint.huggingface import open_weights, read_published_config
from xlmcli.checkpoint.original.file import is_original, read_original
from xlmcli.checkpoint.weights import build_filled, load_own_tokenizer, read_weights
from xlmcli.errors import ModelError, UsageError
from xlmcli.model.classifier import Classifier
from xlmcli.model.seq2seq import Seq2Seq, XLMDecoder
from xlmcli.model.transformer import XLMLanguageModel, XLMTransformer
from xlmcli.text import Tokenizer, load_tokenizer
from xlmcli.text.special import RESERVED_PIECES

_OUTPUT, _HEAD = "pred_layer.", "sequence_summary."


class Pretrained(Protocol):
    """A pretrained XLM. Weights are read when a part is asked for, and are in memory of their own."""

    @property
    def config(self) -> CheckpointConfig:
        """Languages and sizes."""

    def language_model(self) -> XLMLanguageModel:
        """The encoder with its output layer."""

    def encoder(self) -> XLMTransformer:
        """The encoder alone."""

    def classifier(self) -> Classifier | None:
        """The encoder with the head of a classifier, where it is one."""

    def decoder(self) -> XLMLanguageModel | XLMDecoder:
        """What a decoder starts from: one with attention to an encoder, where the checkpoint has it."""

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that it was trained with, with a piece for every row of the embedding table."""


@dataclass(frozen=True, slots=True)
class _Encoder:
    """An encoder, or a classifier.

    Attributes:
        path: Where it is, with its tokenizer.
        config: Languages and sizes.
        open_weights: Opens its weights.
    """

    path: Path
    config: CheckpointConfig
    open_weights: Callable[[], Mapping[str, Tensor]]

    def language_model(self) -> XLMLanguageModel:
        """The encoder with its output layer, whose bias is zero where only an encoder or a classifier was saved."""
        state = self._read(_OUTPUT)
        if self.config.shape.tied_output:
            state.pop(f"{_OUTPUT}proj.weight", None)
            state.setdefault(f"{_OUTPUT}proj.bias", torch.zeros(self.config.shape.num_words))
        return build_filled(lambda: XLMLanguageModel(self.config.shape), state, self.path)

    def encoder(self) -> XLMTransformer:
        return build_filled(lambda: XLMTransformer(self.config.shape), self._read(), self.path)

    def classifier(self) -> Classifier | None:
        head = self.config.classifier
        if head is None:
            return None
        return build_filled(lambda: Classifier(self.config.shape, head), self._read(_HEAD), self.path)

    def decoder(self) -> XLMLanguageModel:
        return self.language_model()

    def tokenizer(self) -> Tokenizer:
        return load_own_tokenizer(self.path, self.config.shape.num_words)

    def _read(self, layer: str | None = None) -> dict[str, Tensor]:
        """The encoder's weights; with a layer's, named as in the model that has it on top."""
        weights = self.open_weights()
        encoder = [name for name in weights if not name.startswith((_OUTPUT, _HEAD))]
        if layer is None:
            return {name: weights[name] for name in encoder}
        state = {f"transformer.{name}": weights[name] for name in encoder}
        return state | {name: weights[name] for name in weights if name.startswith(layer)}


@dataclass(frozen=True, slots=True)
class _Translator:
    """An encoder-decoder of ours; its attributes are as above."""

    path: Path
    config: CheckpointConfig
    open_weights: Callable[[], dict[str, Tensor]]

    def language_model(self) -> XLMLanguageModel:
        """The encoder, with an output layer that is new where it is not the embedding table."""
        model = XLMLanguageModel(self.config.shape)
        model.transformer.load_state_dict(self.encoder().state_dict())
        nn.init.zeros_(model.pred_layer.proj.bias)
        return model

    def encoder(self) -> XLMTransformer:
        return self._model().encoder

    def classifier(self) -> None:
        """None: it translates."""

    def decoder(self) -> XLMDecoder:
        return self._model().decoder

    def tokenizer(self) -> Tokenizer:
        return load_own_tokenizer(self.path, self.config.shape.num_words)

    def _model(self) -> Seq2Seq:
        config = self.config
        return build_filled(lambda: Seq2Seq(config.shape, config.decoder_shape), self.open_weights(), self.path)


def open_pretrained(path: Path) -> Pretrained:
    """Opens what ``--init`` names.

    Raises:
        ModelError: It is no XLM, or a damaged one.
    """
    if is_original(path):
        return read_original(path)
    if is_bundle(path):
        config = read_bundled_config(path)
        kind = _Encoder if config.decoder_layers is None else _Translator
        return kind(path, config, lambda: read_bundled_weights(path, config))
    check_not_folded(path)
    if checkpoint_task(path) == "translate":
        return _Translator(path, load_config(path), lambda: read_weights(path / CHECKPOINT_WEIGHTS_NAME))
    published = read_published_config(path)
    if published.faults:
        raise ModelError(f"{path / CONFIG_NAME}: cannot be trained further: {'; '.join(published.faults)}")
    return _Encoder(path, published.checkpoint, lambda: open_weights(path))


def choose_tokenizer(folder: Path | None, pretrained: Pretrained | None) -> Tokenizer:
    """Opens the vocabulary that ``--tokenizer`` names, or else the pretrained model's own.

    Raises:
        UsageError: There is neither.
        ModelError: It cannot be opened, or its first ids are not XLM's special tokens.
    """
    if folder is not None:
        tokenizer = load_tokenizer(folder)
        if tuple(tokenizer.vocab[: len(RESERVED_PIECES)]) != RESERVED_PIECES:
            raise ModelError(
                f"{folder}: not an XLM vocabulary: it does not begin with {', '.join(RESERVED_PIECES[:5])}, …",
                hint="xlm tokenizer train learns one",
            )
        return tokenizer
    if pretrained is None:
        raise UsageError("no vocabulary", hint="name one with --tokenizer, or a pretrained model with --init")
    return pretrained.tokenizer()


def check_vocabulary(tokenizer: Tokenizer, pretrained: Pretrained) -> None:
    """Makes sure that a pretrained model can have a vocabulary for its own.

    Raises:
        ModelError: The vocabulary has not as many entries as the model has words.
    """
    num_words = pretrained.config.shape.num_words
    if tokenizer.vocab_size != num_words:
        raise ModelError(
            f"the vocabulary has {tokenizer.vocab_size} entries, the pretrained model {num_words}",
            hint="leave --tokenizer out to take the model's own",
        )


def join_langs(config: CheckpointConfig, langs: Iterable[str]) -> tuple[str, ...]:
    """The languages of a model and of text that it is asked about.

    Raises:
        ModelError: The model has language embeddings, and none for a language of the text.
    """
    strangers = sorted(set(langs) - set(config.langs))
    if strangers and config.shape.num_langs > 1:
        raise ModelError(
            f"validation text in {', '.join(strangers)}: the model knows {', '.join(config.langs)} alone",
            hint="leave it out, or name --train text of that language",
        )
    return (*config.langs, *strangers)
