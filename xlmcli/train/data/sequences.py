"""Sentences as a model reads them: between ``</s>``, padded or end to end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlmcli.text.special import EOS_ID, PAD_ID
from xlmcli.train.data.corpus import Corpus


def enclose(sentences: Corpus, *, ends: bool = True) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Puts ``</s>`` before each sentence, and after it unless ``ends`` is false, and pads on the right.

    Returns:
        Ids and mask, True at real tokens, both (batch, longest).
    """
    lens = sentences.lens[:, None]
    columns = np.arange(int(lens.max()) + 1 + ends)
    real = columns < lens + 1 + ends
    ids = np.where(real, EOS_ID, PAD_ID)
    ids[(columns >= 1) & (columns <= lens)] = sentences.ids
    return ids, real


def join_sentences(sentences: Corpus) -> NDArray[np.int32]:
    """The sentences end to end, ``</s>`` after each, int32 (total tokens,)."""
    ends = np.cumsum(sentences.lens + 1)
    text = np.full(int(ends[-1]), EOS_ID, dtype=np.int32)
    is_word = np.ones(len(text), dtype=np.bool_)
    is_word[ends - 1] = False
    text[is_word] = sentences.ids
    return text
