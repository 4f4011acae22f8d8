"""Checkpoints of the original code (facebookresearch/XLM cd281d3): one ``.pth`` file.

It holds state dicts under ``model`` (MLM, TLM, CLM) or ``encoder`` and ``decoder``, the dictionary under ``dico_*``,
and the run's settings under ``params``. Source: ``save_checkpoint`` in ``xlm/trainer.py``, ``xlm/model/__init__.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from xlmcli.checkpoint.config import CheckpointConfig
from xlmcli.checkpoint.original.params import OriginalParams, read_params, read_words
from xlmcli.checkpoint.original.tokenizer import original_tokenizer
from xlmcli.checkpoint.stand_ins import TensorReference
from xlmcli.checkpoint.torch_file import StreamedWeights, TorchFile
from xlmcli.errors import ModelError
from xlmcli.model.seq2seq import Seq2Seq, XLMDecoder
from xlmcli.model.transformer import XLMLanguageModel, XLMTransformer
from xlmcli.records import Direction
from xlmcli.text import Tokenizer

Part = Literal["model", "encoder", "decoder"]
References = dict[str, TensorReference]

_TABLE, _OUTPUT = "embeddings.weight", "pred_layer.proj.weight"
_MODULE = "module."


@dataclass(frozen=True, slots=True)
class OriginalCheckpoint:
    """A ``.pth`` file, checked: every weight is there and has the right size.

    Attributes:
        path: The file.
        config: What a config.json of ours would say; it has a decoder where the file has one.
        words: The dictionary's word of every id, ``@@`` at the end of a piece that goes on.
        parts: Names of the state dicts.
    """

    path: Path
    config: CheckpointConfig
    words: tuple[str, ...]
    parts: Mapping[Part, References]
    _file: TorchFile

    def seq2seq(self) -> Seq2Seq:
        """The encoder-decoder, in memory of its own.

        Raises:
            ModelError: The file has only a language model.
        """
        model = Seq2Seq(self.config.shape, self.config.decoder_shape)
        model.load_state_dict(dict(self.seq2seq_state()))
        return model

    def language_model(self) -> XLMLanguageModel:
        """The language model, or the encoder of an encoder-decoder, which has an output layer too."""
        model = XLMLanguageModel(self.config.shape)
        model.load_state_dict(
            {_named_as_ours(name): tensor for name, tensor in self._weights(self._encoder_part).items()}
        )
        return model

    def encoder(self) -> XLMTransformer:
        return self.language_model().transformer

    def classifier(self) -> None:
        """None: the original code saved no classifiers in this form."""

    def decoder(self) -> XLMLanguageModel | XLMDecoder:
        """What the original starts a decoder from: the file's decoder, or the language model where there is none."""
        if "decoder" not in self.parts:
            return self.language_model()
        decoder = XLMDecoder(self.config.decoder_shape)
        decoder.load_state_dict(dict(self._weights("decoder")))
        return decoder

    def tokenizer(self, codes: Path | None = None, vocab: Path | None = None) -> Tokenizer:
        """The tokenizer; see ``original_tokenizer``. Codes are by default the file ``codes`` beside the checkpoint."""
        return original_tokenizer(self.path, self.words, codes, vocab)

    def seq2seq_state(self) -> Mapping[str, Tensor]:
        """The weights of ``Seq2Seq``; each is read from the file when it is asked for, and kept by nobody.

        Raises:
            ModelError: The file has only a language model.
        """
        if "decoder" not in self.parts:
            raise ModelError(
                f"{self.path}: a pretrained XLM without a decoder", hint="train one: xlm train translate --init …"
            )
        references = {f"encoder.{name}": ref for name, ref in _without_output(self.parts["encoder"]).items()}
        references |= {f"decoder.{name}": ref for name, ref in self.parts["decoder"].items()}
        return StreamedWeights(self._file, references)

    def encoder_state(self) -> Mapping[str, Tensor]:
        """The weights of ``XLMTransformer``, the language model's or the encoder's; as in ``seq2seq_state``."""
        return StreamedWeights(self._file, _without_output(self.parts[self._encoder_part]))

    @property
    def _encoder_part(self) -> Part:
        return "model" if "model" in self.parts else "encoder"

    def _weights(self, part: Part) -> StreamedWeights:
        return StreamedWeights(self._file, self.parts[part])


def is_original(path: Path) -> bool:
    """Whether a path is to be read as a checkpoint of the original code: such are files, ours are folders."""
    return path.is_file() or (path.suffix == ".pth" and not path.is_dir())


