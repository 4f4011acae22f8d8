"""Random models of transformers, on disk as it writes them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MakePublished = Callable[..., Path]


@pytest.fixture(scope="session")
def make_published(tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer: Path) -> MakePublished:
    """Makes a folder: ``make_published("XLMModel", n_langs=15, …)``, settings as in ``transformers.XLMConfig``.

    Every weight is random, LayerNorms and biases too.
    """
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    transformers.utils.logging.disable_progress_bar()

    def make(class_name: str, **settings: Any) -> Path:
        sizes = {"vocab_size": 420, "emb_dim": 32, "n_layers": 2, "n_heads": 4, "max_position_embeddings": 48}
        config = transformers.XLMConfig(**{**sizes, **settings})
        model = getattr(transformers, class_name)(config)
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if not (config.sinusoidal_embeddings and "position_embeddings" in name):
                    scale = 1.0 if "embeddings" in name else 0.3
                    is_gain = "layer_norm" in name and name.endswith("weight")
                    weight.copy_(scale * torch.randn(weight.shape, generator=generator) + is_gain)
        folder: Path = tmp_path_factory.mktemp("published")
        model.save_pretrained(folder)
        shutil.copy(tiny_tokenizer / "tokenizer.model", folder)
        return folder

    return make


@pytest.fixture(scope="session")
def published_classifier(make_published: MakePublished) -> Path:
    """A random classifier of three labels and two languages."""
    return make_published(
        "XLMForSequenceClassification",
        n_langs=2,
        lang2id={"en": 0, "fr": 1},
        id2label={0: "bad", 1: "fair", 2: "good"},
        label2id={"bad": 0, "fair": 1, "good": 2},
    )
