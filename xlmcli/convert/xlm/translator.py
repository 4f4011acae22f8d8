"""From a translation checkpoint to a bundle, or to a folder for one direction that CTranslate2 opens by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save
from torch import Tensor

from xlmcli.bundle import (
    LANGUAGES_NAME,
    MODEL_NAME,
    Architecture,
    Bundle,
    Limits,
    Manifest,
    TranslationPart,
    new_bundle,
)
from xlmcli.bundle.layout import find_position_tables
from xlmcli.bundle.manifest import Quantization
from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME
from xlmcli.checkpoint.config import CheckpointConfig, load_config
from xlmcli.checkpoint.lazy_weights import StoredWeights, rename
from xlmcli.checkpoint.weights import find_faults, load_own_tokenizer, load_seq2seq
from xlmcli.convert.bundling import (
    BundleOptions,
    check_written,
    copy_documents,
    make_provenance,
    tokenizer_kind,
    with_alignment_head,
)
from xlmcli.convert.options import REFUSED_BY_TRANSLATORS, Refusals, Say, VerificationOptions
from xlmcli.convert.xlm.translator_specs import build_spec
from xlmcli.errors import ModelError
from xlmcli.model.seq2seq import Seq2Seq
from xlmcli.records import Direction
from xlmcli.text import Tokenizer
from xlmcli.text.special import EOS_PIECE


@dataclass(frozen=True)
class Checkpoint:
    """A translation checkpoint, opened.

    Attributes:
        name: Name of its folder or file.
        state: The weights of ``Seq2Seq``; they may be read from the file only when they are asked for.
        load_model: Makes the torch model.
        config: What config.json says.
        tokenizer: The tokenizer that it was trained with.
    """

    name: str
    state: Mapping[str, Tensor]
    load_model: Callable[[], Seq2Seq]
    config: CheckpointConfig
    tokenizer: Tokenizer

    @cached_property
    def model(self) -> Seq2Seq:
        """The torch model, in eval mode. Conversion does without it."""
        return self.load_model().eval()

    @property
    def langs(self) -> tuple[str, ...]:
        """Its languages."""
        return self.config.langs

    def refused_options(self) -> Refusals:
        """Options of the conversion that say nothing about it."""
        return REFUSED_BY_TRANSLATORS

    def verify(self, bundle: Bundle, options: VerificationOptions, say: Say) -> None:
        """Compares greedy translations in every direction."""
        from xlmcli.convert.verify.translations import report_agreements, verify_bundle

        report_agreements(verify_bundle(self, bundle, options.sentences), options, say)

    def verify_folded(
        self, path: Path, direction: Direction, quantization: Quantization, options: VerificationOptions, say: Say
    ) -> None:
        """Compares greedy translations of a folder for one direction; see ``write_folded``."""
        from xlmcli.convert.verify.translations import report_agreements, verify_folded

        report_agreements(verify_folded(self, path, direction, quantization, options.sentences), options, say)

    def fill(self, folder: Path, options: BundleOptions) -> Manifest:
        """Writes every file but the manifest, and returns the manifest without hashes."""
        config, state = self.config, self.state
        spec = build_spec(state, config.shape, config.decoder_shape, self.tokenizer.vocab, options.quantization)
        spec.save(str(folder))
        self.tokenizer.save(folder)
        tells_languages = config.shape.num_langs > 1
        if tells_languages:
            vectors = {side: _language_vectors(state, side) for side in ("encoder", "decoder")}
            (folder / LANGUAGES_NAME).write_bytes(save(vectors))
        copy_documents(folder, options)
        return Manifest(
            task="translate",
            languages=config.lang2id,
            language_input="embedding" if tells_languages else "none",
            limits=make_limits(config),
            architecture=_architecture(self),
            quantization=options.quantization,
            provenance=make_provenance(self.name, options, self.config.licence),
            tokenizer=tokenizer_kind(self.tokenizer),
            translation=TranslationPart(
                directions=config.directions,
                max_target_positions=config.decoder_shape.max_positions,
                position_tables=find_position_tables(folder / MODEL_NAME),
                decoder_start=EOS_PIECE,
                decoding=options.decoding,
                protects_spans=config.protects_spans,
            ),
        )


def open_checkpoint(folder: Path) -> Checkpoint:
    """Opens a translation checkpoint.

    Raises:
        ModelError: It cannot be read, is no translation model, or its parts do not fit each other.
    """
    config = load_config(folder)
    state = _read_state(folder, config)
    tokenizer = load_own_tokenizer(folder, config.shape.num_words)
    if not config.directions:
        raise ModelError(f"{folder}: config.json names no directions that the model translates")
    return Checkpoint(folder.resolve().name, state, lambda: load_seq2seq(folder)[0], config, tokenizer)


def _read_state(folder: Path, config: CheckpointConfig) -> Mapping[str, Tensor]:
    """Checks the weights of ``Seq2Seq``, which stay in their file."""
    if config.decoder_layers is None:
        raise ModelError(
            f"{folder}: a pretrained XLM without a decoder", hint="train one: xlm train translate --init …"
        )
    path = folder / CHECKPOINT_WEIGHTS_NAME
    state = StoredWeights(path)
    if faults := find_faults(dict(_skeleton(config).named_parameters()), state):
        raise ModelError(f"{path}: {'; '.join(faults)}")
    names = {name: name for name in state}
    if config.shape.tied_output:
        names["decoder.pred_layer.proj.weight"] = "decoder.embeddings.weight"
    return rename(state, names)


def _skeleton(config: CheckpointConfig) -> Seq2Seq:
    """The model without numbers."""
    with torch.device("meta"):
        return Seq2Seq(config.shape, config.decoder_shape)


def write_folded(
    checkpoint: Checkpoint,
    path: Path,
    direction: Direction,
    options: BundleOptions,
    *,
    check: Callable[[Path], None] | None = None,
) -> None:
    """Writes a folder for one direction, without a manifest, that ``ctranslate2.Translator(path)`` opens.

    ``check`` sees the finished folder, as in ``write_bundle``.

    Raises:
        UsageError: ``path`` is taken; see ``new_bundle``.
        ModelError: The model does not translate in that direction, or the folder cannot be written or used.
    """
    with new_bundle(path, force=options.force) as folder:
        manifest = checkpoint.fill(folder, options)
        Bundle(Path(checkpoint.name), manifest).check_direction(direction)
        check_written(folder, manifest)
        manifest = with_alignment_head(folder, manifest)
        listed = replace(manifest, files={entry.name: "" for entry in folder.iterdir()})
        folded = Bundle(folder, listed).folded_files(direction, aligns=True)
        (folder / MODEL_NAME).write_bytes(folded[MODEL_NAME])
        (folder / LANGUAGES_NAME).unlink(missing_ok=True)
        if check is not None:
            check(folder)


def make_limits(config: CheckpointConfig) -> Limits:
    """How long texts may be, with ``</s>`` on either side."""
    room = config.shape.max_positions - 2
    return Limits(
        max_source_tokens=room if config.max_len is None else min(config.max_len, room),
        max_source_positions=config.shape.max_positions,
    )


def _language_vectors(state: Mapping[str, Tensor], side: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """The language embeddings of a side, (num_langs, dim) float32."""
    return np.asarray(state[f"{side}.lang_embeddings.weight"].detach().float().cpu().numpy(), dtype=np.float32)


def _architecture(checkpoint: Checkpoint) -> Architecture:
    encoder, decoder = checkpoint.config.shape, checkpoint.config.decoder_shape
    return Architecture(
        dim=encoder.dim,
        num_heads=encoder.num_heads,
        encoder_layers=encoder.num_layers,
        decoder_layers=decoder.num_layers,
        vocab_size=encoder.num_words,
        num_parameters=sum(parameter.numel() for parameter in _skeleton(checkpoint.config).parameters()),
    )
