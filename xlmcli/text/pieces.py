"""Vocabularies: the engine's files of pieces, and what tokenizers of other families than XLM need of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xlmcli.errors import ModelError
from xlmcli.lines import read_model_file
from xlmcli.text.special import UNK_PIECE

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

BPE_CODES_FILE = "bpe.codes"

# In sentencepiece 0.2 the level of messages that pass: 0 information, 1 warnings, 2 errors, 3 what ends the process.
SILENT = 3

# As CTranslate2 writes them: one for both sides, of an encoder, or one a side.
_VOCABULARIES = (
    ("shared_vocabulary.json",),
    ("vocabulary.json",),
    ("source_vocabulary.json", "target_vocabulary.json"),
)


def one_line(text: str) -> str:
    """Takes out the line ends that a model's pieces can spell: a line in must stay a line out."""
    return text.replace("\n", " ")


def index_pieces(vocab: Sequence[str], origin: Path | str) -> tuple[dict[str, int], int]:
    """Returns the id of every piece, and that of ``<unk>``.

    Raises:
        ModelError: There is no ``<unk>``.
    """
    ids = {piece: index for index, piece in enumerate(vocab)}
    if UNK_PIECE not in ids:
        raise ModelError(f"{origin}: the vocabulary has no {UNK_PIECE}")
    return ids, ids[UNK_PIECE]


def open_sentencepiece(model: bytes, origin: Path | str) -> SentencePieceProcessor:
    """Opens the bytes of a model file of SentencePiece, which says nothing itself from then on.

    Raises:
        ModelError: ``model`` is not a SentencePiece model.
    """
    import sentencepiece

    sentencepiece.SetMinLogLevel(SILENT)
    try:
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    except RuntimeError:
        processor = None
    if not model or processor is None:
        raise ModelError(f"{origin}: not a SentencePiece model")
    return processor


def find_vocabularies(folder: Path) -> tuple[str, ...]:
    """Returns the names of the engine's vocabularies in a folder; none where there are none."""
    return next((names for names in _VOCABULARIES if (folder / names[0]).is_file()), ())


def read_vocabulary(folder: Path) -> list[str]:
    """Returns the pieces of the engine's vocabularies, each once, those of the source first.

    Raises:
        ModelError: There is none, or it is damaged.
    """
    return list(dict.fromkeys(piece for listed in read_vocabularies(folder).values() for piece in listed))


def read_vocabularies(folder: Path) -> dict[str, list[str]]:
    """Returns the pieces of the engine's vocabularies by the names of their files.

    Raises:
        ModelError: There is none, or it is damaged.
    """
    names = find_vocabularies(folder)
    if not names:
        raise ModelError(f"{folder}: no vocabulary, neither {' nor '.join(names[0] for names in _VOCABULARIES)}")
    return {name: _read_pieces(folder / name) for name in names}


def _read_pieces(path: Path) -> list[str]:
    try:
        listed = json.loads(read_model_file(path))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not JSON: {error}") from None
    if not isinstance(listed, list) or not all(isinstance(piece, str) for piece in listed):
        raise ModelError(f"{path}: expected a list of pieces")
    try:
        "".join(listed).encode()
    except UnicodeEncodeError:  # JSON can spell a half of a surrogate pair, which is no character
        raise ModelError(f"{path}: a piece is not text of whole characters") from None
    return listed