def read_original(path: Path) -> OriginalCheckpoint:
    """Opens and checks a ``.pth`` file. Weights are not read yet.

    Raises:
        ModelError: It cannot be read, its pickle tries to load what no checkpoint needs, or it is no model that we
            have; lists everything that is wrong.
    """
    file = TorchFile(path)
    content = file.content
    if not isinstance(content, dict) or not isinstance(content.get("params"), dict):
        raise ModelError(f"{path}: not a checkpoint of the original XLM code, it has no params")
    faults: list[str] = []
    parts = _find_parts(content, faults)
    params = read_params(content["params"], faults)
    words = read_words(content, params, faults)
    if params is not None:
        for part, references in parts.items():
            faults += _weight_faults(part, references, params, file)
        if len({_num_positions(references) for references in parts.values()}) > 1:
            faults.append("encoder and decoder have position tables of different lengths")
    if faults or params is None:
        raise ModelError(f"{path}: cannot be converted: {'; '.join(faults)}")
    config = _config(params, parts)
    return OriginalCheckpoint(path, config, words, parts, file)


def _find_parts(content: dict[Any, Any], faults: list[str]) -> dict[Part, References]:
    """The state dicts, without the ``module.`` that training on several GPUs puts before every name."""
    wanted: tuple[Part, ...] = ("model",) if "model" in content else ("encoder", "decoder")
    parts: dict[Part, References] = {}
    for part in wanted:
        state = content.get(part)
        if not isinstance(state, dict) or not state:
            faults.append(f"no weights under {part}")
            continue
        wrapped = all(isinstance(name, str) and name.startswith(_MODULE) for name in state)
        names = {name: name.removeprefix(_MODULE) if wrapped else name for name in map(str, state)}
        faults += [f"{part}: {name} is no tensor" for name, value in state.items() if not _is_tensor(value)]
        parts[part] = {names[str(name)]: value for name, value in state.items() if _is_tensor(value)}
    return parts


def _is_tensor(value: object) -> bool:
    return isinstance(value, TensorReference)


def _weight_faults(part: Part, references: References, params: OriginalParams, file: TorchFile) -> list[str]:
    """What is missing, unexpected, or of another size in a state dict."""
    wanted = _wanted(part, params, _num_positions(references))
    # Named once as what they are, by read_params.
    foreign: tuple[str, ...] = ("memories.",) if params.uses_memory else ()
    foreign += ("pred_layer.",) if params.uses_adaptive_softmax else ()
    missing = wanted.keys() - references.keys()
    unexpected = references.keys() - wanted.keys()
    faults = [f"{part}: missing {name}" for name in sorted(missing) if not name.startswith(foreign)]
    faults += [f"{part}: unexpected {name}" for name in sorted(unexpected) if not name.startswith(foreign)]
    faults += [
        f"{part}: {name} is {tuple(references[name].size)}, expected {size}"
        for name, size in wanted.items()
        if name in references and tuple(references[name].size) != size
    ]
    if not faults and params.shape.tied_output and _OUTPUT in references and part != "encoder":
        faults += _tie_faults(part, references, file)
    return faults


def _tie_faults(part: Part, references: References, file: TorchFile) -> list[str]:
    """An output layer that is tied must be the embedding table; torch stores it once, or twice with equal numbers."""
    table, output = references[_TABLE], references[_OUTPUT]
    if table == output or torch.equal(file.tensor(table), file.tensor(output)):
        return []
    return [f"{part}: {_OUTPUT} differs from {_TABLE}, and share_inout_emb says that they are one"]


def _wanted(part: Part, params: OriginalParams, num_positions: int) -> dict[str, tuple[int, ...]]:
    """Shapes of a part's weights by the original's names, which are ours without ``transformer.``."""
    shape = params.shape_with(num_positions)
    with torch.device("meta"):
        model = XLMDecoder(shape) if part == "decoder" else XLMLanguageModel(shape)
    return {name.removeprefix("transformer."): tuple(weight.shape) for name, weight in model.state_dict().items()}


def _num_positions(references: References) -> int:
    """Rows of the position table, which ``params`` does not tell; the original's own are 512."""
    positions = references.get("position_embeddings.weight")
    return positions.size[0] if positions is not None and len(positions.size) == 2 else 512


def _config(params: OriginalParams, parts: Mapping[Part, References]) -> CheckpointConfig:
    shape = params.shape_with(_num_positions(next(iter(parts.values()))))
    if "decoder" not in parts:
        return CheckpointConfig(params.langs, shape)
    langs = params.langs
    directions = tuple(Direction(src, tgt) for src in langs for tgt in langs if src != tgt or len(langs) == 1)
    return CheckpointConfig(langs, shape, shape.num_layers, directions, params.max_len)


def _without_output(references: References) -> References:
    return {name: reference for name, reference in references.items() if not name.startswith("pred_layer.")}


def _named_as_ours(name: str) -> str:
    return name if name.startswith("pred_layer.") else f"transformer.{name}"
