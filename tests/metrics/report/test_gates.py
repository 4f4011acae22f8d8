from __future__ import annotations

import pytest

from xlmcli.errors import ExitCode, GateError, UsageError
from xlmcli.metrics.report.gates import Gate, check_gates, parse_gates
from xlmcli.metrics.report.reports import Metric, Report, Score, System

METRICS = (Metric("BLEU", 2), Metric("chrF2++", 2), Metric("TER", 2, higher_is_better=False), Metric("macro_f1", 4))
NAMES = [metric.name for metric in METRICS]


def report(*systems: tuple[float, float, float, float]) -> Report:
    rows = [System(f"s{number}", tuple(map(Score, values))) for number, values in enumerate(systems)]
    return Report("translate", 10, METRICS, tuple(rows))


def test_limits_are_read_by_name() -> None:
    gates = parse_gates("bleu=30,CHRF=50.5,ter=40,macro-f1=0.8", NAMES)
    assert gates == (Gate(0, 30), Gate(1, 50.5), Gate(2, 40), Gate(3, 0.8))
    assert parse_gates("chrf2++=1", NAMES) == (Gate(1, 1),)


@pytest.mark.parametrize("text", ["bleu", "bleu=", "bleu=x", "bleu=nan", "", "comet=1", "bleu=1,,chrf=2"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--fail-under"):
        parse_gates(text, NAMES)


def test_scores_that_reach_their_limits_pass() -> None:
    check_gates(report((30, 50, 40, 0.8)), parse_gates("bleu=30,chrf=50,ter=40,macro_f1=0.8", NAMES))


def test_every_score_that_falls_short_is_named() -> None:
    gates = parse_gates("bleu=30,ter=40", NAMES)
    with pytest.raises(GateError) as caught:
        check_gates(report((31, 0, 41.5, 0), (29.5, 0, 12, 0)), gates)
    assert caught.value.exit_code == ExitCode.GATE_FAILED
    assert caught.value.message == "s1: BLEU 29.50 is under 30; s0: TER 41.50 is over 40"


def test_a_score_just_under_is_printed_so_that_it_shows() -> None:
    with pytest.raises(GateError, match=r"BLEU 29\.999 is under 30"):
        check_gates(report((29.999, 0, 0, 0)), parse_gates("bleu=30", NAMES))
