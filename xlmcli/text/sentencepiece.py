"""SentencePiece vocabularies with XLM's special tokens and byte fallback, so that nothing is ever ``<unk>``."""

from __future__ import annotations

import io
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from sentencepiece import SentencePieceTrainer

from xlmcli.errors import DataError, ModelError, unreadable
from xlmcli.outputs import atomic_write
from xlmcli.sources import Source
from xlmcli.text.augmentation import Augmentation
from xlmcli.text.byte_pieces import BYTE_PIECES
from xlmcli.text.invisibles import without_invisibles
from xlmcli.text.lookalikes import plain_forms, plain_quotes
from xlmcli.text.numerals import ODD_NUMERALS, plain_numerals
from xlmcli.text.pieces import SILENT, open_sentencepiece
from xlmcli.text.sampling import LanguageSample, sample_sentences
from xlmcli.text.spans import FIRST_MARK_ID, MARKS, has_marks
from xlmcli.text.special import (
    BOS_ID,
    EOS_ID,
    PAD_ID,
    RESERVED_PIECES,
    SPECIAL_PIECES,
    UNK_ID,
)

TOKENIZER_FILE = "tokenizer.model"

# Rarer characters are spelt in bytes. SentencePiece's own 0.9995 would spell the œ of French so.
_CHARACTER_COVERAGE = 0.9999

# What is on keyboards gets a piece however rare it is, if the text has it at all: braces, @, ^, signs of money.
_KEYBOARD_CHARACTERS = frozenset(string.ascii_letters + string.digits + string.punctuation + "€£°§")

_WESTERN_LETTERS = frozenset(map(chr, range(0xC0, 0x100))) - {"×", "÷"} | set("ŒœŸ")

# UTF-8 takes three bytes, so three pieces, for a mark.
_MARK_LEN = 3

# SentencePiece's own limit.
_MAX_LINE_BYTES = 4192


class SentencePieceTokenizer:
    """A SentencePiece model whose ids are XLM's. The marks of protected spans in a text are reserved tokens."""

    def __init__(self, model: bytes, origin: Path | str = "tokenizer") -> None:
        """Opens the bytes of a model file.

        Args:
            model: What `TOKENIZER_FILE` holds.
            origin: Where it came from, for messages.

        Raises:
            ModelError: ``model`` is not a SentencePiece model, or its first ids are not XLM's special tokens.
        """
        self._processor = open_sentencepiece(model, origin)
        self._model = model
        self.vocab_size: int = self._processor.vocab_size()
        try:
            self._check_special_tokens(origin)
            self._plain_forms = plain_forms(self.vocab)
        except UnicodeDecodeError:
            raise ModelError(f"{origin}: damaged: a piece is not UTF-8") from None
        self._numeral_marks = "".join(mark for mark in "^_/" if self._has_piece(mark))
        byte_ids = self._processor.piece_to_id(list(BYTE_PIECES))
        self._byte_ids = frozenset(byte_ids)
        self._mark_bytes = {
            FIRST_MARK_ID + number: tuple(byte_ids[byte] for byte in mark.encode()) for number, mark in enumerate(MARKS)
        }
        self._marks = {spelling: mark_id for mark_id, spelling in self._mark_bytes.items()}
        self._lacking: dict[str, bool] = {}

    @classmethod
    def load(cls, folder: Path) -> SentencePieceTokenizer:
        """Opens the tokenizer of a folder.

        Raises:
            ModelError: There is none, or it is not an XLM vocabulary.
        """
        path = folder / TOKENIZER_FILE
        try:
            model = path.read_bytes()
        except FileNotFoundError as error:
            raise ModelError(
                f"no {TOKENIZER_FILE} in {folder}",
                hint="name the folder of a tokenizer, a checkpoint or a bundle; xlm tokenizer train makes one",
            ) from error
        except OSError as error:
            raise ModelError(unreadable(path, error)) from error
        return cls(model, path)

    @cached_property
    def vocab(self) -> list[str]:
        pieces: list[str] = self._processor.id_to_piece(list(range(self.vocab_size)))
        return pieces

    def encode(self, text: str, lang: str | None = None) -> list[int]:
        ids: list[int] = self._processor.encode(self._plain(text))
        return self._with_marks(ids) if has_marks(text) else ids

    def _has_piece(self, character: str) -> bool:
        return any(index != UNK_ID for index in self._processor.piece_to_id([character, f"▁{character}"]))

    def lacks(self, character: str) -> bool:
        """Whether a character has no piece and is spelt in bytes.

        Not so the accented letters of western Europe: where rare ones are spelt in bytes, their words were learned so.
        But so is a raised digit or a fraction that the vocabulary has no plain form of, and takes for another number.
        """
        lacking = self._lacking.get(character)
        if lacking is None:
            is_spelt = not self._byte_ids.isdisjoint(self.encode(character))
            is_lost = character in ODD_NUMERALS and character in self._plain(f"1{character}")
            lacking = self._lacking[character] = is_lost or (is_spelt and character not in _WESTERN_LETTERS)
        return lacking

    def encode_batch(self, texts: Sequence[str], lang: str | None = None) -> list[list[int]]:
        # One by one: for a list, SentencePiece starts a thread, which takes longer than a few texts do.
        return [self.encode(text) for text in texts]

    def decode(self, ids: Sequence[int], lang: str | None = None) -> str:
        return _one_line(self._processor.decode(self._without_marks(ids)))

    def decode_batch(self, ids: Sequence[Sequence[int]], lang: str | None = None) -> list[str]:
        texts = self._processor.decode([self._without_marks(sequence) for sequence in ids], num_threads=1)
        return [_one_line(text) for text in texts]

    def save(self, folder: Path) -> None:
        with atomic_write(folder / TOKENIZER_FILE, "wb") as file:
            file.write(self._model)

    def _plain(self, text: str) -> str:
        text = without_invisibles(text)
        return text if text.isascii() else plain_numerals(text, self._numeral_marks).translate(self._plain_forms)

    def _with_marks(self, ids: list[int]) -> list[int]:
        """Ids in which the bytes of each mark are the reserved token that it stands for."""
        marked, position = [], 0
        while position < len(ids):
            mark_id = self._marks.get(tuple(ids[position : position + _MARK_LEN]))
            marked.append(ids[position] if mark_id is None else mark_id)
            position += 1 if mark_id is None else _MARK_LEN
        return marked

    def _without_marks(self, ids: Sequence[int]) -> list[int]:
        """Ids in which each of these reserved tokens is the bytes of its mark: SentencePiece would leave it out."""
        if self._mark_bytes.keys().isdisjoint(ids):
            return list(ids)
        return [piece for id_ in ids for piece in self._mark_bytes.get(id_, (id_,))]

    def _check_special_tokens(self, origin: Path | str) -> None:
        for index, expected in enumerate(RESERVED_PIECES):
            piece = self._processor.id_to_piece(index) if index < self.vocab_size else "missing"
            if piece != expected:
                raise ModelError(
                    f"{origin}: not an XLM vocabulary: id {index} is {piece}, expected {expected}",
                    hint="xlm tokenizer train learns one",
                )


