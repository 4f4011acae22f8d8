"""Other families must look at the text as in transformers, layer by layer and head by head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.records import Direction

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.opening import open_convertible  # noqa: E402
from xlmcli.model.network import Network  # noqa: E402

TOLERANCE = 1e-4


@pytest.mark.parametrize("family", ["Marian", "M2M-100", "NLLB", "mBART-50"])
def test_attention_is_transformers(
    tmp_path: Path, published: Any, sentences: dict[str, list[str]], family: str
) -> None:
    model = published.make(family, tmp_path).model
    model.set_attn_implementation("eager")
    bundle = write_bundle(open_convertible(tmp_path), tmp_path / "b", BundleOptions(quantization="float32"))
    tokenizer, frame = bundle.open_tokenizer(), bundle.frame(Direction("en", "fr"))
    vocab = {piece: index for index, piece in enumerate(tokenizer.vocab)}
    before, after, target = ([vocab[piece] for piece in part] for part in (frame.before, frame.after, frame.target))
    texts = [[*before, *tokenizer.encode(text, "en"), *after] for text in sentences["en"][:3]]
    translations = [[*target, *tokenizer.encode(text, "fr")] for text in sentences["fr"][:3]]
    start = vocab[bundle.translation.decoder_start]
    network = Network(bundle.read_files())
    encoded = network.encode(texts)
    decoded = network.decode([[start, *ids] for ids in translations], encoded)
    first = model.config.decoder_start_token_id
    for text, ids, own, cross in zip(texts, translations, encoded, decoded, strict=True):
        with torch.no_grad():
            output = model(
                torch.tensor([text]), decoder_input_ids=torch.tensor([[first, *ids]]), output_attentions=True
            )
        for found, wanted in ((own, output.encoder_attentions), (cross, output.cross_attentions)):
            expected = np.stack([layer[0].numpy() for layer in wanted])
            assert found.weights.shape == expected.shape
            assert np.abs(found.weights - expected).max() < TOLERANCE
            assert np.ptp(expected) > 0.1, "attention hardly differs: nothing to compare"


def test_self_attention_of_an_encoder_is_transformers(
    tmp_path: Path, published: Any, sentences: dict[str, list[str]]
) -> None:
    model = published.xlm_roberta(tmp_path, "XLMRobertaModel").model
    model.set_attn_implementation("eager")
    bundle = write_bundle(open_convertible(tmp_path), tmp_path / "b", BundleOptions(quantization="float32"))
    tokenizer = bundle.open_tokenizer()
    bos, eos = map(tokenizer.vocab.index, ("<s>", "</s>"))
    text = [bos, *tokenizer.encode(sentences["en"][1]), eos]
    (found,) = Network(bundle.read_files()).encode([text], [[0] * len(text)])
    with torch.no_grad():
        output = model(torch.tensor([text]), output_attentions=True)
    expected = np.stack([layer[0].numpy() for layer in output.attentions])
    assert np.abs(found.weights - expected).max() < TOLERANCE
