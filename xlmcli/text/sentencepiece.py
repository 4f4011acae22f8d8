"""SentencePiece vocabularies with XLM's special tokens and byte fallback, so that nothing is ever ``<unk>``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from xlmcli.errors import ModelError, unreadable
from xlmcli.outputs import atomic_write
from xlmcli.text.byte_pieces import BYTE_PIECES
from xlmcli.text.invisibles import without_invisibles
from xlmcli.text.lookalikes import plain_forms
from xlmcli.text.marks import FIRST_MARK_ID, MARKS, has_marks
from xlmcli.text.numerals import ODD_NUMERALS, plain_numerals
from xlmcli.text.pieces import one_line, open_sentencepiece
from xlmcli.text.special import RESERVED_PIECES, UNK_ID

TOKENIZER_FILE = "tokenizer.model"

_WESTERN_LETTERS = frozenset(map(chr, range(0xC0, 0x100))) - {"×", "÷"} | set("ŒœŸ")

# UTF-8 takes three bytes, so three pieces, for a mark.
_MARK_LEN = 3


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
        return one_line(self._processor.decode(self._without_marks(ids)))

    def decode_batch(self, ids: Sequence[Sequence[int]], lang: str | None = None) -> list[str]:
        texts = self._processor.decode([self._without_marks(sequence) for sequence in ids], num_threads=1)
        return [one_line(text) for text in texts]

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
