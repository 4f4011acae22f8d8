"""Opening a checkpoint of any kind that can be converted."""

from __future__ import annotations

from pathlib import Path

from xlmcli.bundle import is_bundle
from xlmcli.checkpoint.config import load_config
from xlmcli.checkpoint.description import checkpoint_task, read_fields
from xlmcli.checkpoint.huggingface import read_published_config
from xlmcli.checkpoint.original.file import is_original
from xlmcli.convert.engine.folder import EngineModel, is_engine_model, open_engine_model
from xlmcli.convert.family.architectures import check_family
from xlmcli.convert.family.model import FamilyModel, check_family_folder, open_family
from xlmcli.convert.family.settings import is_family
from xlmcli.convert.xlm.encoder import EncoderCheckpoint, open_encoder
from xlmcli.convert.xlm.original import open_original
from xlmcli.convert.xlm.translator import Checkpoint, open_checkpoint
from xlmcli.errors import ModelError, UsageError
from xlmcli.text import load_tokenizer

Opened = Checkpoint | EncoderCheckpoint | FamilyModel | EngineModel


def open_convertible(
    path: Path, codes: Path | None = None, vocab: Path | None = None, *, of_engine: bool = False
) -> Opened:
    """Opens an encoder-decoder, an encoder or a classifier, XLM's or of another family, or CTranslate2's own.

    Args:
        path: A folder, or a file of the original code.
        codes: See ``open_original``; a folder has its tokenizer in it.
        vocab: See ``open_original``.
        of_engine: Take it for a model of CTranslate2, also if it does not look like one.

    Raises:
        UsageError: Codes or vocabulary are given for what is no file of the original code.
        ModelError: It cannot be read or cannot be converted.
    """
    if is_bundle(path):
        raise ModelError(f"{path} is a bundle already", hint="xlm converts the checkpoint that it was made from")
    is_of_engine = of_engine or is_engine_model(path)
    if not is_of_engine and is_original(path):
        return open_original(path, codes, vocab)
    if codes is not None or vocab is not None:
        option = "--vocab" if codes is None else "--codes"
        raise UsageError(f"{option} is for .pth files, and {path} is none", hint="leave it out")
    if is_of_engine:
        return open_engine_model(path)
    if is_family(path):
        return open_family(path)
    task = checkpoint_task(path)
    check_family(read_fields(path), str(path))
    return open_checkpoint(path) if task == "translate" else open_encoder(path)


def check_settings(folder: Path) -> None:
    """Checks all that can be told of a folder of transformers before its weights are there.

    Raises:
        ModelError: A file is missing or damaged, or says something that cannot be converted; the message lists it.
    """
    if is_family(folder):
        check_family_folder(folder)
        return
    if checkpoint_task(folder) == "translate":
        load_config(folder)
    else:
        faults = read_published_config(folder).faults
        if faults:
            raise ModelError(f"{folder} cannot be converted: {'; '.join(faults)}")
    load_tokenizer(folder)
