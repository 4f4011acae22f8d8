"""From an encoder or a classifier, ours or Hugging Face's, to a bundle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from xlmcli.bundle import HEAD_NAME, Architecture, Limits, Manifest, SpecialTokens
from xlmcli.convert.bundling import BundleOptions, copy_documents, make_provenance, tokenizer_kind
from xlmcli.convert.conversion import check_vocabulary
from xlmcli.convert.encoder import build_encoder_spec
from xlmcli.convert.encoder_config import EncoderConfig, label_names, read_encoder_config
from xlmcli.errors import ModelError
from xlmcli.text import Tokenizer, load_tokenizer
from xlmcli.train.checkpoint import find_faults
from xlmcli.train.huggingface import open_weights
from xlmcli.train.model import XLMTransformer

_PREFIX = "transformer."
_HEAD_WEIGHT, _HEAD_BIAS = "sequence_summary.summary.weight", "sequence_summary.summary.bias"
# The output layer, and a buffer that transformers stored until 4.31.
_NOT_NEEDED = ("pred_layer.", "position_ids")


@dataclass(frozen=True, slots=True)
class EncoderCheckpoint:
    """A checkpoint of an encoder or a classifier, opened.

    Attributes:
        name: Name of its folder.
        state: The encoder's weights, named as in ``transformers.XLMModel``, and the head's, if there is one, as in
            ``transformers.XLMForSequenceClassification``.
        config: What config.json says.
        tokenizer: The tokenizer that it was trained with.
    """

    name: str
    state: Mapping[str, Tensor]
    config: EncoderConfig
    tokenizer: Tokenizer

    @property
    def tokens(self) -> SpecialTokens:
        """The special pieces of its sequences."""
        return SpecialTokens(bos=self.tokenizer.vocab[self.config.start_id])

    @property
    def vocab(self) -> list[str]:
        """The piece of every row of the embedding table."""
        spare = range(self.tokenizer.vocab_size, self.config.shape.num_words)
        return [*self.tokenizer.vocab, *(f"<unused{index}>" for index in spare)]

    def fill(self, folder: Path, options: BundleOptions) -> Manifest:
        """Writes every file but the manifest, and returns the manifest without hashes."""
        config = self.config
        spec = build_encoder_spec(
            self.state,
            config.shape,
            config.layer_norm_eps,
            self.vocab,
            self.tokens,
            options.quantization,
        )
        spec.save(str(folder))
        self.tokenizer.save(folder)
        if config.classifier is not None:
            head = {"weight": self.state[_HEAD_WEIGHT], "bias": self.state[_HEAD_BIAS]}
            (folder / HEAD_NAME).write_bytes(save({name: part.float().contiguous() for name, part in head.items()}))
        copy_documents(folder, options)
        return Manifest(
            task="encode" if config.classifier is None else "classify",
            languages=config.languages,
            language_input="token_types" if config.shape.num_langs > 1 else "none",
            limits=_limits(config),
            architecture=_architecture(self),
            quantization=options.quantization,
            provenance=make_provenance(self.name, options),
            tokenizer=tokenizer_kind(self.tokenizer),
            tokens=self.tokens,
            classifier=config.classifier,
        )


def open_encoder(folder: Path) -> EncoderCheckpoint:
    """Opens a checkpoint of an encoder or a classifier.

    Raises:
        ModelError: It cannot be read, or lists all that cannot be converted: settings, and weights that are missing,
            unexpected or of another size.
    """
    config, faults = read_encoder_config(folder)
    state = _read_state(folder)
    faults += find_faults(_wanted(config), state)
    if faults:
        raise ModelError(f"{folder} cannot be converted: {'; '.join(faults)}")
    tokenizer = load_tokenizer(folder)
    # Hugging Face's tables may have rows to spare; ours have not, and another number is a sign of another tokenizer.
    if tokenizer_kind(tokenizer) == "sentencepiece" or tokenizer.vocab_size > config.shape.num_words:
        check_vocabulary(tokenizer, config.shape.num_words, folder)
    return EncoderCheckpoint(folder.resolve().name, state, config, tokenizer)


def _read_state(folder: Path) -> Mapping[str, Tensor]:
    """Reads the weights that conversion needs, named as in ``EncoderCheckpoint``."""
    stored = open_weights(folder)
    return stored.named(_needed(stored))


def _needed(names: Iterable[str]) -> dict[str, str]:
    """The names of weights that conversion needs, by the names that they are to have."""
    named = {name.removeprefix(_PREFIX): name for name in names}
    return {name: old for name, old in named.items() if not name.startswith(_NOT_NEEDED)}


def _wanted(config: EncoderConfig) -> dict[str, Tensor]:
    """The weights that there should be, without numbers."""
    with torch.device("meta"):
        wanted: dict[str, Tensor] = XLMTransformer(config.shape).state_dict()
        if config.has_head:
            num_labels = len(label_names(config.published))
            wanted[_HEAD_WEIGHT] = torch.empty(num_labels, config.shape.dim)
            wanted[_HEAD_BIAS] = torch.empty(num_labels)
    return wanted


def _limits(config: EncoderConfig) -> Limits:
    room = config.shape.max_positions - 2
    return Limits(
        max_source_tokens=room if config.max_len is None else min(config.max_len, room),
        max_source_positions=config.shape.max_positions,
    )


def _architecture(checkpoint: EncoderCheckpoint) -> Architecture:
    shape = checkpoint.config.shape
    return Architecture(
        dim=shape.dim,
        num_heads=shape.num_heads,
        encoder_layers=shape.num_layers,
        decoder_layers=0,
        vocab_size=shape.num_words,
        num_parameters=sum(weight.numel() for weight in checkpoint.state.values()),
    )
