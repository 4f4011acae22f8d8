"""The tokenizer of a checkpoint of the original code: fastBPE codes and the dictionary."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from xlmcli.errors import DataError, ModelError
from xlmcli.lines import iter_file_lines
from xlmcli.outputs import temporary_folder
from xlmcli.text.fastbpe import save_fastbpe_as_hf
from xlmcli.text.special import FIRST_WORD_ID
from xlmcli.text.xlm_bpe import XLMBPETokenizer

CODES_NAME = "codes"

# Words of a lowercased corpus that are not lowercase all the same, such as a sign without a lowercase form of its own.
_MAX_CASED_SHARE = 0.001


def original_tokenizer(
    path: Path, words: Sequence[str], codes: Path | None = None, vocab: Path | None = None
) -> XLMBPETokenizer:
    """Makes the tokenizer of a ``.pth`` file.

    Args:
        path: The file.
        words: Its dictionary.
        codes: fastBPE's codes; None is ``codes`` beside the file.
        vocab: fastBPE's vocabulary, only checked to be that of the dictionary.

    Raises:
        DataError: The codes are not fastBPE's.
        ModelError: There are no codes, or the vocabulary does not fit the dictionary.
    """
    codes = path.with_name(CODES_NAME) if codes is None else codes
    if not codes.is_file():
        raise ModelError(
            f"{codes}: no BPE codes, without which text cannot be cut into the words of {path.name}",
            hint=f"put the file of codes beside {path.name} as {CODES_NAME}, or name it with xlm convert --codes",
        )
    if vocab is not None:
        _check_vocab(vocab, words)
    with temporary_folder() as folder:
        save_fastbpe_as_hf(codes, words, folder, lowercase_and_remove_accent=is_lowercased(words))
        return XLMBPETokenizer.load(folder)


def is_lowercased(words: Sequence[str]) -> bool:
    """Whether a dictionary was made from lowercased text without accents; the files of a checkpoint do not say."""
    ours = words[FIRST_WORD_ID:]
    return sum(word != _plain(word) for word in ours) <= _MAX_CASED_SHARE * len(ours)


def _plain(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word.lower())
    return "".join(char for char in decomposed if unicodedata.category(char) != "Mn")


def _check_vocab(vocab: Path, words: Sequence[str]) -> None:
    """Makes sure that fastBPE's vocabulary (``word count`` a line) begins with the dictionary's words."""
    try:
        listed = [line.split(" ")[0] for line in iter_file_lines(vocab)]
    except DataError as error:
        raise ModelError(error.message, hint=error.hint) from None
    for number, (found, expected) in enumerate(zip(listed, words[FIRST_WORD_ID:], strict=False), start=1):
        if found != expected:
            raise ModelError(
                f"{vocab}:{number}: found {found!r} where the dictionary of the model has {expected!r}",
                hint="name the vocabulary that the model was trained with, or leave --vocab out",
            )
    if len(listed) < len(words) - FIRST_WORD_ID:
        raise ModelError(
            f"{vocab}: {len(listed)} words, and the dictionary of the model has {len(words) - FIRST_WORD_ID}"
        )
