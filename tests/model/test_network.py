"""The network in NumPy must look where transformers' model and ours look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.bundle import open_bundle
from xlmcli.errors import ModelError
from xlmcli.records import Direction

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.opening import open_convertible  # noqa: E402
from xlmcli.convert.xlm.translator import open_checkpoint  # noqa: E402
from xlmcli.model.network import Network  # noqa: E402
from xlmcli.model.seq2seq import pad  # noqa: E402
from xlmcli.model.transformer import MultiHeadAttention, Tokens  # noqa: E402
from xlmcli.text.special import EOS_ID  # noqa: E402

TOLERANCE = 1e-4
SOURCES = [[EOS_ID, 300, 17, 350, 401, EOS_ID], [EOS_ID, *range(290, 330), EOS_ID], [EOS_ID, 410, EOS_ID]]
TARGETS = [[EOS_ID, 280, 310], [EOS_ID, 400, 277, 15, 333, 390], [EOS_ID]]
LANGUAGES = {"n_langs": 3, "lang2id": {"en": 0, "fr": 1, "de": 2}}

ENCODERS: dict[str, dict[str, Any]] = {
    "language embeddings": LANGUAGES,
    "none": {},
    "sinusoidal, ReLU, one head": {"sinusoidal_embeddings": True, "gelu_activation": False, "n_heads": 1},
    "deep, large epsilon": {"n_layers": 5, "layer_norm_eps": 0.1},
}


@pytest.mark.parametrize("settings", ENCODERS.values(), ids=ENCODERS.keys())
def test_self_attention_is_transformers(
    make_published: Callable[..., Path], tmp_path: Path, settings: Mapping[str, Any]
) -> None:
    folder = make_published("XLMModel", attn_implementation="eager", **settings)
    bundle = write_bundle(open_convertible(folder), tmp_path / "b", BundleOptions(quantization="float32"))
    model = transformers.XLMModel.from_pretrained(folder, attn_implementation="eager").eval()
    network = Network(bundle.read_files())
    tells_languages = "n_langs" in settings
    langs = [[lang] * len(ids) for lang, ids in enumerate(SOURCES)]
    rows = [[row + 1 for row in sequence] for sequence in langs]
    found = network.encode(SOURCES, rows) if tells_languages else network.encode(SOURCES)
    for ids, lang, attention in zip(SOURCES, langs, found, strict=True):
        with torch.no_grad():
            output = model(
                torch.tensor([ids]), langs=torch.tensor([lang]) if tells_languages else None, output_attentions=True
            )
        wanted = np.stack([layer[0].numpy() for layer in output.attentions])
        assert attention.weights.shape == wanted.shape
        assert np.abs(attention.weights - wanted).max() < TOLERANCE
        assert np.abs(attention.states - output[0][0].numpy()).max() < TOLERANCE
    assert np.ptp(found[1].weights) > 0.1, "attention hardly differs: nothing to compare"


@contextmanager
def recorded() -> Iterator[list[Any]]:
    """Lists the weights of every attention that our torch model computes."""
    weights: list[Any] = []
    attend = MultiHeadAttention.attend

    def record(self: Any, query: Any, key: Any, value: Any, mask: Any = None, *, causal: bool = False) -> Any:
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        if not causal:
            weights.append(scores.masked_fill(~mask[:, None, None, :], -torch.inf).softmax(-1))
        return attend(self, query, key, value, mask, causal=causal)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MultiHeadAttention, "attend", record)
        yield weights


def test_attention_to_the_text_is_our_torch_models(tiny_checkpoint: Path, tiny_bundle: Path) -> None:
    checkpoint = open_checkpoint(tiny_checkpoint)
    (src, src_lens), (tgt, tgt_lens) = pad(SOURCES), pad(TARGETS)
    batch = [
        Tokens(ids, torch.arange(ids.shape[1])[None] < lens[:, None], torch.full((1, 1), lang))
        for ids, lens, lang in ((src, src_lens, 1), (tgt, tgt_lens, 0))
    ]
    with torch.no_grad(), recorded() as weights:
        checkpoint.model(*batch)
    num_layers = len(checkpoint.model.encoder.attentions)
    own, cross = (torch.stack(weights[start : start + num_layers]).numpy() for start in (0, num_layers))
    network = Network(open_bundle(tiny_bundle).folded_files(Direction("fr", "en")))
    texts = network.encode(SOURCES)
    translations = network.decode(TARGETS, texts)
    for row, (text, translation) in enumerate(zip(texts, translations, strict=True)):
        num_keys, num_queries = len(SOURCES[row]), len(TARGETS[row])
        assert np.abs(text.weights - own[:, row, :, :num_keys, :num_keys]).max() < TOLERANCE
        assert translation.weights.shape == (2, 4, num_queries, num_keys)
        assert np.abs(translation.weights - cross[:, row, :, :num_queries, :num_keys]).max() < TOLERANCE


@pytest.mark.parametrize("quantization", ["int8", "int16", "float16", "bfloat16"])
def test_stored_weights_are_read_as_they_are_rounded(
    tiny_checkpoint: Path, tiny_bundle: Path, tmp_path: Path, quantization: Any
) -> None:
    write_bundle(open_checkpoint(tiny_checkpoint), tmp_path / "b", BundleOptions(quantization=quantization))
    exact, rounded = (
        Network(open_bundle(path).folded_files(Direction("en", "fr"))).encode(SOURCES[:1])[0].states
        for path in (tiny_bundle, tmp_path / "b")
    )
    assert 0 < np.abs(exact - rounded).mean() < 0.1


def test_a_model_with_other_parts_is_refused(tiny_bundle: Path) -> None:
    files = open_bundle(tiny_bundle).read_files()
    content = files["model.bin"].replace(b"encoder/scale_embeddings", b"encoder/linear_0_noact/x")
    with pytest.raises(ModelError, match="not computed for models with encoder/linear_0_noact/x"):
        Network({**files, "model.bin": content})
