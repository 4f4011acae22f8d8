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
from xlmcli.text.augmentation import Augmentation
from xlmcli.text.marks import FIRST_MARK_ID, MARKS, iter_marks
from xlmcli.text.sentencepiece import SentencePieceTokenizer
from xlmcli.text.sentencepiece_training import TokenizerOptions, train_sentencepiece
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
        ("ﬁne ½", "fine 1⁄2"),  # NFKC
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


@pytest.mark.parametrize("number", range(len(MARKS)))
def test_a_mark_is_one_reserved_token(tokenizer: SentencePieceTokenizer, number: int) -> None:
    mark_id = FIRST_MARK_ID + number
    assert tokenizer.vocab[mark_id] == f"<special{number + 2}>"
    assert [id_ for id_ in tokenizer.encode(MARKS[number]) if tokenizer.vocab[id_] != "▁"] == [mark_id]
    assert tokenizer.decode([mark_id]) == MARKS[number]
    text = f"The cat sees {MARKS[number]} ."
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_a_mark_leaves_the_pieces_around_it_alone(tokenizer: SentencePieceTokenizer) -> None:
    before, after = tokenizer.encode("The cat sees"), tokenizer.encode("it.")
    ids = tokenizer.encode(f"The cat sees {MARKS[0]} it.")
    assert ids[: len(before)] == before
    assert ids[-len(after) :] == after
    assert ids.count(FIRST_MARK_ID) == 1


MARKED = st.lists(st.sampled_from(MARKS) | st.text(max_size=3), max_size=12).map("".join)


@given(text=MARKED)
def test_every_mark_is_one_token_and_comes_back(tokenizer: SentencePieceTokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    marks = [mark for mark in iter_marks(text) if mark in MARKS]
    assert [MARKS[id_ - FIRST_MARK_ID] for id_ in ids if id_ < FIRST_WORD_ID] == marks
    assert [mark for mark in iter_marks(tokenizer.decode(ids)) if mark in MARKS] == marks
    assert tokenizer.decode_batch([ids]) == [tokenizer.decode(ids)]


def test_the_name_of_a_reserved_token_is_text(tokenizer: SentencePieceTokenizer) -> None:
    ids = tokenizer.encode("<special2> </s>")
    assert min(ids) >= FIRST_WORD_ID
    assert tokenizer.decode(ids) == "<special2> </s>"


@pytest.mark.parametrize(
    ("characters", "lacking"),
    [
        ("aTœ. '", False),  # what the text had
        ("’…ﬁ\N{NO-BREAK SPACE}\N{SOFT HYPHEN}\N{ZERO WIDTH SPACE}", False),  # what is read as something that it had
        ("日👍Жř#", True),
        ("⁶₂½⁄", True),  # what would be another number: the vocabulary has no ^, _ and /
    ],
)
def test_characters_that_are_spelt_in_bytes_are_lacking(
    tokenizer: SentencePieceTokenizer, characters: str, lacking: bool
) -> None:
    for character in characters * 2:
        assert tokenizer.lacks(character) == lacking, character


def test_what_is_on_keyboards_has_pieces_and_quotes_are_one(tmp_path: Path) -> None:
    line = "the cat sees the house and “the cat” isn’t here"
    lines = [*[line] * 4000, "{a}@b#c^d ~ €5 \N{SNOWMAN} L’Ü"]
    (tmp_path / "text").write_text("\n".join(lines), encoding="utf-8")
    train_sentencepiece(TokenizerOptions((Source(("en",), tmp_path / "text"),), vocab_size=298), tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    letters = set("".join(tokenizer.vocab[FIRST_WORD_ID + 256 :]))
    assert letters >= set("{}@#^~€5L\"'")
    assert letters.isdisjoint("☃“”’Ü")
    assert tokenizer.encode("isn’t “here”") == tokenizer.encode('isn\'t "here"')


def test_numerals_are_learned_as_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("x² and 10⁶ are ½ of it\n" * 30, encoding="utf-8")
    train_sentencepiece(TokenizerOptions((Source(("en",), tmp_path / "text"),), vocab_size=288), tmp_path)
    vocab = "".join(load_tokenizer(tmp_path).vocab[FIRST_WORD_ID + 256 :])
    assert "^" in vocab
    assert "/" in vocab


def test_a_vocabulary_is_learned_from_variants_too(options: TokenizerOptions, tmp_path: Path) -> None:
    capitals = dataclasses.replace(options, vocab_size=330, augmentations=(Augmentation("capitals", 1),))
    train_sentencepiece(capitals, tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    assert not any(map(tokenizer.lacks, "ÇŒÈ"))


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
    with pytest.raises(DataError, match=rf"^no text in {tmp_path}/empty, for language en$"):
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
