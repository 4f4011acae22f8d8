"""Tokenizers of published models: the ids are those of the engine's vocabulary."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xlmcli.bundle.names import TOKENIZER_NAMES
from xlmcli.errors import ModelError
from xlmcli.text import load_tokenizer
from xlmcli.text.family_tokenizers import FamilySentencePiece, JsonTokenizer, has_family_tokenizer

TEXTS = ["The cat sleeps on the warm roof.", "Ma sœur lit un long livre.", "", "   ", "a\tb  c", "☃ x"]


@pytest.fixture
def model(tiny_tokenizer: Path) -> bytes:
    return (tiny_tokenizer / "tokenizer.model").read_bytes()


@pytest.fixture
def pieces(tiny_tokenizer: Path) -> list[str]:
    return load_tokenizer(tiny_tokenizer).vocab


def json_document() -> str:
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import Unigram

    letters = [(letter, -2.0) for letter in "abcdefghijklmnopqrstuvwxyz▁."]
    vocab = [("<s>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁the", -1.0), *letters, ("en_XX", 0.0)]
    tokenizer = Tokenizer(Unigram(vocab, unk_id=2, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens([AddedToken("</s>", special=True)])
    tokenizer.enable_truncation(3)
    return tokenizer.to_str()


def test_sentencepiece_round_trip_with_a_vocabulary_of_another_order(model: bytes, pieces: list[str]) -> None:
    tokenizer = FamilySentencePiece(model, None, [">>fra<<", *reversed(pieces)])
    batch = tokenizer.encode_batch(TEXTS)
    assert batch == [tokenizer.encode(text) for text in TEXTS]
    assert [batch[2], batch[3]] == [[], []]
    assert tokenizer.decode_batch(batch[:2]) == TEXTS[:2]
    marks = [0, tokenizer.vocab.index("</s>"), tokenizer.vocab.index("<pad>")]
    assert tokenizer.decode([*marks, *batch[0], *marks]) == TEXTS[0]


def test_pieces_outside_the_vocabulary_are_unknown(model: bytes, pieces: list[str]) -> None:
    whole = FamilySentencePiece(model, None, pieces)
    first, *others = whole.encode(TEXTS[0])
    tokenizer = FamilySentencePiece(model, None, ["</s>", "<unk>", pieces[first]])
    assert tokenizer.encode(TEXTS[0]) == [2, *(2 if index == first else 1 for index in others)]


def test_pieces_of_the_source_alone_are_written_with_spaces(model: bytes, pieces: list[str], tmp_path: Path) -> None:
    from sentencepiece import SentencePieceTrainer

    SentencePieceTrainer.train(
        sentence_iterator=iter(["aa bb ab ba"] * 3), model_prefix=str(tmp_path / "small"), vocab_size=8, minloglevel=3
    )
    tokenizer = FamilySentencePiece(model, (tmp_path / "small.model").read_bytes(), pieces)
    assert tokenizer.decode(tokenizer.encode(TEXTS[0])) == TEXTS[0]


def test_a_byte_of_a_line_end_does_not_end_a_line(model: bytes, pieces: list[str]) -> None:
    tokenizer = FamilySentencePiece(model, None, pieces)
    assert "\n" not in tokenizer.decode([*tokenizer.encode("one"), pieces.index("<0x0A>"), *tokenizer.encode("two")])


def test_json_ids_are_those_of_the_vocabulary() -> None:
    document = json_document()
    own = JsonTokenizer(document)
    other = JsonTokenizer(document, ["<madeupword0>", *reversed(own.vocab)])
    for text in ["the cat sat on the mat.", "", "  ", "x" * 50]:
        assert [other.vocab[index] for index in other.encode(text)] == [own.vocab[index] for index in own.encode(text)]
        assert other.encode_batch([text, text]) == [other.encode(text)] * 2
    ids = other.encode("the cat.")
    assert other.decode(ids) == "the cat."
    marks = [other.vocab.index(piece) for piece in ("</s>", "en_XX", "<madeupword0>")]
    assert other.decode([*marks, *ids, *marks]) == "the cat."
    assert other.vocab[other.encode("é")[-1]] == "<unk>"


def test_what_is_saved_is_loaded(model: bytes, pieces: list[str], tmp_path: Path) -> None:
    for name, saved in (
        ("one", FamilySentencePiece(model, None, pieces)),
        ("two", FamilySentencePiece(model, model, pieces)),
        ("json", JsonTokenizer(json_document())),
    ):
        folder = tmp_path / name
        folder.mkdir()
        saved.save(folder)
        assert {path.name for path in folder.iterdir()} <= TOKENIZER_NAMES
        assert not has_family_tokenizer(folder)
        (folder / "shared_vocabulary.json").write_text(json.dumps(saved.vocab))
        loaded = load_tokenizer(folder)
        assert type(loaded) is type(saved)
        assert loaded.encode_batch(TEXTS) == saved.encode_batch(TEXTS)


def test_two_vocabularies_become_one(model: bytes, tmp_path: Path) -> None:
    FamilySentencePiece(model, model, ["<unk>"]).save(tmp_path)
    (tmp_path / "source_vocabulary.json").write_text(json.dumps(["<unk>", "▁the", "a"]))
    (tmp_path / "target_vocabulary.json").write_text(json.dumps(["<unk>", "a", "▁le"]))
    assert load_tokenizer(tmp_path).vocab == ["<unk>", "▁the", "a", "▁le"]


@pytest.mark.parametrize("content", ["{", "{}", "[1]", '["a"]'])
def test_a_damaged_vocabulary_is_an_error(model: bytes, tmp_path: Path, content: str) -> None:
    FamilySentencePiece(model, None, ["<unk>"]).save(tmp_path)
    (tmp_path / "shared_vocabulary.json").write_text(content)
    with pytest.raises(ModelError):
        load_tokenizer(tmp_path)


def test_damaged_tokenizers_are_errors() -> None:
    with pytest.raises(ModelError, match="not a tokenizer"):
        JsonTokenizer("{}")
    with pytest.raises(ModelError, match="not a SentencePiece model"):
        FamilySentencePiece(b"x", None, ["<unk>"])
