"""Opening a checkpoint of the original code, a ``.pth`` file, for conversion."""

from __future__ import annotations

from pathlib import Path

from xlmcli.checkpoint.original.file import read_original
from xlmcli.convert.xlm.encoder import EncoderCheckpoint
from xlmcli.convert.xlm.translator import Checkpoint


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
    config, tokenizer = original.config, original.tokenizer(codes, vocab)
    if config.decoder_layers is not None:
        return Checkpoint(path.name, original.seq2seq_state(), original.seq2seq, config, tokenizer)
    from transformers import XLMConfig

    published = XLMConfig.from_dict(config.to_json())
    return EncoderCheckpoint(path.name, original.encoder_state(), config, tokenizer, published)
