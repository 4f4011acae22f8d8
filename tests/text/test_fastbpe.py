"""fastBPE's codes and a dictionary as a vocabulary."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xlmcli.errors import DataError, ModelError
from xlmcli.text import load_tokenizer
from xlmcli.text.fastbpe import save_fastbpe_as_hf
from xlmcli.text.special import RESERVED_PIECES
from xlmcli.text.xlm_bpe import XLMBPETokenizer

WORDS = (*RESERVED_PIECES, "low", "er", "low@@", "e@@", "r@@", "s", "@@", "Low")
CODES = "l o 9\nlo w</w> 8\nlo w 7\ne r</w> 6\n"


@pytest.fixture
def codes(tmp_path: Path) -> Path:
    path = tmp_path / "codes"
    path.write_text(CODES, encoding="utf-8")
    return path


def test_pieces_keep_their_ids_and_change_their_marks(codes: Path, tmp_path: Path) -> None:
    save_fastbpe_as_hf(codes, WORDS, tmp_path, True)
    vocab = json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8"))
    assert [vocab[piece] for piece in RESERVED_PIECES] == list(range(14))
    assert list(vocab)[14:] == ["low</w>", "er</w>", "low", "e", "r", "s</w>", "@@</w>", "Low</w>"]
    assert list(vocab.values()) == list(range(len(WORDS)))
    assert (tmp_path / "merges.txt").read_text(encoding="utf-8") == "l o\nlo w</w>\nlo w\ne r</w>\n"


@pytest.mark.parametrize("lowercases", [True, False])
def test_words_are_cut_as_by_fastbpe(lowercases: bool, codes: Path, tmp_path: Path) -> None:
    save_fastbpe_as_hf(codes, WORDS, tmp_path, lowercases)
    tokenizer = load_tokenizer(tmp_path)
    assert isinstance(tokenizer, XLMBPETokenizer)
    assert [WORDS[index] for index in tokenizer.encode("low lower ers")] == ["low", "low@@", "er", "e@@", "r@@", "s"]
    assert WORDS[tokenizer.encode("Low")[0]] == ("low" if lowercases else "<unk>")


@pytest.mark.parametrize("line", ["", "one", "a b", "a b c", "a b c 4"])
def test_other_files_are_refused(line: str, codes: Path, tmp_path: Path) -> None:
    codes.write_text(f"l o 9\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match="codes:2: expected two pieces and a count"):
        save_fastbpe_as_hf(codes, WORDS, tmp_path, False)


def test_codes_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="codes"):
        save_fastbpe_as_hf(tmp_path / "codes", WORDS, tmp_path, False)


@pytest.mark.parametrize(
    ("words", "message"), [(WORDS[1:], "not an XLM dictionary"), ((*WORDS, "low"), "are both low")]
)
def test_other_dictionaries_are_refused(words: tuple[str, ...], message: str, codes: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=message):
        save_fastbpe_as_hf(codes, words, tmp_path, False)
