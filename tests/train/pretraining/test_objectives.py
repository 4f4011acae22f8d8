"""What each objective shows the model, and what it asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from xlmcli.model.seq2seq import Seq2Seq
from xlmcli.model.transformer import Tokens, XLMLanguageModel, XLMShape
from xlmcli.text.special import EOS_ID, FIRST_WORD_ID, MASK_ID, PAD_ID
from xlmcli.train.core.objective import choose_stream
from xlmcli.train.core.setup import StreamMaker
from xlmcli.train.data.corpus import Corpus, TextData
from xlmcli.train.data.masking import MaskingOptions, NoiseOptions
from xlmcli.train.data.sampling import Share
from xlmcli.train.pretraining.objectives import (
    CausalLanguageModel,
    LanguageModelOptions,
    MaskedLanguageModel,
    line_sequences,
    pair_sequences,
)
from xlmcli.train.translation.objectives import (
    BackTranslation,
    Denoising,
    PairBatch,
    TranslationObjective,
    TranslationOptions,
    pair_loss,
)

CPU = torch.device("cpu")
LANG2ID = {"en": 0, "fr": 1}
EN = [[20, 21, 22], [23, 24], [25, 26, 27, 28]]
FR = [[40, 41], [42, 43, 44, 45], [46]]
LM_OPTIONS = LanguageModelOptions(0.5, 60, MaskingOptions())


def make_text(**sides: Sequence[Sequence[int]]) -> TextData:
    corpora = tuple(Corpus.from_sequences(side) for side in sides.values())
    return TextData(tuple(sides), corpora, np.ones(len(corpora[0]), dtype=np.float32), 0)


def make_streams(seed: int = 0, batch_tokens: int = 1000) -> StreamMaker:
    return StreamMaker(seed, Share(), LANG2ID, batch_tokens)


class Recorder(nn.Module):
    """Stands in for a model: keeps what it is shown, and scores all of 60 words alike."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, ...]] = []

    def forward(self, *args: Any, **options: Any) -> Tensor:
        self.calls.append((*args, options))
        last = args[-1]
        if isinstance(last, Tokens):
            num_rows = last.ids.numel() if last.mask is None else int(last.mask.sum())
        else:
            num_rows = int(last.sum())
        return torch.zeros(num_rows, 60, requires_grad=True)


def real_rows(tokens: Tokens) -> list[list[int]]:
    if tokens.mask is None:
        return tokens.ids.tolist()
    assert (tokens.ids[~tokens.mask] == PAD_ID).all()
    return [row[mask].tolist() for row, mask in zip(tokens.ids, tokens.mask, strict=True)]


@pytest.mark.parametrize("seed", range(5))
def test_tlm_does_not_ask_for_the_side_with_errors(seed: int) -> None:
    text = replace(make_text(en=EN, fr=FR), noisy_sides=np.array([0, 1, -1], dtype=np.int8))
    options = replace(LM_OPTIONS, masking=MaskingOptions(share=1.0))
    objective = MaskedLanguageModel("tlm", [make_streams(seed).sentences(text, joined=True)], options)
    batch = objective.draw(np.random.default_rng(seed))
    asked = set(batch.targets.tolist()) - {EOS_ID}
    assert asked == {*FR[0], *EN[1], *EN[2], *FR[2]}


def test_tlm_joins_pairs_and_starts_positions_again() -> None:
    batch = pair_sequences(make_streams().sentences(make_text(en=EN, fr=FR), joined=True))
    rows = {}
    for ids, real, langs, positions in zip(batch.ids, batch.real, batch.langs, batch.positions, strict=True):
        assert (ids[~real] == PAD_ID).all()
        rows[int(ids[1])] = [column[real].tolist() for column in (ids, langs, positions)]
    assert len(rows) == 3
    assert rows[20] == [
        [EOS_ID, 20, 21, 22, EOS_ID, EOS_ID, 40, 41, EOS_ID],
        [0, 0, 0, 0, 0, 1, 1, 1, 1],
        [0, 1, 2, 3, 4, 0, 1, 2, 3],
    ]
    assert rows[25][0] == [EOS_ID, 25, 26, 27, 28, EOS_ID, EOS_ID, 46, EOS_ID]


