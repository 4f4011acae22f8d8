"""The tokenizers of other families than XLM, by SentencePiece, a tokenizer.json or BPE codes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xlmcli.errors import ModelError
from xlmcli.lines import read_model_file
from xlmcli.outputs import atomic_write
from xlmcli.text.language_tokens import is_language_token
from xlmcli.text.pieces import (
    BPE_CODES_FILE,
    find_vocabularies,
    index_pieces,
    one_line,
    open_sentencepiece,
    read_vocabulary,
)
from xlmcli.text.special import UNK_PIECE

if TYPE_CHECKING:
    import tokenizers

    from xlmcli.text.moses_bpe import MosesBPETokenizer

SOURCE_FILE, TARGET_FILE = "source.spm", "target.spm"
JSON_FILE = "tokenizer.json"
_SPACE = "▁"


class FamilySentencePiece:
    """One SentencePiece model for both sides or one for each, whose pieces have ids of their own.

    Args:
        source: The model that encodes.
        target: The model that decodes; None is the same.
        vocab: The pieces of both sides, each once.
        origin: Where the models came from, for messages.

    Raises:
        ModelError: They are no SentencePiece models, or the vocabulary has no ``<unk>``.
    """

    def __init__(
        self, source: bytes, target: bytes | None, vocab: Sequence[str], origin: Path | str = "tokenizer"
    ) -> None:
        self._models = (source, target)
        self.vocab = list(vocab)
        self.vocab_size = len(self.vocab)
        self._ids, self._unk = index_pieces(self.vocab, origin)
        self._source = open_sentencepiece(source, origin)
        self._target = self._source if target is None else open_sentencepiece(target, origin)

    def encode(self, text: str, lang: str | None = None) -> list[int]:
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str], lang: str | None = None) -> list[list[int]]:
        ids, unk = self._ids, self._unk
        batch = self._source.encode(list(texts), out_type=str, num_threads=1)
        return [[ids.get(piece, unk) for piece in pieces] for pieces in batch]

    def decode(self, ids: Sequence[int], lang: str | None = None) -> str:
        """Returns the text of ``ids``; what is no piece of text, such as ``</s>`` or a language token, is left out."""
        pieces = [self.vocab[index] for index in ids]
        text = self._target.decode([piece for piece in pieces if self._is_text(piece)])
        # Pieces that only the source's model has come out as they are.
        return one_line(text.replace(_SPACE, " ").strip())

    def decode_batch(self, ids: Sequence[Sequence[int]], lang: str | None = None) -> list[str]:
        return [self.decode(sequence) for sequence in ids]

    def save(self, folder: Path) -> None:
        for name, model in zip((SOURCE_FILE, TARGET_FILE), self._models, strict=True):
            if model is not None:
                with atomic_write(folder / name, "wb") as file:
                    file.write(model)

    def _is_text(self, piece: str) -> bool:
        for processor in (self._target, self._source):
            index = processor.piece_to_id(piece)
            if not processor.is_unknown(index):
                return not processor.is_control(index)
        return False


class JsonTokenizer:
    """A tokenizer of the ``tokenizers`` library.

    Args:
        document: What tokenizer.json says.
        vocab: The engine's pieces; None for the tokenizer's own, in the order of its ids.
        origin: Where it came from, for messages.

    Raises:
        ModelError: It is no tokenizer, or the vocabulary has no ``<unk>``.
    """

    def __init__(self, document: str, vocab: Sequence[str] | None = None, origin: Path | str = "tokenizer") -> None:
        from tokenizers import Tokenizer

        self._document = document
        try:
            self._tokenizer: tokenizers.Tokenizer = Tokenizer.from_str(document)
        except Exception as error:  # the library raises no class of its own
            raise ModelError(f"{origin}: not a tokenizer ({error})") from None
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.vocab = self._own_pieces() if vocab is None else list(vocab)
        self.vocab_size = len(self.vocab)
        self._ids, self._unk = index_pieces(self.vocab, origin)
        self._known: dict[int, int] = {}

    def encode(self, text: str, lang: str | None = None) -> list[int]:
        return self._map(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def encode_batch(self, texts: Sequence[str], lang: str | None = None) -> list[list[int]]:
        batch = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [self._map(encoding.ids) for encoding in batch]

    def decode(self, ids: Sequence[int], lang: str | None = None) -> str:
        """Returns the text of ``ids``; special tokens, those of languages too, are left out."""
        pieces = [self.vocab[index] for index in ids]
        own = [self._tokenizer.token_to_id(piece) for piece in pieces if not is_language_token(piece)]
        return one_line(self._tokenizer.decode([index for index in own if index is not None]))

    def decode_batch(self, ids: Sequence[Sequence[int]], lang: str | None = None) -> list[str]:
        return [self.decode(sequence) for sequence in ids]

    def save(self, folder: Path) -> None:
        with atomic_write(folder / JSON_FILE) as file:
            file.write(self._document)

    def _own_pieces(self) -> list[str]:
        pieces = self._tokenizer.get_vocab(with_added_tokens=True)
        by_id = {index: piece for piece, index in pieces.items()}
        return [by_id.get(index, f"<unused{index}>") for index in range(max(by_id) + 1)]

    def _map(self, own_ids: Sequence[int]) -> list[int]:
        """Returns the ids of the engine's vocabulary for ids of the tokenizer."""
        known = self._known
        for index in own_ids:
            if index not in known:
                known[index] = self._ids.get(self._tokenizer.id_to_token(index) or UNK_PIECE, self._unk)
        return [known[index] for index in own_ids]


def has_family_tokenizer(folder: Path) -> bool:
    """Tells whether a folder holds such a tokenizer and the engine's vocabulary."""
    has_tokenizer = any((folder / name).is_file() for name in (SOURCE_FILE, JSON_FILE, BPE_CODES_FILE))
    return has_tokenizer and bool(find_vocabularies(folder))


def load_family_tokenizer(folder: Path) -> FamilySentencePiece | JsonTokenizer | MosesBPETokenizer:
    """Opens the tokenizer of a bundle.

    Raises:
        ModelError: A file cannot be read or is not what it should be.
    """
    vocab = read_vocabulary(folder)
    if (folder / SOURCE_FILE).is_file():
        target = folder / TARGET_FILE
        return FamilySentencePiece(
            read_model_file(folder / SOURCE_FILE), read_model_file(target) if target.is_file() else None, vocab, folder
        )
    if (folder / BPE_CODES_FILE).is_file():
        from xlmcli.text.moses_bpe import MosesBPETokenizer

        return MosesBPETokenizer(read_model_file(folder / BPE_CODES_FILE), vocab, folder / BPE_CODES_FILE)
    return JsonTokenizer(read_model_file(folder / JSON_FILE).decode("utf-8", "replace"), vocab, folder / JSON_FILE)
