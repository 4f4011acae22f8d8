"""The tokenizers of the published XLM models: Moses or a segmenter, then byte-pair encoding."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xlmcli.errors import ModelError, unreadable
from xlmcli.outputs import atomic_write
from xlmcli.text.bpe import WORD_END, Merge, WordEncoder
from xlmcli.text.detokenization import detokenize
from xlmcli.text.moses_chunks import ChunkedEncoder
from xlmcli.text.special import RESERVED_PIECES, UNK_PIECE
from xlmcli.text.word_segmenters import SEGMENTED_LANGS
from xlmcli.text.words import MosesSplitter, SegmentingSplitter

VOCAB_FILE = "vocab.json"
MERGES_FILE = "merges.txt"
CONFIG_FILE = "tokenizer_config.json"

# XLMTokenizer takes a text for English when it is told nothing else.
_DEFAULT_LANG = "en"

LOWERCASES_KEY = "do_lowercase_and_remove_accent"


@dataclass(frozen=True, slots=True)
class XLMVocabulary:
    """What a tokenizer is made of.

    Attributes:
        vocab: Id of every piece; a piece that ends a word ends in ``</w>``.
        merges: Pairs of pieces, in the order in which they are merged.
        config: What else Hugging Face's tokenizer is told, as JSON holds it.
    """

    vocab: Mapping[str, int]
    merges: Sequence[Merge]
    config: Mapping[str, object]

    @property
    def lowercases(self) -> bool:
        """Whether text is lowercased and loses its accents; as in Hugging Face's tokenizer, it is unless told."""
        return bool(self.config.get(LOWERCASES_KEY, True))

    def save(self, folder: Path) -> None:
        """Writes the files that Hugging Face's XLMTokenizer opens into an existing folder."""
        with atomic_write(folder / VOCAB_FILE) as file:
            json.dump(dict(self.vocab), file, ensure_ascii=False, indent=0)
            file.write("\n")
        with atomic_write(folder / MERGES_FILE) as file:
            file.writelines(f"{left} {right}\n" for left, right in self.merges)
        with atomic_write(folder / CONFIG_FILE) as file:
            json.dump(dict(self.config), file, ensure_ascii=False, indent=2)
            file.write("\n")


class XLMBPETokenizer:
    """Tokenises as Hugging Face's XLMTokenizer does, several times as fast, and back."""

    def __init__(self, vocabulary: XLMVocabulary) -> None:
        self._vocabulary = vocabulary
        pieces = {index: piece for piece, index in vocabulary.vocab.items()}
        self.vocab_size: int = max(pieces) + 1
        # Conversions of the original vocabularies have dropped pieces that became the same.
        self.vocab: list[str] = [pieces.get(index, _unused(index)) for index in range(self.vocab_size)]
        self._words = WordEncoder(vocabulary.vocab, vocabulary.merges, lowercases=vocabulary.lowercases)
        silent = {*map(_unused, range(self.vocab_size)), *RESERVED_PIECES} - {UNK_PIECE}
        self._texts = ["" if piece in silent else _piece_text(piece) for piece in self.vocab]
        self._encoders: dict[str, ChunkedEncoder | _SegmentedEncoder] = {}

    @classmethod
    def load(cls, folder: Path) -> XLMBPETokenizer:
        """Opens the tokenizer of a folder.

        Raises:
            ModelError: A file is missing or is not what it should be.
        """
        return cls(XLMVocabulary(_read_vocab(folder), _read_merges(folder), _read_config(folder)))

    @property
    def lowercases(self) -> bool:
        """Whether text is lowercased and loses its accents."""
        return self._vocabulary.lowercases

    def padded(self, vocab_size: int) -> XLMBPETokenizer:
        """Returns the tokenizer with a piece for each of a model's words; those that it lacks stand for nothing."""
        spare = {_unused(index): index for index in range(self.vocab_size, vocab_size)}
        vocabulary = self._vocabulary
        return XLMBPETokenizer(replace(vocabulary, vocab={**vocabulary.vocab, **spare})) if spare else self

    def encode(self, text: str, lang: str | None = None) -> list[int]:
        """Returns the ids of ``text``.

        Raises:
            MissingExtraError: The language needs a segmenter that is not installed.
            ModelError: KyTea, for Japanese, has no model.
        """
        return self._encoder(lang).encode(text)

    def encode_batch(self, texts: Sequence[str], lang: str | None = None) -> list[list[int]]:
        encode = self._encoder(lang).encode
        return [encode(text) for text in texts]

    def decode(self, ids: Sequence[int], lang: str | None = None) -> str:
        texts = self._texts
        words = "".join([texts[index] for index in ids]).split()
        return detokenize(words, lang or _DEFAULT_LANG)

    def decode_batch(self, ids: Sequence[Sequence[int]], lang: str | None = None) -> list[str]:
        return [self.decode(sequence, lang) for sequence in ids]

    def save(self, folder: Path) -> None:
        self._vocabulary.save(folder)

    def _encoder(self, lang: str | None) -> ChunkedEncoder | _SegmentedEncoder:
        lang = lang or _DEFAULT_LANG
        encoder = self._encoders.get(lang)
        if encoder is None:
            if lang in SEGMENTED_LANGS:
                encoder = _SegmentedEncoder(SegmentingSplitter(lang), self._words)
            else:
                encoder = ChunkedEncoder(MosesSplitter(lang), self._words)
            self._encoders[lang] = encoder
        return encoder


