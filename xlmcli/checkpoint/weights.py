"""Weights of a checkpoint, and a translator or a tokenizer opened with them.

A checkpoint is a folder that Hugging Face opens, and beside it what a run needs to go on::

    config.json  model.safetensors  tokenizer.model      the best model so far
    log.jsonl                                            what happened
    training/                                            the newest model, optimizer, and place in the data
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import save
from torch import Tensor, nn

from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME
from xlmcli.checkpoint.config import CheckpointConfig, load_config
from xlmcli.checkpoint.safetensors_file import open_safetensors
from xlmcli.errors import ModelError
from xlmcli.model.seq2seq import Seq2Seq
from xlmcli.outputs import atomic_write
from xlmcli.text import Tokenizer, load_tokenizer

_Module = TypeVar("_Module", bound=nn.Module)


def load_seq2seq(folder: Path) -> tuple[Seq2Seq, CheckpointConfig]:
    """Opens a translation checkpoint.

    Raises:
        ModelError: The folder is no such checkpoint, or weights are missing, unexpected or of another size.
    """
    config = load_config(folder)
    if config.decoder_layers is None:
        raise ModelError(
            f"{folder}: a pretrained XLM without a decoder", hint="train one: xlm train translate --init …"
        )
    path = folder / CHECKPOINT_WEIGHTS_NAME
    return build_filled(lambda: Seq2Seq(config.shape, config.decoder_shape), read_weights(path), path), config


def load_own_tokenizer(folder: Path, num_words: int) -> Tokenizer:
    """Opens a checkpoint's tokenizer, with a piece for each of the embedding table's ``num_words`` rows.

    Raises:
        ModelError: There is none, or it is another model's. (Tables of published XLMs may have rows to spare; those
            that go with SentencePiece have not.)
    """
    from xlmcli.text.xlm_bpe import XLMBPETokenizer

    tokenizer = load_tokenizer(folder)
    if isinstance(tokenizer, XLMBPETokenizer):
        tokenizer = tokenizer.padded(num_words)
    if tokenizer.vocab_size != num_words:
        raise ModelError(
            f"{folder}: the tokenizer has {tokenizer.vocab_size} pieces, the model {num_words} words",
            hint="the tokenizer must be the one that the model was trained with",
        )
    return tokenizer


def load_weights(model: nn.Module, path: Path) -> None:
    """Fills a model from a file, checking every weight.

    Raises:
        ModelError: Lists all weights that are missing, unexpected or of another size.
    """
    fill_weights(model, read_weights(path), path)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Reads a file of weights.

    Raises:
        ModelError: There is none, or it is damaged.
    """
    try:
        with open_safetensors(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: {error}") from None


def mean_of(paths: Sequence[Path]) -> dict[str, Tensor]:
    """Reads the mean of files of weights, a file at a time.

    Raises:
        ModelError: One is damaged, or its weights are not those of the first.
    """
    mean = read_weights(paths[0])
    for path in paths[1:]:
        weights = read_weights(path)
        if faults := find_faults(mean, weights):
            raise ModelError(f"{path}: {'; '.join(faults)}")
        for name, weight in weights.items():
            mean[name] += weight
    for total in mean.values():
        total.div_(len(paths))
    return mean


def build_filled(build: Callable[[], _Module], state: dict[str, Tensor], path: Path) -> _Module:
    """Builds a model and fills it; of a size that its weights have not, it is built without numbers only.

    Raises:
        ModelError: As for ``fill_weights``.
    """
    with torch.device("meta"):
        wanted = dict(build().named_parameters())
    if faults := find_faults(wanted, state):
        raise ModelError(f"{path}: {'; '.join(faults)}")
    model = build()
    model.load_state_dict(state, strict=False)
    return model


def fill_weights(model: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Fills a model, checking every weight; ``path`` is where they came from.

    Raises:
        ModelError: Lists all weights that are missing, unexpected or of another size.
    """
    faults = find_faults(saved_state(model), state)
    if faults:
        raise ModelError(f"{path}: {'; '.join(faults)}")
    model.load_state_dict(state, strict=False)


def find_faults(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    """Lists all weights of ``state`` that are missing, unexpected, or of another size or kind than those ``wanted``."""
    faults = [f"missing {name}" for name in wanted if name not in state]
    faults += [f"unexpected {name}" for name in state if name not in wanted]
    for name in wanted.keys() & state.keys():
        found = state[name]  # Once: it may be read from its file.
        if found.shape != wanted[name].shape:
            faults.append(f"{name} is {tuple(found.shape)}, expected {tuple(wanted[name].shape)}")
        if not found.dtype.is_floating_point:
            faults.append(f"{name} is of {found.dtype}, expected numbers with a point")
    return sorted(faults)


def saved_state(model: nn.Module) -> dict[str, Tensor]:
    """The weights that a checkpoint stores, each once: an output layer's matrix that is the embedding table is not."""
    state = cast(dict[str, Tensor], model.state_dict())
    return {name: state[name].detach().cpu().contiguous() for name, _ in model.named_parameters()}


def save_weights(state: dict[str, Tensor], path: Path) -> None:
    """Writes weights beside and renames."""
    with atomic_write(path, "wb") as file:
        file.write(save(state, metadata={"format": "pt"}))
