"""Opening a checkpoint of the original code, a ``.pth`` file, for conversion."""

from __future__ import annotations

from pathlib import Path

from xlmcli.convert.conversion import Checkpoint, check_vocabulary
from xlmcli.convert.encoder_checkpoint import EncoderCheckpoint
from xlmcli.convert.encoder_config import EncoderConfig
from xlmcli.text.special import EOS_ID
from xlmcli.train.checkpoint import CheckpointConfig
from xlmcli.train.model import LAYER_NORM_EPS
from xlmcli.train.original import read_original


def open_original(path: Path, codes: Path | None = None, vocab: Path | None = None) -> Checkpoint | EncoderCheckpoint:
    """Opens an encoder-decoder or a pretrained XLM. Weights are read one by one when they are converted.

    Args:
        path: The file.
        codes: fastBPE's codes; None is the file ``codes`` beside it.
        vocab: fastBPE's vocabulary, only checked to fit; None checks nothing.

    Raises:
        ModelError: See ``read_original`` and ``original_tokenizer``.
    """
    original = read_original(path)
    tokenizer = original.tokenizer(codes, vocab)
    check_vocabulary(tokenizer, original.config.shape.num_words, path)
    if original.config.decoder_layers is None:
        return EncoderCheckpoint(path.name, original.encoder_state(), _encoder_config(original.config), tokenizer)
    return Checkpoint(path.name, original.seq2seq_state(), original.seq2seq, original.config, tokenizer)


def _encoder_config(config: CheckpointConfig) -> EncoderConfig:
    from transformers import XLMConfig

    return EncoderConfig(
        shape=config.shape,
        layer_norm_eps=LAYER_NORM_EPS,
        languages=config.lang2id,
        has_head=False,
        classifier=None,
        max_len=None,
        start_id=EOS_ID,
        published=XLMConfig.from_dict(config.to_json()),
    )
