"""Learns a SentencePiece vocabulary with XLM's special tokens from text."""

from __future__ import annotations

import io
import re
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sentencepiece import SentencePieceTrainer

from xlmcli.errors import DataError
from xlmcli.sources import Source
from xlmcli.text.augmentation import Augmentation
from xlmcli.text.invisibles import without_invisibles
from xlmcli.text.lookalikes import plain_quotes
from xlmcli.text.numerals import plain_numerals
from xlmcli.text.pieces import SILENT
from xlmcli.text.sampling import LanguageSample, sample_sentences
from xlmcli.text.sentencepiece import SentencePieceTokenizer
from xlmcli.text.special import BOS_ID, EOS_ID, PAD_ID, SPECIAL_PIECES, UNK_ID

# Rarer characters are spelt in bytes. SentencePiece's own 0.9995 would spell the œ of French so.
_CHARACTER_COVERAGE = 0.9999

# What is on keyboards gets a piece however rare it is, if the text has it at all: braces, @, ^, signs of money.
_KEYBOARD_CHARACTERS = frozenset(string.ascii_letters + string.digits + string.punctuation + "€£°§")

# SentencePiece's own limit.
_MAX_LINE_BYTES = 4192


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
