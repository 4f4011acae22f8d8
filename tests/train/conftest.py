"""What the tests of training stand on: tiny shapes, random weights, texts, and runs of a few steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from xlmcli.records import Direction
from xlmcli.sources import Source
from xlmcli.text import Tokenizer, load_tokenizer
from xlmcli.train.core.optim import OptimOptions
from xlmcli.train.core.options import DataOptions, LoopOptions, RunOptions, SizeOptions
from xlmcli.train.data.corpus import LengthFilter, TextOptions
from xlmcli.train.data.masking import MaskingOptions, NoiseOptions
from xlmcli.train.pretraining.options import PretrainOptions
from xlmcli.train.translation.options import TranslateTrainingOptions

SIZE = SizeOptions(16, 1, 2, 48, gelu=True, sinusoidal=False, dropout=0.1, attention_dropout=0.1)
OPTIM = OptimOptions(lr=2e-3, warmup=2)


@dataclass(frozen=True, slots=True)
class Texts:
    """Files of sentences: one a language, and of pairs."""

    en: Path
    fr: Path
    pairs: Path


@pytest.fixture(scope="session")
def tokenizer(tiny_tokenizer: Path) -> Tokenizer:
    return load_tokenizer(tiny_tokenizer)


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory, sentences: dict[str, list[str]]) -> Texts:
    folder = tmp_path_factory.mktemp("texts")
    texts = Texts(folder / "en.txt", folder / "fr.txt", folder / "pairs.tsv")
    texts.en.write_text("".join(f"{line}\n" for line in sentences["en"]), encoding="utf-8")
    texts.fr.write_text("".join(f"{line}\n" for line in sentences["fr"]), encoding="utf-8")
    rows = zip(sentences["en"], sentences["fr"], strict=True)
    texts.pairs.write_text("".join(f"{en}\t{fr}\n" for en, fr in rows), encoding="utf-8")
    return texts


@pytest.fixture(scope="session")
def data_options(texts: Texts) -> DataOptions:
    """All the texts in both languages; the pairs are also the held-out text."""
    mono = (Source(("en",), texts.en), Source(("fr",), texts.fr))
    pairs = (Source(("en", "fr"), texts.pairs),)
    return DataOptions(mono, pairs, pairs, TextOptions(LengthFilter(max_len=40)), batch_tokens=160, alpha=0.5)


MakePretrainOptions = Callable[..., PretrainOptions]
MakeTrainOptions = Callable[..., TranslateTrainingOptions]


@pytest.fixture(scope="session")
def pretrain_options(tiny_tokenizer: Path, data_options: DataOptions) -> MakePretrainOptions:
    """Options of a tiny MLM and TLM run: ``pretrain_options(folder, loop)``."""

    def make(folder: Path, loop: LoopOptions, *, resume: bool = False) -> PretrainOptions:
        run = RunOptions(folder, resume, "cpu", loop, OPTIM)
        return PretrainOptions(
            tokenizer=tiny_tokenizer,
            init=None,
            vocab_size=420,
            lowercase=False,
            tells_languages=True,
            embeddings="random",
            objectives=("mlm", "tlm"),
            block_len=24,
            masking=MaskingOptions(smoothing=0.5),
            data=data_options,
            size=SIZE,
            run=run,
        )

    return make


@pytest.fixture(scope="session")
def train_options(tiny_tokenizer: Path, data_options: DataOptions) -> MakeTrainOptions:
    """Options of a tiny translation run with all objectives, both directions: ``train_options(folder, loop)``."""

    def make(folder: Path, loop: LoopOptions, *, resume: bool = False) -> TranslateTrainingOptions:
        run = RunOptions(folder, resume, "cpu", loop, OPTIM)
        return TranslateTrainingOptions(
            tokenizer=tiny_tokenizer,
            init_encoder=None,
            init_decoder=None,
            decoder_layers=1,
            directions=(Direction("en", "fr"), Direction("fr", "en")),
            objectives=("mt", "ae", "bt"),
            label_smoothing=0.1,
            noise=NoiseOptions(),
            data=data_options,
            size=SIZE,
            run=run,
        )

    return make


@pytest.fixture(scope="session")
def read_log() -> Callable[[Path, str], list[dict[str, Any]]]:
    """Reads the events of one kind from a run's log: ``read_log(folder, "train")``."""

    def read(folder: Path, event: str) -> list[dict[str, Any]]:
        records = map(json.loads, (folder / "log.jsonl").read_text(encoding="utf-8").splitlines())
        return [record for record in records if record["event"] == event]

    return read
