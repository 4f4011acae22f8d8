"""Opening a checkpoint of any kind that can be converted."""

from __future__ import annotations

from pathlib import Path

from xlmcli.bundle.description import checkpoint_task
from xlmcli.convert.conversion import Checkpoint, open_checkpoint
from xlmcli.convert.encoder_checkpoint import EncoderCheckpoint, open_encoder
from xlmcli.convert.engine_folder import EngineModel, is_engine_model, open_engine_model
from xlmcli.convert.original import open_original
from xlmcli.convert.published import PublishedModel, is_published, open_published
from xlmcli.errors import UsageError
from xlmcli.train.original import is_original

Opened = Checkpoint | EncoderCheckpoint | PublishedModel | EngineModel


def open_model(path: Path, codes: Path | None = None, vocab: Path | None = None, *, of_engine: bool = False) -> Opened:
    """Opens an encoder-decoder, an encoder or a classifier, XLM's or of another family, or CTranslate2's own.

    Args:
        path: A folder, or a file of the original code.
        codes: See ``open_original``; a folder has its tokenizer in it.
        vocab: See ``open_original``.
        of_engine: Take it for a model of CTranslate2, also if it does not look like one.

    Raises:
        UsageError: Codes or vocabulary are given for a folder.
        ModelError: It cannot be read or cannot be converted.
    """
    if of_engine or is_engine_model(path):
        return open_engine_model(path)
    if is_original(path):
        return open_original(path, codes, vocab)
    if codes is not None or vocab is not None:
        option = "--vocab" if codes is None else "--codes"
        raise UsageError(f"{option} is for .pth files, and {path} is none", hint="leave it out")
    if is_published(path):
        return open_published(path)
    return open_checkpoint(path) if checkpoint_task(path) == "translate" else open_encoder(path)
