from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from xlmcli.checkpoint.weights import load_seq2seq
from xlmcli.model.seq2seq import Seq2Seq, pad
from xlmcli.model.transformer import Tokens, XLMLanguageModel, XLMShape
from xlmcli.text import load_tokenizer
from xlmcli.text.special import EOS_ID, PAD_ID

Randomise = Callable[[nn.Module, int], None]


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path) -> Seq2Seq:
    """A random model whose outputs vary and end."""
    return load_seq2seq(tiny_checkpoint)[0].eval()


@pytest.fixture(scope="module")
def encoded(tiny_tokenizer: Path, sentences: dict[str, list[str]]) -> list[list[int]]:
    """``</s> w … </s>`` of sentences of many lengths."""
    return [[EOS_ID, *words, EOS_ID] for words in load_tokenizer(tiny_tokenizer).encode_batch(sentences["en"])]


def tokens(ids: list[int], lang: int) -> Tokens:
    return Tokens(torch.tensor([ids]), None, torch.full((1, 1), lang))


@torch.no_grad()
def decode_from_scratch(model: Seq2Seq, src: list[int], langs: tuple[int, int], max_len: int) -> list[int]:
    """Greedy decoding of one sentence that computes everything anew for each word."""
    words: list[int] = []
    while len(words) < max_len:
        logits = model(tokens(src, langs[0]), tokens([EOS_ID, *words], langs[1]))
        word = int(logits[-1].argmax())
        if word == EOS_ID:
            break
        words.append(word)
    return words


@pytest.mark.parametrize("langs", [(0, 1), (1, 0)])
def test_a_padded_cached_batch_decodes_as_each_sentence_does_from_scratch(
    model: Seq2Seq, encoded: list[list[int]], langs: tuple[int, int]
) -> None:
    outputs = model.greedy(*pad(encoded[:10]), *langs, 20)
    expected = [decode_from_scratch(model, src, langs, 20) for src in encoded[:10]]
    assert outputs == expected
    lens = {len(words) for words in outputs}
    assert len(lens) > 3, "the model decides nothing: all outputs are alike"


def test_output_ends_at_the_limit_and_at_the_position_table(model: Seq2Seq, encoded: list[list[int]]) -> None:
    with torch.no_grad():
        never_ending = Seq2Seq(model.encoder.shape, model.decoder.shape).eval()
        never_ending.load_state_dict(model.state_dict())
        never_ending.decoder.pred_layer.proj.bias[EOS_ID] = -1e4
    src = pad(encoded[:3])
    assert [len(words) for words in never_ending.greedy(*src, 0, 1, 7)] == [7, 7, 7]
    num_positions = model.decoder.shape.max_positions
    assert [len(words) for words in never_ending.greedy(*src, 0, 1, 10_000)] == [num_positions] * 3


@torch.no_grad()
def test_padding_does_not_change_the_scores(model: Seq2Seq, encoded: list[list[int]]) -> None:
    pairs = list(zip(encoded[:5], encoded[5:10], strict=True))
    src_ids, src_lens = pad([src for src, _ in pairs])
    tgt_ids, tgt_lens = pad([tgt for _, tgt in pairs])
    src_mask, tgt_mask = (
        torch.arange(ids.shape[1])[None] < lens[:, None] for ids, lens in ((src_ids, src_lens), (tgt_ids, tgt_lens))
    )
    langs = torch.zeros(1, 1, dtype=torch.int64), torch.ones(1, 1, dtype=torch.int64)
    scores = model(Tokens(src_ids, src_mask, langs[0]), Tokens(tgt_ids, tgt_mask, langs[1]))
    alone = [model(tokens(src, 0), tokens(tgt, 1)) for src, tgt in pairs]
    torch.testing.assert_close(scores, torch.cat(alone), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_the_decoder_sees_no_later_word(model: Seq2Seq, encoded: list[list[int]]) -> None:
    tgt = encoded[3]
    changed = [*tgt[:5], *(15 + word % 300 for word in tgt[5:])]
    scores, others = (model(tokens(encoded[4], 0), tokens(ids, 1)) for ids in (tgt, changed))
    assert torch.equal(scores[:5], others[:5])
    assert not torch.allclose(scores[5:], others[5:])


def make_pretrained(shape: XLMShape, randomise: Randomise, seed: int) -> XLMLanguageModel:
    model = XLMLanguageModel(shape)
    randomise(model, seed)
    return model


def test_pretrained_sides_are_copied(shape: XLMShape, randomise: Randomise) -> None:
    encoder, decoder = (make_pretrained(shape, randomise, seed) for seed in (1, 2))
    torch.manual_seed(0)
    model = Seq2Seq(shape, replace(shape, num_layers=1))
    fresh = {name: value.clone() for name, value in model.decoder.state_dict().items()}
    model.load_pretrained(encoder, decoder)
    for name, value in encoder.transformer.state_dict().items():
        assert torch.equal(model.encoder.state_dict()[name], value), name
    assert any(name.startswith("attentions.1") for name in model.encoder.state_dict())
    source = decoder.transformer.state_dict() | {
        f"pred_layer.{name}": value for name, value in decoder.pred_layer.state_dict().items()
    }
    for name, value in model.decoder.state_dict().items():
        is_new = name.startswith(("encoder_attn.", "layer_norm15."))
        assert torch.equal(value, fresh[name] if is_new else source[name]), name
    assert "attentions.1.q_lin.weight" in source
    assert "attentions.1.q_lin.weight" not in model.decoder.state_dict()


def test_one_side_alone_can_be_pretrained(shape: XLMShape, randomise: Randomise) -> None:
    pretrained = make_pretrained(shape, randomise, 1)
    torch.manual_seed(0)
    model = Seq2Seq(shape, shape)
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    model.load_pretrained(None, pretrained)
    assert all(torch.equal(value, before[name]) for name, value in model.encoder.state_dict().items())
    assert torch.equal(model.decoder.ffns[1].lin1.weight, pretrained.transformer.ffns[1].lin1.weight)


def test_too_few_pretrained_layers_are_an_error(shape: XLMShape, randomise: Randomise) -> None:
    pretrained = make_pretrained(replace(shape, num_layers=1), randomise, 1)
    with pytest.raises(RuntimeError, match=r"lacks .*attentions\.1\.q_lin\.weight"):
        Seq2Seq(shape, shape).load_pretrained(pretrained, None)


def test_the_sides_share_nothing_and_the_output_layer_is_tied(shape: XLMShape, randomise: Randomise) -> None:
    pretrained = make_pretrained(shape, randomise, 1)
    model = Seq2Seq(shape, shape)
    model.load_pretrained(pretrained, pretrained)
    assert torch.equal(model.encoder.embeddings.weight, model.decoder.embeddings.weight)
    encoder, decoder = ({weight.data_ptr() for weight in side.parameters()} for side in (model.encoder, model.decoder))
    assert not encoder & decoder
    assert not (encoder | decoder) & {weight.data_ptr() for weight in pretrained.parameters()}
    assert model.decoder.pred_layer.proj.weight is model.decoder.embeddings.weight


def test_pad() -> None:
    ids, lens = pad([[1, 5, 1], [1], [1, 7]])
    assert ids.tolist() == [[1, 5, 1], [1, PAD_ID, PAD_ID], [1, 7, PAD_ID]]
    assert lens.tolist() == [3, 1, 2]
    assert pad([])[0].shape == (0, 0)
