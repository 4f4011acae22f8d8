"""The tokenizer of packages of Argos Translate with a ``bpe.model``: Moses, its entities, and subword-nmt's codes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from xlmcli.errors import ModelError
from xlmcli.outputs import atomic_write
from xlmcli.text.bpe import WORD_END, Merge, WordEncoder
from xlmcli.text.detokenization import detokenize
from xlmcli.text.fastbpe import to_hf_piece
from xlmcli.text.moses_normalization import normalize_punctuation
from xlmcli.text.moses_tokenization import MosesTokenizer
from xlmcli.text.pieces import BPE_CODES_FILE, index_pieces
from xlmcli.text.special import UNK_PIECE

_DEFAULT_LANG = "en"

# Source: ``tokenizer.perl`` and ``detokenizer.perl`` of Moses.
_ENTITIES = {
    "&": "&amp;", "|": "&#124;", "<": "&lt;", ">": "&gt;", "'": "&apos;", '"': "&quot;", "[": "&#91;", "]": "&#93;",
}  # fmt: skip
_ESCAPES = str.maketrans(_ENTITIES)
_CHARACTERS = {entity: character for character, entity in _ENTITIES.items()} | {
    "&bar;": "|",
    "&bra;": "[",
    "&ket;": "]",
}
_ENTITY = re.compile("|".join(_CHARACTERS))
# What Moses writes for a hyphen inside a word, if it is told to cut there.
_HYPHEN = " @-@ "

# Control characters that Python takes for spaces; normalisation would take them away.
_CONTROL_SPACES = str.maketrans(dict.fromkeys("\t\n\v\f\x1c\x1d\x1e\x1f\x85", " "))

# No piece of text looks so, since its brackets are entities.
_CONTROL_PIECE = re.compile("<.+>|>>.+<<")

# In 0.1 the end of a word was a symbol of its own, and no line said the version.
_VERSION_MARK, _VERSION, _UNMARKED_VERSION = "#version:", "0.2", "0.1"


class MosesBPETokenizer:
    """Cuts text as Argos Translate does, save that full-width punctuation is made plain and invisible characters go.

    Args:
        codes: What the file of codes holds.
        vocab: The engine's pieces; those that do not end a word end in ``@@``.
        origin: Where the codes came from, for messages.

    Raises:
        ModelError: They are no codes of version 0.2, or the vocabulary has no ``<unk>``.
    """

    def __init__(self, codes: bytes, vocab: Sequence[str], origin: Path | str = "tokenizer") -> None:
        self._codes = codes
        self.vocab = list(vocab)
        self.vocab_size = len(self.vocab)
        _, unk = index_pieces(self.vocab, origin)
        pieces = [to_hf_piece(piece) for piece in self.vocab]
        ids = {piece: index for index, piece in enumerate(pieces)} | {UNK_PIECE: unk}
        self._words = WordEncoder(ids, parse_subword_codes(codes, origin), lowercases=False)
        self._texts = list(map(_piece_text, self.vocab, pieces))
        self._splitters: dict[str, MosesTokenizer] = {}

    def encode(self, text: str, lang: str | None = None) -> list[int]:
        lang = lang or _DEFAULT_LANG
        if not text.isprintable():
            text = text.translate(_CONTROL_SPACES)
        words = self._splitter(lang).tokenize(normalize_punctuation(text, lang))
        return list(self._words.encode(" ".join(words).translate(_ESCAPES).split()))

    def encode_batch(self, texts: Sequence[str], lang: str | None = None) -> list[list[int]]:
        return [self.encode(text, lang) for text in texts]

    def decode(self, ids: Sequence[int], lang: str | None = None) -> str:
        """Returns the text of ``ids``; a word that is unknown comes out as ``<unk>``."""
        text = "".join([self._texts[index] for index in ids]).replace(_HYPHEN, "-")
        words = _ENTITY.sub(lambda match: _CHARACTERS[match[0]], text).split()
        return detokenize(words, lang or _DEFAULT_LANG)

    def decode_batch(self, ids: Sequence[Sequence[int]], lang: str | None = None) -> list[str]:
        return [self.decode(sequence, lang) for sequence in ids]

    def save(self, folder: Path) -> None:
        with atomic_write(folder / BPE_CODES_FILE, "wb") as file:
            file.write(self._codes)

    def _splitter(self, lang: str) -> MosesTokenizer:
        if lang not in self._splitters:
            self._splitters[lang] = MosesTokenizer(lang)
        return self._splitters[lang]


def parse_subword_codes(content: bytes, origin: Path | str) -> list[Merge]:
    """Returns the merges of subword-nmt's codes, each once.

    Raises:
        ModelError: They are damaged, or of another version than 0.2.
    """
    try:
        # And not `splitlines`: pieces may hold characters that Python takes for ends of lines.
        version, *lines = content.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ModelError(f"{origin}: not UTF-8 ({error})") from None
    mark, _, number = version.strip().partition(" ")
    found = number if mark == _VERSION_MARK else _UNMARKED_VERSION
    if found != _VERSION:
        raise ModelError(f"{origin}: codes of subword-nmt's version {found!r} are not read, only those of {_VERSION}")
    merges: dict[Merge, None] = {}
    for position, line in enumerate(lines, start=2):
        columns = line.strip("\r ").split(" ")
        if len(columns) != 2:
            raise ModelError(f"{origin}:{position}: expected two pieces, found {line!r}")
        merges[columns[0], columns[1]] = None
    return list(merges)


def _piece_text(piece: str, hf_piece: str) -> str:
    if piece == UNK_PIECE:
        return f" {UNK_PIECE} "
    if _CONTROL_PIECE.fullmatch(piece):
        return ""
    return f"{hf_piece.removesuffix(WORD_END)} " if hf_piece.endswith(WORD_END) else hf_piece
