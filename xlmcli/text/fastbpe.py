"""The vocabulary of an original checkpoint, fastBPE's codes and the dictionary, in Hugging Face's convention.

fastBPE marks what does not end a word: ``star@@ ring``. Hugging Face's vocabulary marks what does: ``star ring</w>``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlmcli.errors import DataError, ModelError
from xlmcli.lines import iter_file_lines
from xlmcli.text.bpe import WORD_END, Merge
from xlmcli.text.special import FIRST_WORD_ID, RESERVED_PIECES
from xlmcli.text.xlm_bpe import LOWERCASES_KEY, XLMVocabulary

_CONTINUATION = "@@"


def save_fastbpe_as_hf(codes: Path, words: Sequence[str], folder: Path, lowercase_and_remove_accent: bool) -> None:
    """Writes the tokenizer of an original checkpoint into an existing folder, as `XLMBPETokenizer` reads it.

    Args:
        codes: fastBPE's codes, ``left right count`` a line.
        words: The checkpoint's dictionary in id order, special tokens first; every word keeps its id.
        folder: Where to write.
        lowercase_and_remove_accent: Whether the model's training text was lowercased and lost its accents.

    Raises:
        DataError: The codes cannot be read or are not codes, or the folder cannot be written.
        ModelError: The dictionary does not start with XLM's special tokens, or has an entry twice.
    """
    config = {"tokenizer_class": "XLMTokenizer", LOWERCASES_KEY: lowercase_and_remove_accent}
    XLMVocabulary(_pieces(words), _read_codes(codes), config).save(folder)


def to_hf_piece(word: str) -> str:
    """Returns an entry of a vocabulary, ``star@@`` or ``ring``, as Hugging Face writes it: ``star`` or ``ring</w>``."""
    # A mark alone continues nothing: it is the text "@@".
    if word.endswith(_CONTINUATION) and word != _CONTINUATION:
        return word.removesuffix(_CONTINUATION)
    return word + WORD_END


def _pieces(words: Sequence[str]) -> dict[str, int]:
    if tuple(words[:FIRST_WORD_ID]) != RESERVED_PIECES:
        raise ModelError(
            f"not an XLM dictionary: it starts with {' '.join(words[:FIRST_WORD_ID])}",
            hint=f"expected {' '.join(RESERVED_PIECES)}",
        )
    vocab = {piece: index for index, piece in enumerate(RESERVED_PIECES)}
    for index, word in enumerate(words[FIRST_WORD_ID:], start=FIRST_WORD_ID):
        piece = to_hf_piece(word)
        if piece in vocab:
            raise ModelError(f"entries {vocab[piece]} and {index} of the dictionary are both {word}")
        vocab[piece] = index
    return vocab


def _read_codes(path: Path) -> list[Merge]:
    merges: list[Merge] = []
    for number, line in enumerate(iter_file_lines(path), start=1):
        # Nothing but the plain space separates: a no-break space is a symbol like others.
        columns = line.removesuffix("\r").split(" ")
        if len(columns) != 3 or not columns[2].isdecimal():
            raise DataError(
                f"{path}:{number}: expected two pieces and a count, found {line!r}",
                hint="the codes of fastBPE are what `fast learnbpe` writes",
            )
        merges.append((columns[0], columns[1]))
    return merges
