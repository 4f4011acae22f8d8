from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from xlmcli.checkpoint.weights import load_seq2seq
from xlmcli.model.seq2seq import Seq2Seq
from xlmcli.model.transformer import XLMLanguageModel, XLMShape
from xlmcli.records import Direction
from xlmcli.text import Tokenizer
from xlmcli.text.special import EOS_ID
from xlmcli.train.core.setup import StreamMaker
from xlmcli.train.data.corpus import Corpus, TextData
from xlmcli.train.data.masking import MaskingOptions
from xlmcli.train.data.sampling import Share
from xlmcli.train.pretraining.objectives import CausalLanguageModel, LanguageModelOptions, MaskedLanguageModel
from xlmcli.train.pretraining.validation import HeldOut, LanguageModelValidator
from xlmcli.train.translation.objectives import pair_loss
from xlmcli.train.translation.validation import ParallelText, TranslationValidator, translate

CPU = torch.device("cpu")
EN_FR = Direction("en", "fr")
SENTENCES = [[20 + (place * number) % 30 for place in range(5 + number % 7)] for number in range(1, 40)]


def held_out(lang: str, objective: type[MaskedLanguageModel] | type[CausalLanguageModel]) -> HeldOut:
    text = TextData((lang,), (Corpus.from_sequences(SENTENCES),), np.ones(len(SENTENCES), dtype=np.float32), 0)
    stream = StreamMaker(0, Share(), {"en": 0, "fr": 1}, 60).lines(text, 20)
    options = LanguageModelOptions(0.5, 60, MaskingOptions())
    if objective is CausalLanguageModel:
        return HeldOut(CausalLanguageModel([stream], options), stream)
    return HeldOut(MaskedLanguageModel("mlm", [stream], options), stream)


@pytest.fixture
def language_model(shape: XLMShape, randomise: Callable[[nn.Module, int], None]) -> XLMLanguageModel:
    model = XLMLanguageModel(shape).eval()
    randomise(model, 0)
    return model


def test_language_models_are_scored_the_same_each_time(language_model: XLMLanguageModel) -> None:
    parts = [held_out("en", MaskedLanguageModel), held_out("fr", CausalLanguageModel)]
    validator = LanguageModelValidator(language_model, parts, CPU)
    first, second = validator(), validator()
    assert first == second
    assert set(first.values) == {"en mlm ppl", "en mlm acc", "fr clm ppl", "fr clm acc"}
    mean_loss = (math.log(first.values["en mlm ppl"]) + math.log(first.values["fr clm ppl"])) / 2
    assert first.rank == pytest.approx((-mean_loss,))


def test_perplexity_and_accuracy_of_a_model_that_knows_one_word(language_model: XLMLanguageModel) -> None:
    # The word 33 gets a score of 3, all others 0; a word's loss is then one of two numbers.
    with torch.no_grad():
        for weight in language_model.parameters():
            weight.zero_()
        language_model.pred_layer.proj.bias[33] = 3
    part = held_out("en", CausalLanguageModel)
    scores = LanguageModelValidator(language_model, [part], CPU)()
    share = scores.values["en clm acc"] / 100
    words = [word for sentence in SENTENCES for word in (*sentence, EOS_ID)]
    assert share == pytest.approx(words.count(33) / len(words), abs=0.02)
    assert share > 0
    log_norm = math.log(math.exp(3) + 59)
    assert scores.values["en clm ppl"] == pytest.approx(math.exp(log_norm - 3 * share), rel=1e-4)


@pytest.fixture(scope="module")
def translator(tiny_checkpoint: Path) -> Seq2Seq:
    return load_seq2seq(tiny_checkpoint)[0].eval()


@pytest.fixture(scope="module")
def encoded(tokenizer: Tokenizer, sentences: dict[str, list[str]]) -> dict[str, list[list[int]]]:
    return {lang: tokenizer.encode_batch(lines) for lang, lines in sentences.items()}


def sources(ids: list[list[int]], direction: Direction = EN_FR) -> ParallelText:
    return ParallelText(direction, (0, 1), [], ids, [])


def test_text_is_put_together_by_the_rules_of_its_language(
    translator: Seq2Seq, encoded: dict[str, list[list[int]]]
) -> None:
    class Rules:
        def decode_batch(self, ids: list[list[int]], lang: str) -> list[str]:
            return [lang for _ in ids]

    for tgt in ("fr", "zh"):
        outputs = translate(translator, sources(encoded["en"][:2], Direction("en", tgt)), Rules(), CPU)  # type: ignore[arg-type]
        assert outputs == [tgt, tgt]


def test_translations_keep_the_order_of_their_sources(
    translator: Seq2Seq, tokenizer: Tokenizer, encoded: dict[str, list[list[int]]]
) -> None:
    src = [*encoded["en"][:6], []]
    outputs = translate(translator, sources(src), tokenizer, CPU)
    alone = [translate(translator, sources([words]), tokenizer, CPU)[0] for words in src]
    # A sentence alone may be cut sooner: the longest of a batch decides on the limit.
    assert all(text.startswith(start) for text, start in zip(outputs, alone, strict=True))
    assert len(set(outputs)) > 3


def test_translation_scores(
    translator: Seq2Seq,
    tokenizer: Tokenizer,
    encoded: dict[str, list[list[int]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("xlmcli.train.translation.validation._LINES_PER_BATCH", 3)
    en, fr = encoded["en"][:8], encoded["fr"][:8]
    references = translate(translator, sources(en), tokenizer, CPU)
    right = ParallelText(Direction("en", "fr"), (0, 1), references, en, fr)
    wrong = ParallelText(Direction("fr", "en"), (1, 0), ["x y z"] * 8, fr, en)
    scores = TranslationValidator(translator, [right, wrong], tokenizer, CPU)()
    assert set(scores.values) == {"en-fr bleu", "en-fr ppl", "fr-en bleu", "fr-en ppl"}
    assert scores.values["en-fr bleu"] == pytest.approx(100)
    assert scores.values["fr-en bleu"] < 5
    assert scores.rank[0] == pytest.approx((scores.values["en-fr bleu"] + scores.values["fr-en bleu"]) / 2)
    with torch.no_grad():
        loss = float(pair_loss(translator, en, fr, (0, 1), 0.0, CPU).mean)
    assert scores.values["en-fr ppl"] == pytest.approx(math.exp(loss), rel=1e-4)