def test_positions_go_on_where_no_language_tells_the_sides_apart() -> None:
    recorder = Recorder()
    stream = make_streams().sentences(make_text(en=EN[:1], fr=FR[:1]), joined=True)
    options = replace(LM_OPTIONS, resets_positions=False)
    MaskedLanguageModel("tlm", [stream], options).draw(np.random.default_rng(0)).loss(recorder, CPU)
    ((tokens, _, _),) = recorder.calls
    assert tokens.positions.tolist() == [list(range(9))]


def test_tlm_batches_fit() -> None:
    stream = make_streams(batch_tokens=24).sentences(make_text(en=EN * 20, fr=FR * 20), joined=True)
    for _ in range(40):
        ids = pair_sequences(stream).ids
        assert ids.size <= 24 or len(ids) == 1


def test_mlm_asks_for_the_hidden_words() -> None:
    model = Recorder()
    stream = make_streams(batch_tokens=180).lines(make_text(fr=FR * 20), 20)
    objective = MaskedLanguageModel("mlm", [stream], LM_OPTIONS)
    loss = objective.draw(np.random.default_rng(0)).loss(model, CPU)
    ((tokens, predicted, options),) = model.calls
    assert (tokens.langs == 1).all()
    assert tokens.ids.numel() <= 180
    real = real_rows(tokens)
    assert all(row[0] == EOS_ID for row in real)
    num_real = sum(map(len, real))
    assert predicted.sum() == round(0.15 * (num_real - len(real)))
    assert not predicted[:, 0].any()
    assert (tokens.ids[predicted] == MASK_ID).float().mean() > 0.5
    assert not (tokens.ids[~predicted] == MASK_ID).any()
    assert options == {}
    assert float(loss.mean.detach()) == pytest.approx(np.log(60), rel=1e-5)
    assert loss.num_tokens == num_real


def test_a_line_is_a_sequence_and_a_long_one_several() -> None:
    text = make_text(en=[list(range(20, 27)), [30], list(range(40, 46)), [50, 51]])
    stream = make_streams().lines(text, 3)
    assert (stream.size, stream.name) == (4, "en")
    sequences = line_sequences(stream)
    assert sorted(row[row != PAD_ID].tolist() for row in sequences.ids) == sorted(
        [EOS_ID, *words, EOS_ID]
        for words in ([20, 21, 22], [23, 24, 25], [26], [30], [40, 41, 42], [43, 44, 45], [50, 51])
    )


def test_clm_asks_for_the_next_word(shape: XLMShape, randomise: Callable[[nn.Module, int], None]) -> None:
    recorder = Recorder()
    text = make_text(en=EN)
    CausalLanguageModel([make_streams().lines(text, 20)], LM_OPTIONS).draw(np.random.default_rng(0)).loss(recorder, CPU)
    ((tokens, predicted, options),) = recorder.calls
    assert options == {"causal": True}
    assert [int(row.sum()) for row in predicted] == [len(row) - 1 for row in real_rows(tokens)]
    model = XLMLanguageModel(shape).eval()
    randomise(model, 0)
    objective = CausalLanguageModel([make_streams().lines(text, 20)], LM_OPTIONS)
    loss = objective.draw(np.random.default_rng(0)).loss(model, CPU)
    total = 0.0
    for words in EN:  # each alone, so that nothing is padded
        ids = torch.tensor([[EOS_ID, *words, EOS_ID]])
        alone = Tokens(ids, None, torch.zeros(1, 1, dtype=torch.int64))
        logits = model(alone, torch.ones_like(ids, dtype=torch.bool), causal=True)
        total += float(nn.functional.cross_entropy(logits[:-1], ids[0, 1:], reduction="sum").detach())
    assert float(loss.mean.detach()) == pytest.approx(total / sum(len(words) + 1 for words in EN), rel=1e-4)


