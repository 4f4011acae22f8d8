"""The special tokens of XLM, at XLM's ids.

Source: ``xlm/data/dictionary.py`` of the original implementation. ``<s>`` is never used: every sequence is
``</s> w … </s>``. The masked-language-model's mask is ``<special1>``.
"""

from __future__ import annotations

BOS_ID = 0
EOS_ID = 1
PAD_ID = 2
UNK_ID = 3
FIRST_SPECIAL_ID = 4
NUM_SPECIAL = 10
MASK_ID = FIRST_SPECIAL_ID + 1

BOS_PIECE = "<s>"
EOS_PIECE = "</s>"
PAD_PIECE = "<pad>"
UNK_PIECE = "<unk>"
SPECIAL_PIECES = tuple(f"<special{number}>" for number in range(NUM_SPECIAL))

RESERVED_PIECES = (BOS_PIECE, EOS_PIECE, PAD_PIECE, UNK_PIECE, *SPECIAL_PIECES)
"""The piece of every id below the first word's, in id order."""

SPECIAL_IDS = {
    "bos_index": BOS_ID,
    "eos_index": EOS_ID,
    "pad_index": PAD_ID,
    "unk_index": UNK_ID,
    "mask_index": MASK_ID,
}
"""The id of every special token that XLM's settings name."""

FIRST_WORD_ID = len(RESERVED_PIECES)
