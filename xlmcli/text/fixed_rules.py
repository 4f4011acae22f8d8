"""Tokenising all languages by the rules of one, as models were fine-tuned through Hugging Face's XLMTokenizer.

It takes every text for English: that is the default of its ``lang``, and transformers 4 and 5 hand no other on to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlmcli.text import Tokenizer


class FixedRulesTokenizer:
    """Another tokenizer, which is never told the language of a text to encode; so it follows the English rules."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    @property
    def vocab(self) -> list[str]:
        return self._tokenizer.vocab

    @property
    def vocab_size(self) -> int:
        return self._tokenizer.vocab_size

    def encode(self, text: str, lang: str | None = None) -> list[int]:
        return self._tokenizer.encode(text)

    def encode_batch(self, texts: Sequence[str], lang: str | None = None) -> list[list[int]]:
        return self._tokenizer.encode_batch(texts)

    def decode(self, ids: Sequence[int], lang: str | None = None) -> str:
        return self._tokenizer.decode(ids, lang)

    def decode_batch(self, ids: Sequence[Sequence[int]], lang: str | None = None) -> list[str]:
        return self._tokenizer.decode_batch(ids, lang)

    def save(self, folder: Path) -> None:
        self._tokenizer.save(folder)