@pytest.mark.parametrize("name", ["mlm", "clm"])
def test_accuracy_counts_right_words(name: str, shape: XLMShape) -> None:
    stream = make_streams(batch_tokens=200).lines(make_text(en=[[33]] * 100), 20)
    objective = (
        MaskedLanguageModel("mlm", [stream], LM_OPTIONS) if name == "mlm" else CausalLanguageModel([stream], LM_OPTIONS)
    )
    model = XLMLanguageModel(shape).eval()
    with torch.no_grad():  # every prediction is the word 33, which every second predicted position has
        for weight in model.parameters():
            weight.zero_()
        model.pred_layer.proj.bias[33] = 5
    predictions = objective.draw_from(stream, np.random.default_rng(0)).predict(model, CPU)
    assert float((predictions.logits.argmax(-1) == predictions.targets).float().mean()) == pytest.approx(0.5, abs=0.15)


def test_streams_are_chosen_by_their_size() -> None:
    maker = make_streams()
    streams = [maker.lines(make_text(en=EN * 300), 20), maker.lines(make_text(fr=FR * 100), 20)]
    rng = np.random.default_rng(0)
    names = [choose_stream(streams, 0.5, rng).name for _ in range(2000)]
    assert names.count("en") / 2000 == pytest.approx(3**0.5 / (3**0.5 + 1), abs=0.03)


OPTIONS = TranslationOptions(0.5, 0.0, NoiseOptions())


def test_mt_shows_source_and_target() -> None:
    model = Recorder()
    stream = make_streams().sentences(make_text(fr=FR, en=EN))
    loss = TranslationObjective([stream], OPTIONS).draw(np.random.default_rng(0)).loss(model, CPU)
    ((src, tgt, _),) = model.calls
    pairs = dict(zip(map(tuple, real_rows(src)), real_rows(tgt), strict=True))
    assert pairs == {(EOS_ID, *fr, EOS_ID): [EOS_ID, *en] for fr, en in zip(FR, EN, strict=True)}
    assert (src.langs.unique().tolist(), tgt.langs.unique().tolist()) == ([1], [0])
    assert loss.num_tokens == sum(len(fr) + 2 + len(en) + 1 for fr, en in zip(FR, EN, strict=True))


def test_mt_asks_for_the_next_word(shape: XLMShape, randomise: Callable[[nn.Module, int], None]) -> None:
    model = Seq2Seq(shape, shape).eval()
    randomise(model, 0)
    loss = pair_loss(model, EN, FR, (0, 1), 0.1, CPU).mean.detach()
    total, num_words = 0.0, 0
    for en, fr in zip(EN, FR, strict=True):
        src = Tokens(torch.tensor([[EOS_ID, *en, EOS_ID]]), None, torch.zeros(1, 1, dtype=torch.int64))
        tgt = Tokens(torch.tensor([[EOS_ID, *fr]]), None, torch.ones(1, 1, dtype=torch.int64))
        expected = torch.tensor([*fr, EOS_ID])
        total += float(nn.functional.cross_entropy(model(src, tgt), expected, label_smoothing=0.1).detach()) * len(
            expected
        )
        num_words += len(expected)
    assert float(loss) == pytest.approx(total / num_words, rel=1e-4)


def test_ae_restores_noisy_sentences_in_their_own_language() -> None:
    model = Recorder()
    text = make_text(fr=[list(range(20, 50))] * 5)
    Denoising([make_streams().sentences(text)], OPTIONS).draw(np.random.default_rng(0)).loss(model, CPU)
    ((src, tgt, _),) = model.calls
    assert real_rows(tgt) == [[EOS_ID, *range(20, 50)]] * 5
    assert (src.langs.unique().tolist(), tgt.langs.unique().tolist()) == ([1], [1])
    noisy = real_rows(src)
    assert len({tuple(row) for row in noisy}) == 5
    assert all(
        set(row) <= {EOS_ID, MASK_ID, *range(20, 50)} and row != [EOS_ID, *range(20, 50), EOS_ID] for row in noisy
    )


