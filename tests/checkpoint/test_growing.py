"""A pretrained model with another vocabulary, and with languages that it did not know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from xlmcli.bundle.names import CHECKPOINT_WEIGHTS_NAME  # noqa: E402
from xlmcli.checkpoint.config import CheckpointConfig, save_config  # noqa: E402
from xlmcli.checkpoint.growing import grow  # noqa: E402
from xlmcli.checkpoint.pretrained import Pretrained, open_pretrained  # noqa: E402
from xlmcli.checkpoint.weights import save_weights, saved_state  # noqa: E402
from xlmcli.errors import ModelError  # noqa: E402
from xlmcli.model.seq2seq import Seq2Seq, XLMDecoder  # noqa: E402
from xlmcli.model.transformer import XLMLanguageModel, XLMShape  # noqa: E402
from xlmcli.sources import Source  # noqa: E402
from xlmcli.text import Tokenizer, load_tokenizer  # noqa: E402
from xlmcli.text.sentencepiece_training import TokenizerOptions, train_sentencepiece  # noqa: E402

SHAPE = XLMShape(num_words=420, num_langs=2, dim=16, num_layers=2, num_heads=4, max_positions=24)
GERMAN = """\
Guten Morgen.
Die Katze schläft auf dem warmen Dach.
Meine Schwester liest im Garten ein langes Buch.
Der Zug an die Küste fährt um sieben Uhr.
Die Kinder spielen hinter der Schule.
"""
Randomise = Callable[[nn.Module, int], None]


@pytest.fixture(scope="session")
def german(tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer: Path) -> Tokenizer:
    """A vocabulary of 400 pieces, which shares some with the tiny one."""
    folder = tmp_path_factory.mktemp("german")
    (folder / "de.txt").write_text(GERMAN, encoding="utf-8")
    sources = (Source(("de",), folder / "de.txt"), Source(("en",), tiny_tokenizer.parent / "en.txt"))
    train_sentencepiece(TokenizerOptions(sources, vocab_size=400), folder / "vocabulary")
    return load_tokenizer(folder / "vocabulary")


def write(model: nn.Module, config: CheckpointConfig, folder: Path, tokenizer: Path | None) -> Pretrained:
    folder.mkdir()
    save_config(config, folder)
    save_weights(saved_state(model), folder / CHECKPOINT_WEIGHTS_NAME)
    if tokenizer is not None:
        load_tokenizer(tokenizer).save(folder)
    return open_pretrained(folder)


@pytest.fixture
def xlm(tmp_path: Path, tiny_tokenizer: Path, randomise: Randomise) -> Pretrained:
    """A language model whose output layer is its own."""
    shape = replace(SHAPE, tied_output=False)
    model = XLMLanguageModel(shape)
    randomise(model, 1)
    return write(model, CheckpointConfig(("en", "fr"), shape), tmp_path / "xlm", tiny_tokenizer)


def test_words_of_both_keep_their_weights_and_others_are_means_of_their_parts(
    xlm: Pretrained, german: Tokenizer
) -> None:
    old, new = xlm.language_model(), grow(xlm, german, ["de", "en"]).language_model()
    pieces = {piece: index for index, piece in enumerate(xlm.tokenizer().vocab)}
    shared = [(index, pieces[piece]) for index, piece in enumerate(german.vocab) if piece in pieces]
    assert 270 < len(shared) < german.vocab_size == 400, "special tokens, bytes, and some letters and words"
    strange = german.vocab.index("ä")
    parts = [pieces["<0xC3>"], pieces["<0xA4>"]]
    longer = next(index for index, piece in enumerate(german.vocab) if piece not in pieces and len(piece) > 2)
    for before, after in (
        (old.transformer.embeddings.weight, new.transformer.embeddings.weight),
        (old.pred_layer.proj.weight, new.pred_layer.proj.weight),
        (old.pred_layer.proj.bias, new.pred_layer.proj.bias),
    ):
        assert len(after) == 400
        assert all(torch.equal(after[index], before[other]) for index, other in shared)
        assert torch.allclose(after[strange], before[parts].mean(0))
        assert not torch.equal(after[longer], before[pieces["<unk>"]])
    inner = {name: weight for name, weight in old.state_dict().items() if "attentions" in name or "position" in name}
    assert all(torch.equal(new.state_dict()[name], weight) for name, weight in inner.items())


def test_the_longest_words_from_the_left_spell_a_new_one(xlm: Pretrained, german: Tokenizer) -> None:
    pieces = xlm.tokenizer().vocab
    spellings = grow(xlm, german, []).spellings
    assert spellings is not None
    for piece, spelling in zip(german.vocab, spellings, strict=True):
        parts = [pieces[index] for index in spelling]
        if not any(part.startswith("<0x") for part in parts):
            assert "".join(parts) == piece
            assert parts[0] == max((known for known in pieces if piece.startswith(known)), key=len)


def test_new_languages_follow_and_begin_as_the_mean(xlm: Pretrained) -> None:
    grown = grow(xlm, xlm.tokenizer(), ["it", "fr", "de"])
    assert grown.config.lang2id == {"en": 0, "fr": 1, "de": 2, "it": 3}
    old, new = (model.language_model().state_dict() for model in (xlm, grown))
    langs = new.pop("transformer.lang_embeddings.weight")
    known = old.pop("transformer.lang_embeddings.weight")
    assert torch.equal(langs, torch.cat([known, known.mean(0, keepdim=True).expand(2, -1)]))
    assert all(torch.equal(new[name], weight) for name, weight in old.items())


def test_a_model_without_language_embeddings_stays_so(
    tmp_path: Path, tiny_tokenizer: Path, german: Tokenizer, randomise: Randomise
) -> None:
    model = XLMLanguageModel(replace(SHAPE, num_langs=1))
    randomise(model, 2)
    config = CheckpointConfig(("en", "fr"), model.transformer.shape)
    grown = grow(write(model, config, tmp_path / "xlm", tiny_tokenizer), german, ["de"])
    assert grown.config.langs == ("en", "fr", "de")
    assert grown.language_model().transformer.lang_embeddings is None


@pytest.mark.parametrize("translates", [True, False])
def test_languages_that_are_to_be_told_begin_at_zero(
    tmp_path: Path, tiny_tokenizer: Path, randomise: Randomise, translates: bool
) -> None:
    """What was learned without language embeddings is what it was, and learns them."""
    shape = replace(SHAPE, num_langs=1)
    config = CheckpointConfig(("en", "fr"), shape, 2 if translates else None)
    old: nn.Module = Seq2Seq(shape, config.decoder_shape) if translates else XLMLanguageModel(shape)
    randomise(old, 4)
    source = write(old, config, tmp_path / "xlm", tiny_tokenizer)
    grown = grow(source, source.tokenizer(), ["de"], tells_languages=True)
    assert (grown.config.langs, grown.config.shape.num_langs) == (("en", "fr", "de"), 3)
    saved = replace(grown.config, decoder_layers=2)
    model = Seq2Seq(saved.shape, saved.decoder_shape)
    model.load_pretrained(grown.language_model(), grown.decoder())
    for side, before in ((model.encoder, source.encoder()), (model.decoder, source.decoder())):
        wanted = before.state_dict() if translates or side is model.encoder else before.transformer.state_dict()
        found = side.state_dict()
        assert not found["lang_embeddings.weight"].any()
        assert all(torch.equal(found[name], weight) for name, weight in wanted.items())
    assert all(side.lang_embeddings.weight.requires_grad for side in (model.encoder, model.decoder))


def test_both_sides_of_a_translator_grow(
    tmp_path: Path, tiny_tokenizer: Path, german: Tokenizer, randomise: Randomise
) -> None:
    config = CheckpointConfig(("en", "fr"), SHAPE, decoder_layers=1)
    model = Seq2Seq(config.shape, config.decoder_shape)
    randomise(model, 3)
    translator = write(model, config, tmp_path / "mt", tiny_tokenizer)
    grown = grow(translator, german, ["de"])
    decoder = grown.decoder()
    assert isinstance(decoder, XLMDecoder)
    assert (decoder.shape.num_layers, decoder.shape.num_words, decoder.shape.num_langs) == (1, 400, 3)
    assert decoder.pred_layer.proj.weight is decoder.embeddings.weight
    assert grown.spellings is not None
    for now, before in (
        (grown.language_model().transformer.embeddings.weight, model.encoder.embeddings.weight),
        (decoder.embeddings.weight, model.decoder.embeddings.weight),
        (decoder.pred_layer.proj.bias, model.decoder.pred_layer.proj.bias),
    ):
        wanted = torch.stack([before[list(spelling)].mean(0) for spelling in grown.spellings])
        assert torch.equal(now, wanted)


def test_what_a_model_has_stays_as_it_is(xlm: Pretrained) -> None:
    grown = grow(xlm, xlm.tokenizer(), ["en"])
    assert (grown.config, grown.spellings) == (xlm.config, None)
    old, new = (model.language_model().state_dict() for model in (xlm, grown))
    assert all(torch.equal(new[name], weight) for name, weight in old.items())


def test_a_model_without_its_vocabulary_takes_one_of_its_size(
    tmp_path: Path, tiny_tokenizer: Path, german: Tokenizer
) -> None:
    config = CheckpointConfig(("en", "fr"), SHAPE)
    bare = write(XLMLanguageModel(SHAPE), config, tmp_path / "bare", None)
    assert grow(bare, load_tokenizer(tiny_tokenizer), []).spellings is None
    with pytest.raises(ModelError, match="the vocabulary has 400 entries, the pretrained model 420"):
        grow(bare, german, [])
