"""Vocabularies of other families than XLM: the ids of their pieces, and the name of the file with BPE codes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlmcli.errors import ModelError

BPE_CODES_FILE = "bpe.codes"
UNK = "<unk>"


def index_pieces(vocab: Sequence[str], origin: Path | str) -> tuple[dict[str, int], int]:
    """Returns the id of every piece, and that of ``<unk>``.

    Raises:
        ModelError: There is no ``<unk>``.
    """
    ids = {piece: index for index, piece in enumerate(vocab)}
    if UNK not in ids:
        raise ModelError(f"{origin}: the vocabulary has no {UNK}")
    return ids, ids[UNK]
