"""It learns: tasks that a tiny model can solve in a few seconds, and would not if anything on the way were wrong."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.training import NoValidation
from xlmcli.model.seq2seq import Seq2Seq, pad
from xlmcli.model.transformer import XLMLanguageModel, XLMShape
from xlmcli.train.core.loop import Trainer
from xlmcli.train.core.optim import OptimOptions
from xlmcli.train.core.options import LoopOptions, RunOptions
from xlmcli.train.core.setup import StreamMaker, make_accelerator
from xlmcli.train.data.corpus import Corpus, TextData
from xlmcli.train.data.masking import MaskingOptions, NoiseOptions
from xlmcli.train.data.sampling import Share
from xlmcli.train.pretraining.objectives import LanguageModelOptions, MaskedLanguageModel
from xlmcli.train.translation.objectives import TranslationObjective, TranslationOptions, pair_loss

CPU = torch.device("cpu")
SHAPE = XLMShape(num_words=30, num_langs=2, dim=32, num_layers=1, num_heads=4, max_positions=16, dropout=0.0)
FIRST_WORD = 14


def make_text(*sides: list[list[int]]) -> TextData:
    langs = ("en", "fr")[: len(sides)]
    repeats = np.ones(len(sides[0]), dtype=np.float32)
    return TextData(langs, tuple(map(Corpus.from_sequences, sides)), repeats, 0)


def make_trainer(model: torch.nn.Module, objective: Any, folder: Path, lr: float) -> Trainer:
    loop = LoopOptions(max_steps=250, valid_every=10**9, precision="fp32")
    options = RunOptions(folder, False, "cpu", loop, OptimOptions(lr, warmup=20, cooldown=0.5))
    return Trainer(model, [objective], NoValidation(), options, [], make_accelerator(options))


def test_translation_learns_to_reverse(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    src = [rng.integers(FIRST_WORD, SHAPE.num_words, size=rng.integers(2, 6)).tolist() for _ in range(50)]
    tgt = [words[::-1] for words in src]
    stream = StreamMaker(0, Share(), {"en": 0, "fr": 1}, 200).sentences(make_text(src, tgt))
    torch.manual_seed(0)
    model = Seq2Seq(SHAPE, SHAPE)
    before = float(pair_loss(model, src, tgt, (0, 1), 0.0, CPU).mean.detach())
    objective = TranslationObjective([stream], TranslationOptions(0.5, 0.1, NoiseOptions()))
    make_trainer(model, objective, tmp_path, 5e-3).run()
    model.eval()
    after = float(pair_loss(model, src, tgt, (0, 1), 0.0, CPU).mean.detach())
    assert before > 2.5
    assert after < 0.3
    outputs = model.greedy(*pad([[1, *words, 1] for words in src]), 0, 1, 10)
    assert sum(map(list.__eq__, outputs, tgt)) > 40


def test_mlm_learns_what_follows_what(tmp_path: Path) -> None:
    # The words count up from a random one, so that the words around a hidden one tell it.
    starts = np.random.default_rng(0).integers(16, size=50)
    sentences = [[FIRST_WORD + int(start + place) % 16 for place in range(12)] for start in starts]
    stream = StreamMaker(0, Share(), {"en": 0}, 400).lines(make_text(sentences), 12)
    objective = MaskedLanguageModel("mlm", [stream], LanguageModelOptions(0.5, 30, MaskingOptions()))
    torch.manual_seed(0)
    model = XLMLanguageModel(SHAPE)
    make_trainer(model, objective, tmp_path, 1e-2).run()
    model.eval()
    rng = np.random.default_rng(1)
    scored = [objective.draw_from(stream, rng).predict(model, CPU) for _ in range(10)]
    loss = float(np.mean([float(predictions.loss().mean.detach()) for predictions in scored]))
    accuracy = float(np.mean([float((it.logits.argmax(-1) == it.targets).float().mean()) for it in scored]))
    assert loss < 0.3 * math.log(16)
    assert accuracy > 0.75
