from __future__ import annotations

import pytest
import sacrebleu

from xlmcli.metrics.translation import corpus_bleu, score_translations

HYPOTHESES = ["The cat sat on the mat.", "A dog ate my homework today.", "It rains."]
REFERENCES = ["The cat sat on a mat.", "The dog ate my homework today.", "It is raining."]


def test_bleu_is_sacrebleus() -> None:
    assert corpus_bleu(REFERENCES, [REFERENCES]) == pytest.approx(100)
    expected = sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES]).score
    assert corpus_bleu(HYPOTHESES, [REFERENCES]) == pytest.approx(expected)
    assert 10 < expected < 90


def test_several_references_help() -> None:
    assert corpus_bleu(HYPOTHESES, [REFERENCES, HYPOTHESES]) == pytest.approx(100)


def test_scores_come_with_their_signatures() -> None:
    scores = score_translations(HYPOTHESES, [REFERENCES])
    assert scores["BLEU"].value == pytest.approx(corpus_bleu(HYPOTHESES, [REFERENCES]))
    assert scores["BLEU"].signature.startswith("nrefs:1|case:mixed|")
    assert "tok:13a" in scores["BLEU"].signature
    assert scores["chrF2"].value == pytest.approx(sacrebleu.corpus_chrf(HYPOTHESES, [REFERENCES]).score)
    assert "nc:6|nw:0" in scores["chrF2"].signature
