"""Byte-pair encoding of words with a given list of merges; as in Hugging Face's XLM, ``</w>`` ends a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tokenizers import models

from xlmcli.text.moses_normalization import lowercase_and_strip_accents
from xlmcli.text.special import UNK_PIECE

WORD_END = "</w>"
Merge = tuple[str, str]
Ids = tuple[int, ...]

_SPACE = " "
_LAST_SPACE = f"{_SPACE}{WORD_END}"

_MAX_CACHED_CHARACTERS = 1 << 20


class WordEncoder:
    """Encodes words; those that come again, as most do, are looked up."""

    def __init__(self, vocab: Mapping[str, int], merges: Sequence[Merge], *, lowercases: bool) -> None:
        """Prepares the merges.

        Args:
            vocab: Id of every piece, ``<unk>`` among them.
            merges: Pairs of pieces, first the one that is merged first. A result outside ``vocab`` is ``<unk>``.
            lowercases: Whether words are put in lower case without accents first.
        """
        self._vocab = vocab
        self._unk_id = vocab[UNK_PIECE]
        self._lowercases = lowercases
        symbols = _symbols(vocab, merges)
        self._ids = [vocab.get(symbol, self._unk_id) for symbol in symbols]
        model = models.BPE(
            vocab={symbol: number for number, symbol in enumerate(symbols)},
            merges=list(merges),
            unk_token=UNK_PIECE,
            end_of_word_suffix=WORD_END,
            cache_capacity=0,
        )
        self._tokenize = model.tokenize
        self._known: dict[str, Ids] = {}
        self._num_cached_characters = 0

    def encode(self, words: Iterable[str]) -> list[int]:
        """Returns the ids of words, one after another."""
        ids: list[int] = []
        for word in words:
            ids += self.encode_word(word)
        return ids

    def encode_word(self, word: str) -> Ids:
        """Returns the ids of one word."""
        ids = self._known.get(word)
        if ids is None:
            self._num_cached_characters += len(word) + 1
            if self._num_cached_characters > _MAX_CACHED_CHARACTERS:
                self._known.clear()
                self._num_cached_characters = 0
            ids = self._known[word] = self.encode_new_word(word)
        return ids

    def encode_new_word(self, word: str) -> Ids:
        """Returns the ids of a word that need not be remembered; a character that the vocabulary lacks is ``<unk>``."""
        form = lowercase_and_strip_accents(word) if self._lowercases else word
        if _SPACE in form:
            return self._encode_spaced(form)
        ids = self._ids
        return tuple([ids[token.id] for token in self._tokenize(form)])

    def _encode_spaced(self, word: str) -> Ids:
        """Encodes a "word" with spaces in it, which Thai segmentation makes, as XLMTokenizer does.

        It joins pieces by spaces and splits them there again, so that in cased text a space turns into two ids.
        """
        if self._lowercases:
            parts = [part for part in word.split(" ") if part]
            return tuple([self._ids[token.id] for part in parts for token in self._tokenize(part)])
        ids: list[int] = []
        for token in self._tokenize(word):
            if token.value == _SPACE:
                ids += [self._unk_id, self._unk_id]
            elif token.value == _LAST_SPACE:
                ids += [self._unk_id, self._vocab.get(WORD_END, self._unk_id)]
            else:
                ids.append(self._ids[token.id])
        return tuple(ids)


def _symbols(vocab: Iterable[str], merges: Iterable[Merge]) -> list[str]:
    """Returns all that merging meets: the library wants every result in its vocabulary."""
    merged = (symbol for left, right in merges for symbol in (left, right, left + right))
    return list(dict.fromkeys([*vocab, *merged, _SPACE, _LAST_SPACE]))
