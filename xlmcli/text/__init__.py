"""Text to token ids and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Tokenizer(Protocol):
    """Turns a line of text into ids of a vocabulary and back. Ids of sequence marks (``</s>``) are never added.

    A language is for tokenizers whose rules depend on it; others take no notice. None stands for English.
    """

    @property
    def vocab(self) -> list[str]:
        """The piece of every id, in id order."""

    @property
    def vocab_size(self) -> int:
        """How many ids there are, special ones included."""

    def encode(self, text: str, lang: str | None = None) -> list[int]:
        """Returns the ids of ``text``; none for an empty or blank text."""

    def encode_batch(self, texts: Sequence[str], lang: str | None = None) -> list[list[int]]:
        """Encodes many texts."""

    def decode(self, ids: Sequence[int], lang: str | None = None) -> str:
        """Returns the text of ``ids`` as one line; control ids such as ``</s>`` are left out."""

    def decode_batch(self, ids: Sequence[Sequence[int]], lang: str | None = None) -> list[str]:
        """Decodes many sequences of ids."""

    def save(self, folder: Path) -> None:
        """Writes the tokenizer's files into an existing folder."""


def load_tokenizer(folder: Path) -> Tokenizer:
    """Opens the tokenizer of a folder: of a tokenizer, a checkpoint or a bundle.

    Raises:
        ModelError: The folder holds no tokenizer, or one that is damaged or has no XLM vocabulary.
    """
    from xlmcli.text.sentencepiece import TOKENIZER_FILE, SentencePieceTokenizer

    if not (folder / TOKENIZER_FILE).is_file():
        # Only here, since its library takes time to import.
        from xlmcli.text.xlm_bpe import XLMBPETokenizer, has_xlm_bpe

        if has_xlm_bpe(folder):
            return XLMBPETokenizer.load(folder)
        from xlmcli.text.family_tokenizers import has_family_tokenizer, load_family_tokenizer

        if has_family_tokenizer(folder):
            return load_family_tokenizer(folder)
    return SentencePieceTokenizer.load(folder)
