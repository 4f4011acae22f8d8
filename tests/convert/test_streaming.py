"""What is written piece by piece must be what CTranslate2's own converter writes, with little of it in memory."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.errors import ModelError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")
from ctranslate2.converters import TransformersConverter  # noqa: E402
from ctranslate2.specs import transformer_spec  # noqa: E402

from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.family.model import FamilyModel  # noqa: E402
from xlmcli.convert.layers import Weights  # noqa: E402
from xlmcli.convert.opening import open_convertible  # noqa: E402
from xlmcli.convert.streaming import StreamedVariable, finish  # noqa: E402

FAMILIES = ["Marian", "M2M-100", "mBART-50", "XLM-R"]


class PlainConverter(TransformersConverter):  # type: ignore[misc]
    """CTranslate2's converter, with the pieces that ours found in place of transformers' tokenizer."""

    unk_token, bos_token, eos_token = "<unk>", "<s>", "</s>"
    num_madeup_words = 0
    special_tokens_map: Mapping[str, list[str]] = {}

    def __init__(self, folder: Path, vocab: list[str]) -> None:
        super().__init__(str(folder))
        self._vocab = vocab
        self.unk_token_id = vocab.index("<unk>")

    def load_model(self, model_class: Any, model_name_or_path: str, **kwargs: Any) -> Any:
        model = super().load_model(model_class, model_name_or_path, **kwargs)
        # What CTranslate2 4.8 asks and transformers 5 does not say.
        model.config.normalize_before = model.config.normalize_embedding = True
        model.config.position_embedding_type = "absolute"
        model.config.tokenizer_class = "MBart50Tokenizer"
        return model

    def load_tokenizer(self, tokenizer_class: Any, model_name_or_path: str, **kwargs: Any) -> Any:
        return self

    def get_vocab(self) -> dict[str, int]:
        return {piece: index for index, piece in enumerate(self._vocab)}

    def convert_ids_to_tokens(self, index: int) -> str:
        return self._vocab[index]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_files_are_ctranslate2s_own(tmp_path: Path, published: Any, family: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    published.make(family, folder)
    opened = open_convertible(folder)
    assert isinstance(opened, FamilyModel)
    for quantization in ("float32", "int8", "int8_float16", "int8_bfloat16", "int16", "float16", "bfloat16"):
        plain, bundle = tmp_path / f"plain-{quantization}", tmp_path / quantization
        PlainConverter(folder, opened.tokenizer.tokenizer.vocab).convert(str(plain), quantization=quantization)
        write_bundle(opened, bundle, BundleOptions(quantization=quantization))
        for path in plain.iterdir():
            assert (bundle / path.name).read_bytes() == path.read_bytes(), (path.name, quantization)


class Watched(Mapping[str, Any]):
    """Weights that count how many of them are in memory."""

    def __init__(self, shapes: dict[str, tuple[int, ...]]) -> None:
        self._shapes = shapes
        self.num_alive = self.most_alive = self.num_looks = 0

    def __getitem__(self, name: str) -> Any:
        # The memory of the tensor and of all views of it.
        numbers = np.ones(self._shapes[name], np.float32)
        self.num_alive += 1
        self.num_looks += 1
        self.most_alive = max(self.most_alive, self.num_alive)
        weakref.finalize(numbers, self._forget)
        return torch.from_numpy(numbers)

    def _forget(self) -> None:
        self.num_alive -= 1

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


@pytest.mark.parametrize("quantization", ["int8", "float16", "float32"])
def test_few_weights_are_in_memory_at_a_time(tmp_path: Path, quantization: Any) -> None:
    encoder = transformer_spec.TransformerEncoderSpec(6, 2, pre_norm=True)
    linears = [part for layer in encoder.layer for part in layer.self_attention.linear]
    linears += [part for layer in encoder.layer for part in (layer.ffn.linear_0, layer.ffn.linear_1)]
    norms = [norm for layer in encoder.layer for norm in (layer.self_attention.layer_norm, layer.ffn.layer_norm)]
    shapes: dict[str, tuple[int, ...]] = {"table": (10, 4), "positions": (5, 4), "vector": (4,)}
    state = Watched(shapes | {f"square{index}": (4, 4) for index in range(len(linears))})
    weights = Weights(state)
    encoder.embeddings[0].weight, encoder.position_encodings.encodings = weights["table"], weights["positions"]
    for index, linear in enumerate(linears):
        linear.weight, linear.bias = weights[f"square{index}"], weights["vector"]
    for norm in (encoder.layer_norm, *norms):
        norm.gamma, norm.beta = weights["vector"], weights["vector"]
    spec = transformer_spec.TransformerEncoderModelSpec(encoder)
    spec.register_vocabulary([str(index) for index in range(10)])
    finish(spec, quantization)
    spec.save(str(tmp_path))
    assert state.num_looks >= len(state)
    assert state.most_alive == 1


def test_joined_and_cut_weights() -> None:
    generator = torch.Generator().manual_seed(0)
    state = {name: torch.randn(rows, 3, generator=generator) for name, rows in (("a", 2), ("b", 4))}
    joined = StreamedVariable(state, ("a", "b"))
    assert joined.shape == [6, 3]
    assert joined.num_bytes() == len(joined.to_bytes()) == 72
    assert torch.equal(torch.from_numpy(joined.numpy()), torch.cat([state["a"], state["b"]]))
    cut = Weights(state).rows("b", 1, -1).to("float16")
    assert (cut.shape, cut.dtype) == ([2, 3], "float16")
    assert bytes(cut.to_bytes()) == state["b"][1:-1].half().numpy().tobytes()
    assert cut.equal(Weights(state).rows("b", 1, -1))
    assert not cut.equal(Weights(state)["b"])
    assert not cut.equal(Weights(dict(state)).rows("b", 1, -1))


def test_numbers_that_are_not_finite_are_an_error() -> None:
    with pytest.raises(ModelError, match="a has numbers that are not finite"):
        Weights({"a": torch.tensor([[1.0, torch.inf]])})["a"].to_bytes()
