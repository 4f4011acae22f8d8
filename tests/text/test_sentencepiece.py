from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.errors import DataError, ModelError
from xlmcli.sources import Source
from xlmcli.text import load_tokenizer
from xlmcli.text.sentencepiece import SentencePieceTokenizer, TokenizerOptions, train_sentencepiece
from xlmcli.text.special import EOS_ID, FIRST_WORD_ID, MASK_ID, PAD_ID, UNK_ID

# The first ids of the original implementation, xlm/data/dictionary.py: BOS, EOS, PAD, UNK, then ten special words.
XLM_PIECES = ["<s>", "</s>", "<pad>", "<unk>", *(f"<special{number}>" for number in range(10))]


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_special_tokens_have_the_ids_of_xlm(options: TokenizerOptions, tmp_path: Path, model_type: str) -> None:
    train_sentencepiece(dataclasses.replace(options, model_type=model_type), tmp_path / "new" / "folder")
    tokenizer = load_tokenizer(tmp_path / "new" / "folder")
    assert tokenizer.vocab[:14] == XLM_PIECES
    assert tokenizer.vocab[14:17] == ["<0x00>", "<0x01>", "<0x02>"]
    assert len(tokenizer.vocab) == tokenizer.vocab_size == options.vocab_size
    assert tokenizer.vocab[MASK_ID] == "<special1>"


def test_only_the_vocabulary_is_written(vocabulary: Path) -> None:
    assert [path.name for path in vocabulary.iterdir()] == ["tokenizer.model"]


def test_learning_is_silent_and_repeatable(
    options: TokenizerOptions, vocabulary: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train_sentencepiece(options, tmp_path)
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "tokenizer.model").read_bytes() == (vocabulary / "tokenizer.model").read_bytes()


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("The cat sees it.", "The cat sees it."),
        ("  two   spaces ", "two spaces"),
        ("tab\tand\r\nline", "tab and line"),
        ("ﬁne ½", "fine 1/2"),  # NFKC
        ("日本 😀 é", "日本 😀 é"),
        ("<s> </s> <special1> <0x0A>", "<s> </s> <special1> <0x0A>"),
        ("L’ami “voit” co\N{SOFT HYPHEN}op", "L'ami “voit” coop"),  # this corpus has ' and no "
        ("", ""),
        (" \u3000\t ", ""),
    ],
)
def test_decoding_gives_the_normalised_text_back(tokenizer: SentencePieceTokenizer, text: str, normalised: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == normalised


@given(text=st.text(max_size=60))
def test_any_text_encodes_to_words_and_bytes(tokenizer: SentencePieceTokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert all(FIRST_WORD_ID <= index < tokenizer.vocab_size for index in ids)
    once = tokenizer.decode(ids)
    assert "\n" not in once
    assert tokenizer.decode(tokenizer.encode(once)) == once


@given(texts=st.lists(st.text(max_size=20), max_size=5))
def test_batches_equal_single_calls(tokenizer: SentencePieceTokenizer, texts: list[str]) -> None:
    ids = tokenizer.encode_batch(texts)
    assert ids == [tokenizer.encode(text) for text in texts]
    assert tokenizer.decode_batch(ids) == [tokenizer.decode(sequence) for sequence in ids]


def test_control_ids_leave_no_text(tokenizer: SentencePieceTokenizer) -> None:
    ids = tokenizer.encode("The cat")
    assert tokenizer.decode([EOS_ID, *ids, EOS_ID, PAD_ID, MASK_ID]) == "The cat"


def test_a_line_end_from_a_model_stays_within_the_line(tokenizer: SentencePieceTokenizer) -> None:
    line_end = tokenizer.vocab.index("<0x0A>")
    assert tokenizer.decode([*tokenizer.encode("a"), line_end, *tokenizer.encode("b")]) == "a  b"


def test_unknown_id_shows(tokenizer: SentencePieceTokenizer) -> None:
    assert tokenizer.decode([UNK_ID]).strip() == "⁇"


def test_saved_tokenizer_is_the_same(tokenizer: SentencePieceTokenizer, vocabulary: Path, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    assert (tmp_path / "tokenizer.model").read_bytes() == (vocabulary / "tokenizer.model").read_bytes()


def test_too_large_a_vocabulary_says_what_is_possible(options: TokenizerOptions, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        train_sentencepiece(dataclasses.replace(options, vocab_size=9000), tmp_path / "v")
    assert "9000" in caught.value.message
    assert caught.value.hint is not None
    largest = int(caught.value.hint.split()[-1])
    assert not (tmp_path / "v").exists()
    train_sentencepiece(dataclasses.replace(options, vocab_size=largest), tmp_path / "v")
    assert load_tokenizer(tmp_path / "v").vocab_size == largest


def test_too_small_a_vocabulary_says_what_is_needed(options: TokenizerOptions, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        train_sentencepiece(dataclasses.replace(options, vocab_size=100), tmp_path / "v")
    assert caught.value.hint is not None
    assert "more than" in caught.value.hint


def test_a_vocabulary_may_fold_case(
    options: TokenizerOptions, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    train_sentencepiece(dataclasses.replace(options, vocab_size=300, lowercase=True), tmp_path)
    folding = load_tokenizer(tmp_path)
    assert folding.encode("MY SISTER aime ÇA.") == folding.encode("my sister aime ça.")
    assert folding.decode(folding.encode("MY SISTER aime ÇA.")) == "my sister aime ça."
    assert tokenizer.encode("MY SISTER") != tokenizer.encode("my sister")


def test_language_without_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n  \n")
    with pytest.raises(DataError, match="no text for language en"):
        train_sentencepiece(TokenizerOptions((Source(("en",), tmp_path / "empty"),)), tmp_path / "v")


def test_lines_that_are_all_too_long_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "long").write_text("word " * 1000 + "\n")
    with pytest.raises(DataError, match="no line to learn from: SentencePiece leaves out those of over 4,192 bytes"):
        train_sentencepiece(TokenizerOptions((Source(("en",), tmp_path / "long"),), vocab_size=310), tmp_path / "v")


def test_missing_tokenizer_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no tokenizer\.model in .*nowhere"):
        load_tokenizer(tmp_path / "nowhere")


def test_damaged_tokenizer_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(b"junk")
    with pytest.raises(ModelError, match="not a SentencePiece model"):
        load_tokenizer(tmp_path)


def test_vocabulary_of_another_kind_is_an_error(corpus: Path, tmp_path: Path) -> None:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus.read_text().splitlines()), model_writer=model, vocab_size=45, minloglevel=3
    )
    (tmp_path / "tokenizer.model").write_bytes(model.getvalue())
    with pytest.raises(ModelError, match="id 0 is <unk>, expected <s>"):
        load_tokenizer(tmp_path)