class Translator(Seq2Seq):
    """Notes how it is asked to translate."""

    def greedy(self, src_ids: Tensor, src_lens: Tensor, src_lang: int, tgt_lang: int, max_len: int) -> list[list[int]]:
        assert not self.training
        self.asked = (real_rows(Tokens(src_ids, src_ids != PAD_ID, src_ids)), src_lang, tgt_lang, max_len)
        return [[50 + number] * (1 + 100 * number) for number in range(len(src_ids))]


def test_bt_learns_from_its_own_translation(shape: XLMShape) -> None:
    translator, model = Translator(shape, shape).train(), Recorder()
    stream = make_streams().sentences(make_text(fr=FR), langs=("en", "fr"))
    BackTranslation([stream], OPTIONS, translator).draw(np.random.default_rng(0)).loss(model, CPU)
    ((src, tgt, _),) = model.calls
    rows, src_lang, tgt_lang, max_len = translator.asked
    assert (src_lang, tgt_lang, max_len) == (1, 0, int(1.3 * 6 + 5))
    assert translator.training
    assert sorted(row[1:-1] for row in rows) == sorted(FR)
    assert [row[1:] for row in real_rows(tgt)] == [row[1:-1] for row in rows]
    room = shape.max_positions - 2
    assert real_rows(src) == [[EOS_ID, 50, EOS_ID], [EOS_ID, *[51] * room, EOS_ID], [EOS_ID, *[52] * room, EOS_ID]]
    assert (src.langs.unique().tolist(), tgt.langs.unique().tolist()) == ([0], [1])


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_bt_moves_every_weight(
    precision: torch.dtype, shape: XLMShape, randomise: Callable[[nn.Module, int], None]
) -> None:
    model = Seq2Seq(shape, shape)
    randomise(model, 0)
    stream = make_streams().sentences(make_text(fr=FR), langs=("en", "fr"))
    objective = BackTranslation([stream], OPTIONS, model)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        loss = objective.draw(np.random.default_rng(0)).loss(model, CPU)
    loss.mean.backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []


def padded(rows: list[list[int]]) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [PAD_ID] * (longest - len(row)) for row in rows])


WORDS = st.lists(st.lists(st.integers(FIRST_WORD_ID, 59), min_size=1, max_size=6), min_size=4, max_size=4)


@given(src=WORDS, tgt=WORDS)
def test_pairs_are_put_together_as_from_lists(src: list[list[int]], tgt: list[list[int]]) -> None:
    model = Recorder()
    loss = pair_loss(model, src, tgt, (0, 1), 0.1, CPU)
    ((src_tokens, tgt_tokens, _),) = model.calls
    expected_src = padded([[EOS_ID, *words, EOS_ID] for words in src])
    expected_tgt = padded([[EOS_ID, *words] for words in tgt])
    for tokens, ids in ((src_tokens, expected_src), (tgt_tokens, expected_tgt)):
        assert tokens.ids.dtype == torch.int64
        assert torch.equal(tokens.ids, ids)
        assert (tokens.mask is None) == bool((ids != PAD_ID).all())
        assert tokens.mask is None or torch.equal(tokens.mask, ids != PAD_ID)
    wanted = padded([[*words, EOS_ID] for words in tgt])
    batch = PairBatch.of(Corpus.from_sequences(src), Corpus.from_sequences(tgt), (0, 1), 0.1)
    assert batch.expected.tolist() == wanted[wanted != PAD_ID].tolist()
    assert loss.num_tokens == int((expected_src != PAD_ID).sum()) + int((wanted != PAD_ID).sum())
