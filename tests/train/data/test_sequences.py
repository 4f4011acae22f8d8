"""Sentences between ``</s>``."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.text.special import EOS_ID, FIRST_WORD_ID, PAD_ID
from xlmcli.train.data.corpus import Corpus
from xlmcli.train.data.sequences import enclose, join_sentences

SENTENCES = st.lists(st.lists(st.integers(FIRST_WORD_ID, 99), min_size=1, max_size=9), min_size=1, max_size=12)


@given(SENTENCES, st.data())
def test_joined_sentences(sentences: list[list[int]], data: st.DataObject) -> None:
    order = data.draw(st.lists(st.integers(0, len(sentences) - 1), min_size=1, max_size=20))
    expected = [word for index in order for word in (*sentences[index], EOS_ID)]
    assert join_sentences(Corpus.from_sequences(sentences).take(np.array(order))).tolist() == expected


@given(SENTENCES, st.booleans())
def test_enclosed_sentences(sentences: list[list[int]], ends: bool) -> None:
    ids, real = enclose(Corpus.from_sequences(sentences), ends=ends)
    expected = [[EOS_ID, *words, *([EOS_ID] if ends else [])] for words in sentences]
    assert [row[mask].tolist() for row, mask in zip(ids, real, strict=True)] == expected
    assert (ids[~real] == PAD_ID).all()
    assert ids.shape[1] == max(map(len, expected))