@dataclass(frozen=True, slots=True)
class _SegmentedEncoder:
    """Encodes lines of a language that is written without spaces."""

    splitter: SegmentingSplitter
    words: WordEncoder

    def encode(self, text: str) -> list[int]:
        return self.words.encode(self.splitter.split(text))


def _unused(index: int) -> str:
    return f"<unused{index}>"


def _piece_text(piece: str) -> str:
    if piece == UNK_PIECE:
        # It may have been the end of a word; whether it was is lost.
        return f" {piece} "
    return f"{piece.removesuffix(WORD_END)} " if piece.endswith(WORD_END) else piece


def has_xlm_bpe(folder: Path) -> bool:
    """Tells whether a folder holds a vocabulary and merges of this kind."""
    return (folder / VOCAB_FILE).is_file() and (folder / MERGES_FILE).is_file()


def _read_vocab(folder: Path) -> dict[str, int]:
    path = folder / VOCAB_FILE
    vocab = _read_json(path)
    if not isinstance(vocab, dict) or not all(type(index) is int and index >= 0 for index in vocab.values()):
        raise ModelError(f"{path}: expected an object of pieces and their ids")
    if len(set(vocab.values())) < len(vocab):
        raise ModelError(f"{path}: two pieces have the same id")
    if UNK_PIECE not in vocab:
        raise ModelError(f"{path}: not an XLM vocabulary: it has no {UNK_PIECE}")
    return vocab


def _read_merges(folder: Path) -> list[Merge]:
    # XLMTokenizer leaves out what stands after the last line end, and reads two columns.
    lines = _read_text(folder / MERGES_FILE).split("\n")[:-1]
    columns = [line.split()[:2] for line in lines]
    return [(pair[0], pair[1]) for pair in columns if len(pair) == 2]


def _read_config(folder: Path) -> dict[str, object]:
    path = folder / CONFIG_FILE
    config = _read_json(path) if path.exists() else {}
    if not isinstance(config, dict):
        raise ModelError(f"{path}: expected an object")
    return config


def _read_json(path: Path) -> object:
    try:
        parsed: object = json.loads(_read_text(path))
    except ValueError as error:
        raise ModelError(f"{path}: not JSON: {error}") from error
    return parsed


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ModelError(f"no {path.name} in {path.parent}") from error
    except OSError as error:
        raise ModelError(unreadable(path, error)) from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: not UTF-8") from error
