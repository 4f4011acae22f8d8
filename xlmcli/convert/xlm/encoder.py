"""From an encoder or a classifier, ours or Hugging Face's, to a bundle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save
from torch import Tensor

from xlmcli.bundle import HEAD_NAME, Architecture, Bundle, ClassifierPart, Manifest, SpecialTokens
from xlmcli.checkpoint.config import CheckpointConfig
from xlmcli.checkpoint.huggingface import PublishedConfig, open_weights, read_published_config
from xlmcli.checkpoint.lazy_weights import rename
from xlmcli.checkpoint.weights import find_faults, load_own_tokenizer
from xlmcli.convert.bundling import BundleOptions, copy_documents, make_provenance, tokenizer_kind
from xlmcli.convert.options import Refusals, Say, VerificationOptions, refused_by_encoders
from xlmcli.convert.streaming import weight_shape
from xlmcli.convert.xlm.encoder_specs import build_encoder_spec
from xlmcli.convert.xlm.translator import make_limits
from xlmcli.errors import ModelError
from xlmcli.model.classifier_config import ClassifierConfig
from xlmcli.model.transformer import XLMTransformer
from xlmcli.text import Tokenizer
from xlmcli.text.special import EOS_ID

if TYPE_CHECKING:
    from transformers import XLMConfig

    from xlmcli.convert.xlm.reference import XLMReference

_HEAD_WEIGHT, _HEAD_BIAS = "sequence_summary.summary.weight", "sequence_summary.summary.bias"
_OUTPUT = "pred_layer."


@dataclass(frozen=True, slots=True)
class EncoderCheckpoint:
    """A checkpoint of an encoder or a classifier, opened.

    Attributes:
        name: Name of its folder.
        state: The encoder's weights, named as in ``transformers.XLMModel``, and the head's, if there is one, as in
            ``transformers.XLMForSequenceClassification``.
        config: What config.json says.
        tokenizer: The tokenizer that it was trained with.
        published: The settings as transformers holds them.
    """

    name: str
    state: Mapping[str, Tensor]
    config: CheckpointConfig
    tokenizer: Tokenizer
    published: XLMConfig

    @property
    def tokens(self) -> SpecialTokens:
        """The special pieces of its sequences."""
        start_id = EOS_ID if self.config.classifier is None else self.config.classifier.start_id
        return SpecialTokens(bos=self.tokenizer.vocab[start_id])

    @property
    def langs(self) -> tuple[str, ...]:
        """Its languages."""
        return self.config.langs

    @property
    def text_tokenizer(self) -> Tokenizer:
        """Its tokenizer."""
        return self.tokenizer

    def open_reference(self) -> XLMReference:
        """Opens its model as transformers runs it."""
        from xlmcli.convert.xlm.reference import XLMReference

        return XLMReference(self)

    def refused_options(self) -> Refusals:
        """Options of the conversion that say nothing about it."""
        return refused_by_encoders(self.name, has_labels=self.config.classifier is not None)

    def verify(self, bundle: Bundle, options: VerificationOptions, say: Say) -> None:
        """Compares states and labels."""
        from xlmcli.convert.verify.states import report_closeness, verify_encoder

        report_closeness(verify_encoder(self, bundle, options.sentences), options, say)

    def fill(self, folder: Path, options: BundleOptions) -> Manifest:
        """Writes every file but the manifest, and returns the manifest without hashes."""
        config, vocab = self.config, self.tokenizer.vocab
        spec = build_encoder_spec(self.state, config.shape, vocab, self.tokens, options.quantization)
        spec.save(str(folder))
        self.tokenizer.save(folder)
        if config.classifier is not None:
            head = {"weight": self.state[_HEAD_WEIGHT], "bias": self.state[_HEAD_BIAS]}
            (folder / HEAD_NAME).write_bytes(save({name: part.float().contiguous() for name, part in head.items()}))
        copy_documents(folder, options)
        return Manifest(
            task="encode" if config.classifier is None else "classify",
            languages=config.lang2id,
            language_input="token_types" if config.shape.num_langs > 1 else "none",
            limits=make_limits(config),
            architecture=_architecture(self),
            quantization=options.quantization,
            provenance=make_provenance(self.name, options, self.config.licence),
            tokenizer=tokenizer_kind(self.tokenizer),
            tokens=self.tokens,
            classifier=None if config.classifier is None else _classifier_part(config.classifier),
        )


def open_encoder(folder: Path) -> EncoderCheckpoint:
    """Opens a checkpoint of an encoder or a classifier.

    Raises:
        ModelError: It cannot be read, or lists all that cannot be converted: settings, and weights that are missing,
            unexpected or of another size.
    """
    config = read_published_config(folder)
    stored = open_weights(folder)
    # The output layer is not needed, and of no consequence.
    state = rename(stored, {name: name for name in stored if not name.startswith(_OUTPUT)})
    faults = [*config.faults, *find_faults(_wanted(config), state)]
    if faults:
        raise ModelError(f"{folder} cannot be converted: {'; '.join(faults)}")
    tokenizer = load_own_tokenizer(folder, config.checkpoint.shape.num_words)
    return EncoderCheckpoint(folder.resolve().name, state, config.checkpoint, tokenizer, config.published)


def _wanted(config: PublishedConfig) -> dict[str, Tensor]:
    """The weights that there should be, without numbers."""
    shape = config.checkpoint.shape
    with torch.device("meta"):
        wanted: dict[str, Tensor] = XLMTransformer(shape).state_dict()
        if config.has_head:
            num_labels = len(config.published.id2label or ())
            wanted[_HEAD_WEIGHT] = torch.empty(num_labels, shape.dim)
            wanted[_HEAD_BIAS] = torch.empty(num_labels)
    return wanted


def _classifier_part(config: ClassifierConfig) -> ClassifierPart:
    return ClassifierPart(
        labels=config.labels,
        pooling=config.pooling,
        activation=config.activation,
        multi_label=config.multi_label,
        temperature=config.temperature,
        trained_langs=config.train_langs,
    )


def _architecture(checkpoint: EncoderCheckpoint) -> Architecture:
    shape = checkpoint.config.shape
    return Architecture(
        dim=shape.dim,
        num_heads=shape.num_heads,
        encoder_layers=shape.num_layers,
        decoder_layers=0,
        vocab_size=shape.num_words,
        num_parameters=sum(math.prod(weight_shape(checkpoint.state, name)) for name in checkpoint.state),
    )