def _one_line(text: str) -> str:
    # A model can produce the byte of a line end, and a line in must stay a line out.
    return text.replace("\n", " ")


@dataclass(frozen=True, slots=True)
class TokenizerOptions:
    """How to learn a vocabulary.

    Attributes:
        sources: Text to learn from; the two sides of a parallel source count as two monolingual ones.
        vocab_size: Ids in all: special tokens, 256 bytes, pieces.
        model_type: How pieces are chosen.
        alpha: Exponent of the sampling p ∝ n^alpha over languages: 1 follows the data, 0 treats all alike.
        num_sentences: Lines to learn from in all, at most.
        seed: Which lines are drawn.
        lowercase: Fold case, in the text to learn from and in all that the vocabulary reads later.
        augmentations: Variants of the text to learn from as well.
    """

    sources: tuple[Source, ...]
    vocab_size: int = 8000
    model_type: Literal["unigram", "bpe"] = "unigram"
    alpha: float = 0.5
    num_sentences: int = 1_000_000
    seed: int = 0
    lowercase: bool = False
    augmentations: tuple[Augmentation, ...] = ()


def train_sentencepiece(options: TokenizerOptions, folder: Path) -> list[LanguageSample]:
    """Learns a shared vocabulary and writes it into ``folder``, which is made if it does not exist.

    Returns:
        How many lines of each language there were and were learned from.

    Raises:
        DataError: A source cannot be read, has no text, or has too little for a vocabulary of this size.
    """
    samples = sample_sentences(
        options.sources, options.num_sentences, options.alpha, options.seed, options.augmentations
    )
    sentences = [_learnable(sentence) for sample in samples for sentence in sample.sentences]
    tokenizer = SentencePieceTokenizer(_learn(sentences, options))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot create {folder}: {error.strerror}") from error
    tokenizer.save(folder)
    return samples


def _learnable(sentence: str) -> str:
    return plain_quotes(plain_numerals(without_invisibles(sentence)))


def _learn(sentences: list[str], options: TokenizerOptions) -> bytes:
    model = io.BytesIO()
    # Case is folded before characters are counted.
    present = set().union(*(sentence.lower() if options.lowercase else sentence for sentence in sentences))
    try:
        SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            vocab_size=options.vocab_size,
            model_type=options.model_type,
            normalization_rule_name="nmt_nfkc_cf" if options.lowercase else "nmt_nfkc",
            character_coverage=_CHARACTER_COVERAGE,
            required_chars="".join(sorted(_KEYBOARD_CHARACTERS & present)),
            byte_fallback=True,
            bos_id=BOS_ID,
            eos_id=EOS_ID,
            pad_id=PAD_ID,
            unk_id=UNK_ID,
            control_symbols=list(SPECIAL_PIECES),
            minloglevel=SILENT,
        )
    except RuntimeError as error:
        raise _learning_error(error, options.vocab_size) from error
    return model.getvalue()


def _learning_error(error: RuntimeError, vocab_size: int) -> DataError:
    text = str(error)
    if "sentences_.empty()" in text:
        return DataError(f"no line to learn from: SentencePiece leaves out those of over {_MAX_LINE_BYTES:,} bytes")
    if match := re.search(r"too high .*<= (\d+)", text):
        hint = f"this text gives at most --vocab-size {match[1]}"
    elif match := re.search(r"required_chars\. \d+ vs (\d+)", text):
        hint = f"the characters of this text need more than --vocab-size {match[1]}"
    else:
        hint = None
    if hint is None:
        return DataError(f"SentencePiece could not learn a vocabulary: {text}")
    return DataError(f"cannot learn a vocabulary of {vocab_size} pieces from this text", hint=hint)
