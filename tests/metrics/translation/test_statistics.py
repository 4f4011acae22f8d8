"""Statistics are those that sacreBLEU counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.metrics.base import Metric

from xlmcli.metrics.translation import ngrams
from xlmcli.metrics.translation.ngrams import iter_matches, number_words
from xlmcli.metrics.translation.statistics import count_statistics

METRICS = [BLEU(force=True), BLEU(lowercase=True, tokenize="char", force=True), CHRF(), CHRF(word_order=2), TER()]
LINE = st.lists(st.sampled_from(["a", "b", "ab", "ba.", "a,b", "猫", "", "\U0001f4a9", "(A)", "Ab!"]), max_size=9).map(
    " ".join
)
ROWS = st.integers(1, 3).flatmap(
    lambda refs: st.lists(st.lists(LINE, min_size=refs + 1, max_size=refs + 1), min_size=1, max_size=6)
)


@pytest.mark.parametrize(
    "metric", METRICS, ids=lambda metric: f"{type(metric).__name__}-{getattr(metric, 'word_order', 0)}"
)
@given(rows=ROWS)
@settings(max_examples=30, deadline=None)
def test_statistics_are_sacrebleus(metric: Metric, rows: list[list[str]]) -> None:
    hypotheses, *references = map(list, zip(*rows, strict=True))
    expected = metric._extract_corpus_statistics(hypotheses, references)
    np.testing.assert_array_equal(
        count_statistics(metric, hypotheses, references), np.array(expected, dtype=np.float64)
    )


@pytest.mark.parametrize("metric", METRICS[:4], ids=range(4))
@pytest.mark.parametrize("max_id", [np.iinfo(np.int64).max, 3_000_000])
def test_statistics_of_real_text(
    metric: Metric, max_id: int, texts: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # With few numbers to give, n-grams are numbered anew.
    monkeypatch.setattr(ngrams, "_MAX_ID", max_id)
    for references in ([texts["ref"]], [texts["ref2"], texts["bad"], texts["ref"]]):
        expected = metric._extract_corpus_statistics(texts["good"], references)
        np.testing.assert_array_equal(count_statistics(metric, texts["good"], references), expected)


def test_matches_do_not_run_over_the_end_of_a_line() -> None:
    ours, theirs = number_words([[["a", "b"], ["c"], [], ["d", "a"]], [["a"], ["b", "c"], ["d"], ["d", "a", "d", "a"]]])
    matches = [list(counts) for counts in iter_matches(ours, [theirs], 3)]
    assert matches == [[1, 1, 0, 2], [0, 0, 0, 1], [0, 0, 0, 0]]
