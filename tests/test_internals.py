"""What of other packages' insides is used: where it moves, a test says so in a word."""

from __future__ import annotations

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from xlmcli.text.moses_data import _module


@pytest.mark.parametrize(
    ("metric", "names"),
    [
        (BLEU, ("_extract_corpus_statistics", "_preprocess_segment", "_compute_score_from_stats", "_TOKENIZER_MAP")),
        (
            CHRF,
            ("_extract_corpus_statistics", "_preprocess_segment", "_compute_score_from_stats", "_remove_punctuation",
             "_compute_f_score"),
        ),
        (TER, ("_extract_corpus_statistics", "_compute_score_from_stats")),
    ],
)  # fmt: skip
def test_sacrebleus_metrics_have_what_our_statistics_use(metric: type, names: tuple[str, ...]) -> None:
    missing = [name for name in names if not hasattr(metric(), name)]
    assert not missing, f"sacrebleu's {metric.__name__} has no {missing} any more: see metrics/translation"


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("_data_perluniprops", ("PERLUNIPROPS",)),
        ("_data_nonbreaking_prefixes", ("NONBREAKING_PREFIXES",)),
        ("indic", ("VIRAMAS", "NUKTAS")),
    ],
)
def test_sacremoses_has_the_tables_that_our_rules_use(module: str, names: tuple[str, ...]) -> None:
    missing = [name for name in names if not hasattr(_module(module), name)]
    assert not missing, f"sacremoses.{module} has no {missing} any more: see text/moses_data.py"
