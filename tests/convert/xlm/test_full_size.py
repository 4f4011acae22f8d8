"""Models of the published sizes: the weights that transformers has, and its states."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.text.special import EOS_ID, RESERVED_PIECES

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

from safetensors.torch import save_file  # noqa: E402

from xlmcli.checkpoint.huggingface import read_published_config  # noqa: E402
from xlmcli.checkpoint.weights import find_faults  # noqa: E402
from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.xlm.encoder import open_encoder  # noqa: E402
from xlmcli.infer.engine import EncoderEngine, EngineOptions  # noqa: E402
from xlmcli.model.transformer import XLMTransformer  # noqa: E402

TOLERANCE = 1e-4
FIFTEEN = {"n_langs": 15, "lang2id": {f"l{index:02}": index for index in range(15)}}
TWO = {"n_langs": 2, "lang2id": {"en": 0, "fr": 1}}

# Sizes of the models on the hub.
PUBLISHED: dict[str, dict[str, Any]] = {
    "xlm-mlm-en-2048": {"emb_dim": 2048, "n_layers": 12, "n_heads": 16, "n_words": 30145, "lang2id": {"en": 0}},
    "xlm-mlm-enfr-1024": {"emb_dim": 1024, "n_layers": 6, "n_heads": 8, "n_words": 64139, **TWO},
    "xlm-mlm-tlm-xnli15-1024": {"emb_dim": 1024, "n_layers": 12, "n_heads": 8, "n_words": 95000, **FIFTEEN},
    "xlm-mlm-17-1280": {"emb_dim": 1280, "n_layers": 16, "n_heads": 16, "n_words": 200000, "n_langs": 17},
    "xlm-mlm-100-1280": {"emb_dim": 1280, "n_layers": 16, "n_heads": 16, "n_words": 200000, "n_langs": 100},
}
PUBLISHED["xlm-mlm-17-1280"]["use_lang_emb"] = PUBLISHED["xlm-mlm-100-1280"]["use_lang_emb"] = False


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_have_the_weights_that_are_wanted(name: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["XLMWithLMHeadModel"], **PUBLISHED[name]}))
    config = read_published_config(tmp_path)
    assert config.faults == ()
    with torch.device("meta"):
        ours = XLMTransformer(config.checkpoint.shape).state_dict()
        theirs = transformers.XLMModel(transformers.XLMConfig.from_pretrained(tmp_path)).state_dict()
    assert find_faults(ours, theirs) == []
    assert theirs["embeddings.weight"].shape == (PUBLISHED[name]["n_words"], PUBLISHED[name]["emb_dim"])


PIECES = [*RESERVED_PIECES, *(f"w{number}</w>" for number in range(200))]


def test_states_are_transformers(tmp_path: Path) -> None:
    """Of the smallest size that was published."""
    settings = {"emb_dim": 1024, "n_layers": 6, "n_heads": 8, **FIFTEEN}
    config = transformers.XLMConfig(vocab_size=len(PIECES), **settings)
    texts, langs = [list(range(20, 32)), list(range(100, 107))], [3, 14]
    wanted = save_random(config, tmp_path, texts, langs)
    gc.collect()
    bundle = write_bundle(open_encoder(tmp_path), tmp_path / "bundle", BundleOptions(quantization="float32"))
    engine = EncoderEngine(
        bundle.read_files(),
        PIECES,
        bundle.manifest.tokens,
        bundle.manifest.limits,
        EngineOptions("cpu", num_workers=1, num_threads=1),
        tells_languages=True,
    )
    found = engine.submit(texts, langs).wait()
    for one, other in zip(found, wanted, strict=True):
        assert np.abs(one - other).max() < TOLERANCE
    assert np.abs(wanted[0][:7] - wanted[1][:7]).max() > 1, "texts hardly differ: nothing to compare"


@torch.no_grad()
def save_random(config: Any, folder: Path, texts: list[list[int]], langs: list[int]) -> list[Any]:
    """Writes a random model as transformers does; returns its states of texts, (length, dim) each."""
    with torch.device("meta"):
        model = transformers.XLMModel(config)
    model = model.to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(6)
    for name, weight in model.named_parameters():
        weight.normal_(std=config.emb_dim**-0.5, generator=generator)
        if "layer_norm" in name and name.endswith("weight"):
            weight += 1
    # The one part that is neither a weight nor saved.
    model.position_ids.copy_(torch.arange(config.max_position_embeddings)[None])
    states = []
    for text, lang in zip(texts, langs, strict=True):
        ids = torch.tensor([[EOS_ID, *text, EOS_ID]])
        states.append(model(ids, langs=torch.full_like(ids, lang)).last_hidden_state[0].numpy())
    save_file(model.state_dict(), folder / "model.safetensors")
    config.architectures = ["XLMModel"]
    config.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({piece: index for index, piece in enumerate(PIECES)}))
    (folder / "merges.txt").write_text("")
    return states
