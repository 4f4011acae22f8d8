"""Translation quality by sacreBLEU; the only importer of sacrebleu."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF


@dataclass(frozen=True, slots=True)
class Score:
    """A corpus score with what is needed to compare it.

    Attributes:
        value: 0-100.
        signature: sacreBLEU's own, verbatim.
    """

    value: float
    signature: str


def corpus_bleu(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """BLEU in 0-100 with sacreBLEU's defaults; ``references`` holds one list of lines a reference."""
    return float(BLEU().corpus_score(hypotheses, references).score)


def score_translations(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
    """BLEU and chrF2 with their signatures, keyed ``BLEU`` and ``chrF2``."""
    scores = {}
    for name, metric in (("BLEU", BLEU()), ("chrF2", CHRF())):
        value = float(metric.corpus_score(hypotheses, references).score)
        scores[name] = Score(value, str(metric.get_signature()))
    return scores
